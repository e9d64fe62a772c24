# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``dlatoms``."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import hyperspy_dlatoms

if TYPE_CHECKING:
    from hyperspy_dlatoms.signals import AtomPositions


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``dlatoms``.

    Parameters
    ----------
    arguments : sequence of str, optional
        The command line without the program's name; ``sys.argv`` where not given.

    Returns
    -------
    int
        The exit status: 0, or 1 after an error, which is one line on stderr.

    Raises
    ------
    SystemExit
        With status 2 for a command line that is not understood, 0 for ``--help``.
    """
    options = _parser().parse_args(arguments)
    with warnings.catch_warnings(action="default"):
        warnings.showwarning = _print_warning
        try:
            options.run(options)
        except (ValueError, TypeError, OSError) as error:
            print(f"dlatoms: error: {_one_line(error)}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("dlatoms: interrupted", file=sys.stderr)
            return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dlatoms", description="Find the atoms of HRTEM images with neural networks."
    )
    parser.add_argument("--version", action="version", version=hyperspy_dlatoms.__version__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    demo = _command(commands, _demo, "demo", "find the atoms of an example and check them")
    demo.add_argument(
        "-o", "--output", metavar="DIR", type=Path, default=Path(), help="for atoms.csv, atoms.png"
    )

    find = _command(commands, _find, "find", "find the atoms of the images in a file")
    find.add_argument("file", metavar="FILE", type=Path, help="anything that RosettaSciIO reads")
    find.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        type=_atoms_file,
        required=True,
        help="a table (.csv), a HyperSpy signal (.hspy) or structures (extended .xyz)",
    )
    find.add_argument(
        "--model", default="metal-nanoparticle", help="a name or a file (%(default)s)"
    )
    find.add_argument("--sampling", type=float, help="Å/px, where the file does not say")
    find.add_argument("--threshold", type=float, help="least probability (the model's)")
    find.add_argument("--png", metavar="FILE", type=Path, help="a picture of the first image")

    _command(commands, _models, "models", "list the networks that there are")

    simulate = _command(commands, _simulate, "simulate", "simulate a data set of images")
    simulate.add_argument("recipe", metavar="RECIPE", type=Path, help="YAML")
    simulate.add_argument("-o", "--output", metavar="DIR", type=Path, required=True)
    simulate.add_argument("--workers", metavar="N", type=int, help="processes at once")

    train = _command(commands, _train, "train", "train a network on simulated images")
    train.add_argument("recipe", metavar="RECIPE", type=Path, help="YAML")
    train.add_argument("--data", metavar="DIR", type=Path, help="data set (data/NAME)")
    train.add_argument("--runs", metavar="DIR", type=Path, help="run (runs/NAME)")
    train.add_argument("--minutes", metavar="M", type=float, help="stop after so long")
    train.add_argument(
        "--resume",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="go on with a run that was begun; else it is an error",
    )
    train.add_argument("-o", "--output", metavar="FILE", type=Path, help="model file to write")
    return parser


def _command(commands, run: Callable, name: str, text: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=f"{text.capitalize()}.")
    parser.set_defaults(run=run)
    return parser


def _demo(options: argparse.Namespace) -> None:
    from hyperspy_dlatoms.demo import Example, score
    from hyperspy_dlatoms.signals.picture import save_picture

    options.output.mkdir(parents=True, exist_ok=True)
    table, picture = options.output / "atoms.csv", options.output / "atoms.png"
    _check_writable(table, picture)
    example = Example.load()
    height, width = example.counts.shape
    _import_tensorflow()
    print(f"Finding the atoms of a simulated image, {height} x {width} px ...", flush=True)
    atoms = example.to_signal().find_atoms_nn("metal-nanoparticle", show_progressbar=False)
    sites = atoms.data[0]
    result = score(sites[:, :2], example.positions, example.sampling)
    _write_table(atoms, table)
    verdict = f"{result.found} of {result.true} columns found, {result.false} false"
    save_picture(picture, example.counts, sites, example.sampling, verdict)
    dose = example.counts.mean() / example.sampling**2
    _print_rows(
        ("image", f"{height} x {width} px, {example.sampling:g} Å/px, {dose:.0f} e/Å²"),
        ("found", f"{result.found} of {result.true} true columns"),
        ("false", f"{result.false}"),
        ("error", f"{100 * result.rms_error:.1f} pm rms"),
        ("wrote", f"{table} {picture}"),
    )


def _find(options: argparse.Namespace) -> None:
    import hyperspy.api as hs
    import numpy as np

    from hyperspy_dlatoms.signals.loading import load_images
    from hyperspy_dlatoms.signals.picture import save_picture

    _check_writable(options.output, *([options.png] if options.png else []))
    hs.set_log_level("CRITICAL")
    images, remark = load_images(options.file)
    if remark:
        print(remark)
    _import_tensorflow()
    atoms = images.find_atoms_nn(
        options.model,
        sampling=options.sampling,
        threshold=options.threshold,
        lazy_output=False,
        show_progressbar=sys.stderr.isatty(),
    )
    _write_atoms(atoms, options.output)
    count = sum(len(frame) for frame in atoms.data.ravel())
    y, x = atoms.metadata.VectorMetadata.sampling
    rows = [
        ("images", f"{atoms.data.size} of {' x '.join(map(str, images.data.shape[-2:]))} px"),
        ("sampling", f"{(y * x) ** 0.5:.4g} Å/px"),
        ("atoms", f"{count}"),
        ("wrote", f"{options.output}"),
    ]
    if options.png:
        first = images.data[(0,) * (images.data.ndim - 2)]
        sites = atoms.data.ravel()[0]
        save_picture(options.png, np.asarray(first), sites, (y * x) ** 0.5, f"{len(sites)} atoms")
        rows.append(("picture", f"{options.png}" + " (the first image)" * (atoms.data.size > 1)))
    _print_rows(*rows)


def _models(options: argparse.Namespace) -> None:
    from rich.console import Console
    from rich.table import Table

    from hyperspy_dlatoms.networks.model_file import read_model
    from hyperspy_dlatoms.registry import catalogue

    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("name", "version", "material", "classes"):
        table.add_column(heading)
    for heading in ("Å/px", "threshold", "MB"):
        table.add_column(heading, justify="right")
    table.add_column("scores")
    for name in catalogue.names():
        path = catalogue.path(name)
        card = read_model(path)[0]
        materials = card.domain.get("materials", card.domain.get("structures", ""))
        table.add_row(
            name,
            card.version,
            materials if isinstance(materials, str) else ", ".join(map(str, materials)),
            ", ".join(card.classes),
            f"{card.sampling:g}",
            f"{card.threshold:g}",
            f"{path.stat().st_size / 1e6:.1f}",
            ", ".join(f"{k} {_short(v)}" for k, v in card.scores.items() if k.startswith("F1")),
        )
    # A pipe has no width; it gets whole lines.
    Console(width=None if sys.stdout.isatty() else 400, highlight=False).print(table)


def _simulate(options: argparse.Namespace) -> None:
    from hyperspy_dlatoms.simulation.dataset import simulate

    simulate(
        options.recipe,
        options.output,
        num_workers=options.workers,
        show_progressbar=sys.stderr.isatty(),
    )
    _print_rows(("wrote", f"{options.output}"))


def _train(options: argparse.Namespace) -> None:
    from hyperspy_dlatoms.simulation.recipe import read_recipe
    from hyperspy_dlatoms.training.fit import train

    recipe = read_recipe(options.recipe)
    directory = options.runs or Path("runs") / recipe.name
    if not options.resume and directory.is_dir() and any(directory.iterdir()):
        raise FileExistsError(
            f"{str(directory)!r} holds a run already: remove it, give another --runs, or leave out "
            "--no-resume to go on with it."
        )
    if options.output:
        _check_writable(options.output)
    _import_tensorflow()
    written = train(
        recipe,
        data=options.data,
        directory=directory,
        minutes=options.minutes,
        output=options.output,
        show_progressbar=sys.stderr.isatty(),
    )
    _print_rows(("wrote", f"{written}"))


def _write_atoms(atoms: AtomPositions, path: Path) -> None:
    if path.suffix == ".csv":
        _write_table(atoms, path)
    elif path.suffix == ".xyz":
        import ase.io

        ase.io.write(path, atoms.to_ase(), format="extxyz")
    else:
        atoms.save(path, overwrite=True)


def _write_table(atoms: AtomPositions, path: Path) -> None:
    atoms.to_dataframe().to_csv(path, index=False, float_format="%.8g")


def _atoms_file(text: str) -> Path:
    path = Path(text)
    if path.suffix not in (".csv", ".hspy", ".xyz"):
        raise argparse.ArgumentTypeError(f"{text!r} does not end in .csv, .hspy or .xyz")
    return path


def _check_writable(*paths: Path) -> None:
    """Raise OSError where a file cannot be written, before the work that would be lost."""
    for path in paths:
        if path.is_dir():
            raise IsADirectoryError(f"{str(path)!r} is a directory: expected a file to write.")
        try:
            if path.exists():
                with path.open("ab"):
                    continue
            with tempfile.TemporaryFile(dir=path.parent):
                pass
        except OSError as error:
            raise OSError(f"{str(path)!r} cannot be written: {error.strerror}.") from error


def _import_tensorflow() -> None:
    """Import TensorFlow, where it is the backend, without the notes that it logs."""
    if os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
        return
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") != "3":
        return
    # Some releases write notes to the file itself, whatever the level.
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        import tensorflow

        # Looking for devices comes with notes of its own.
        tensorflow.config.list_physical_devices()
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _print_rows(*rows: tuple[str, str]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    for row in rows:
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else 400, highlight=False, markup=False).print(table)


def _print_warning(message, category, filename, lineno, file=None, line=None) -> None:
    if "hyperspy_dlatoms" in Path(filename).parts:
        print(f"dlatoms: warning: {_one_line(message)}", file=sys.stderr)


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _one_line(message: object) -> str:
    return " ".join(str(message).split())


if __name__ == "__main__":
    sys.exit(main())
