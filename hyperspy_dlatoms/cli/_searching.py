# SPDX-License-Identifier: GPL-3.0-or-later
"""The common part of ``dlatoms find`` and ``dlatoms classify``."""

from __future__ import annotations

import argparse
import gc
import math
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hyperspy_dlatoms._atomic_write import atomic_write
from hyperspy_dlatoms.cli._engine import quick_engine
from hyperspy_dlatoms.cli._files import Job, Plan, atoms_path, find_files, plan, write_together
from hyperspy_dlatoms.cli._output import print_error, print_rows, print_warning
from hyperspy_dlatoms.cli._wording import in_options

if TYPE_CHECKING:
    import numpy as np
    from hyperspy.signals import Signal2D

    from hyperspy_dlatoms.signals import AtomPositions


# Options that are not arguments of a method.
_OF_COMMANDS = ("files", "run", "output", "plot", "quality", "strain")


class Found(NamedTuple):
    """What is printed about the atoms in a file."""

    frames: int
    images: str
    sampling: float  # Å/px.
    remarks: list[tuple[str, str]]  # Of strain and quality.
    counts: list[tuple[str, str]]  # Of the atoms, or of each species.


def add_arguments(parser: argparse.ArgumentParser, **of_search: Any) -> None:
    """Declare the arguments of a search in files; `of_search` goes to `add_options`."""
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="+",
        help='anything HyperSpy reads, pictures too; several files, or a pattern such as "*.tif"',
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        type=atoms_path,
        required=True,
        help="a table (.csv; several files share one, with a column `file`); a HyperSpy signal "
        "(.hspy) or structures (extended .xyz) of one file; or a directory for one table per file",
    )
    add_options(parser, **of_search)
    parser.add_argument(
        "--resume",
        action="store_true",
        help="continue the interrupted search whose checkpoint is OUT.parts, or stop with an error "
        "if that was another search (default: continue if it was the same, else start again)",
    )
    parser.add_argument(
        "--plot",
        "--png",
        metavar="FILE",
        type=Path,
        help="a picture (.png, .pdf, .svg ...) of the first image, or the middle one of a focal "
        "series, with its atoms; for several files, a directory",
    )
    parser.add_argument(
        "--strain",
        action="store_true",
        help="add the strain at each atom and its errors to OUT (columns e_xx, e_yy, e_xy and "
        "rotation), relative to the lattice fitted to each grain, or to that of --material",
    )
    parser.add_argument(
        "--quality",
        action="store_true",
        help="say what to doubt in each image, and write it to OUT-quality.csv",
    )


def add_options(
    parser: argparse.ArgumentParser,
    *,
    model: str,
    sampling: Callable[[str], float | str] = float,
    sampling_help: str = "Å/px (default: that of the file)",
) -> None:
    """Declare the options of a search; `model` is the default, `sampling` parses one (Å/px)."""
    default = "auto, which takes the one that reads the images best" if model == "auto" else model
    parser.add_argument(
        "--model",
        default=model,
        help=f"a name that `dlatoms models` lists, or a model file (default: {default})",
    )
    parser.add_argument("--sampling", type=sampling, help=sampling_help)
    parser.add_argument(
        "--threshold", type=float, help="lowest probability of an atom (default: the model's)"
    )
    parser.add_argument(
        "--minimum-agreement",
        metavar="SHARE",
        type=float,
        help="lowest fraction of the networks of an ensemble that must find an atom",
    )
    parser.add_argument(
        "--symmetrise",
        action="store_true",
        help="average over rotations and reflections (8 times the cost)",
    )
    parser.add_argument(
        "--on-extrapolation",
        choices=("warn", "raise", "ignore"),
        default="warn",
        help="what to do about images unlike the training images (default: %(default)s)",
    )


def search(
    options: argparse.Namespace,
    method: Callable[..., AtomPositions],
    joins: bool = False,
    **more: Any,
) -> int:
    """Find atoms with a `method` of ``Signal2D`` and write them; return 1 if a file failed."""
    # With `joins`, images are focal series, and files of one image each make up one.
    import hyperspy.api as hs

    from hyperspy_dlatoms.signals._loading import are_single

    hs.set_log_level("CRITICAL")
    paths = find_files(options.files)
    series = joins and len(paths) > 1 and are_single(paths)
    task = plan(options.files, options.output, options.plot, options.quality, series)
    find = partial(find_in_file, options=options, method=method, more=more)
    if len(task.jobs) > 1:
        return _search_all(task, options, find)
    (job,) = task.jobs
    with in_words_of(options), on_threads():
        found = find(job, show_progressbar=sys.stderr.isatty(), alone=True)
    shutil.rmtree(job.parts)
    names = ", ".join(path.name for path in (job.source, *job.others))
    rows = [
        ("images", f"{found.frames} of {found.images}"),
        *([("series", names)] if job.others else []),
        ("sampling", f"{found.sampling:.4g} Å/px"),
        *found.counts,
        *found.remarks,
        ("wrote", " ".join(str(path) for path in (job.output, job.quality) if path)),
    ]
    if job.picture:
        which = "the middle image of the first series" if joins else "the first image"
        rows.append(("picture", f"{job.picture}" + f" ({which})" * (found.frames > 1)))
    print_rows(*rows)
    return 0


def _search_all(task: Plan, options: argparse.Namespace, find: Callable[..., Found]) -> int:
    """Find the atoms in several files; name those that fail, and go on with the others."""
    from hyperspy_dlatoms.signals import _blocks

    with in_words_of(options):
        # An error in the network concerns all files.
        if options.model != _blocks.AUTO:
            _blocks.resolve(options.model)
    if task.folder:
        task.folder.mkdir(exist_ok=True)
    done: dict[Job, Found] = {}
    units: dict[tuple[str, ...], Path] = {}
    with _progress(len(task.jobs)) as show, kept_heap():
        for number, job in enumerate(task.jobs):
            show(job.source, number)
            try:
                with in_words_of(options, job.source):
                    done[job] = find(
                        job, show_progressbar=False, units=units if task.table else None
                    )
            except Exception as error:
                print_error(job.source, error)
            close_maps()
    if done and task.table:
        write_together(task.table, {job.source: job.output for job in done})
        if task.quality:
            write_together(task.quality, {job.source: job.quality for job in done if job.quality})
    # Only now, so that an interrupted search repeats none of the files.
    for job in done:
        shutil.rmtree(job.parts)
        if task.table:
            job.output.unlink()
            if job.quality:
                job.quality.unlink()
    if task.folder:
        with suppress(OSError):
            # The checkpoints of files that failed stay.
            task.folder.rmdir()
    _print_all(task, done)
    return int(len(done) < len(task.jobs))


def _print_all(task: Plan, done: dict[Job, Found]) -> None:
    rows = []
    for job, found in done.items():
        counts = ", ".join(f"{count} {name}" for name, count in found.counts)
        images = f" in {found.frames} images" if found.frames > 1 else ""
        rows.append((f"{job.source}", f"{counts}{images}, {found.sampling:.4g} Å/px"))
        rows += [("", f"{name}: {text}") for name, text in found.remarks]
    if done:
        wrote = f"{len(done)} files in {task.jobs[0].output.parent}"
        if task.table:
            wrote = " ".join(str(path) for path in (task.table, task.quality) if path)
        rows.append(("wrote", wrote))
        if task.jobs[0].picture:
            rows.append(("pictures", f"{task.jobs[0].picture.parent}"))
        print_rows(*rows)


@contextmanager
def _progress(number: int) -> Iterator[Callable[[Path, int], None]]:
    """Show on a terminal which file is being searched, and how many are done."""
    from rich import progress
    from rich.console import Console

    columns = (
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeRemainingColumn(),
        progress.TextColumn("{task.description}"),
    )
    console, hidden = Console(file=sys.stderr, markup=False), not sys.stderr.isatty()
    with progress.Progress(*columns, console=console, transient=True, disable=hidden) as bar:
        task = bar.add_task("", total=number)

        def show(path: Path, done: int) -> None:
            bar.update(task, completed=done, description=path.name)

        yield show


def find_in_file(
    job: Job,
    *,
    options: argparse.Namespace,
    method: Callable[..., AtomPositions],
    more: dict[str, Any],
    show_progressbar: bool,
    units: dict[tuple[str, ...], Path] | None = None,
    alone: bool = False,
) -> Found:
    """Find the atoms in a file and write them; the checkpoint stays."""
    # `units` are those of the axes of earlier files, which have to agree within one table.
    import numpy as np
    from rsciio.utils.file import get_file_handle

    from hyperspy_dlatoms.signals._loading import load_images, load_series

    if job.others:
        images = load_series((job.source, *job.others), options.sampling is not None)
    else:
        images, remark = load_images(job.source)
        if remark:
            print(remark)
    ours = tuple(str(axis.units) for axis in images.axes_manager.signal_axes)
    if units is not None:
        _check_units(ours, units)
    run = partial(
        method,
        images,
        options.model,
        sampling=options.sampling,
        threshold=options.threshold,
        minimum_agreement=options.minimum_agreement,
        symmetrise=options.symmetrise,
        on_extrapolation=options.on_extrapolation,
        show_progressbar=show_progressbar,
        store=job.parts,
        **more,
    )
    frames = math.prod(images.data.shape[:-2])
    try:
        with quick_engine(frames) if alone else nullcontext():
            atoms, remarks = _find(run, job, options)
        if job.picture:
            _draw(job.picture, atoms, np.asarray(_first_image(images, atoms)))
    except BaseException:
        _remove_empty(job.parts)
        raise
    finally:
        # Otherwise hundreds of files stay open; the atoms are in the checkpoint.
        handle = get_file_handle(images.data, warn=False) if images._lazy else None
        if handle is not None:
            handle.close()
    if units is not None:
        units.setdefault(ours, job.source)
    y, x = atoms.metadata.VectorMetadata.sampling
    size = f"{' x '.join(map(str, images.data.shape[-2:]))} px"
    return Found(frames, size, float(y * x) ** 0.5, remarks, _counts(atoms))


def _find(
    run: Callable[[], AtomPositions], job: Job, options: argparse.Namespace
) -> tuple[AtomPositions, list[tuple[str, str]]]:
    """Find atoms and write them; return them, with remarks on their quality and strain."""
    atoms = _continued(run, job, resume=options.resume)
    if job.output.suffix == ".hspy" and atoms._lazy:
        # HyperSpy writes all atoms at once.
        atoms.compute(show_progressbar=False)
    if atoms._lazy:
        atoms.record_quality()
    remarks = _write_quality(atoms, job.quality) if job.quality else []
    if options.strain:
        atoms = atoms.strain(material=options.material)
        remarks.insert(0, _strain(atoms))
    _write_atoms(atoms, job.output)
    return atoms, remarks


def close_maps() -> None:
    """Close memory maps of images (TIFF, .npy) that are no longer used."""
    # They close with the last reference, but signals hold reference cycles, and Windows deletes no
    # open file. What is left, such as the network, is not scanned again until the end of
    # `kept_heap`: a scan takes as long as several images.
    gc.collect()
    gc.freeze()


@contextmanager
def kept_heap() -> Iterator[None]:
    """Let what `close_maps` keeps be collected only at the end."""
    others = gc.get_freeze_count()
    try:
        yield
    finally:
        # What the calling program has frozen before stays frozen.
        if not others:
            gc.unfreeze()


def _continued(run: Callable[[], AtomPositions], job: Job, *, resume: bool) -> AtomPositions:
    """Run a search from its checkpoint; replace that of another search unless `resume`."""
    from hyperspy_dlatoms.signals._checkpoint import MANIFEST, OtherSearchError

    _remove_empty(job.parts)
    manifest = job.parts / MANIFEST
    begun = manifest.exists()
    changed = max(path.stat().st_mtime for path in (job.source, *job.others))
    if begun and not resume and manifest.stat().st_mtime < changed:
        # The images may have changed where a checkpoint does not compare them.
        shutil.rmtree(job.parts)
        begun = False
    try:
        atoms = run()
    except OtherSearchError as error:
        if resume:
            raise ValueError(f"{error.problem}: leave out --resume to search again.") from error
        shutil.rmtree(job.parts)
        return run()
    if begun:
        print(f"Continued the interrupted search of {str(job.source)!r}.")
    return atoms


def _remove_empty(parts: Path) -> None:
    """Remove a checkpoint without any results."""
    from hyperspy_dlatoms.signals._checkpoint import MANIFEST

    if parts.is_dir() and all(
        path.name == MANIFEST or path.name.startswith(".") for path in parts.iterdir()
    ):
        shutil.rmtree(parts)


def _check_units(ours: tuple[str, ...], units: dict[tuple[str, ...], Path]) -> None:
    if ours not in units and units:
        ((theirs, first),) = units.items()
        raise ValueError(
            f"Its axes are in {_units(ours)}, those of {str(first)!r} in {_units(theirs)}: "
            "expected one unit per table. Give a directory with --output, for one table per file."
        )


def _units(units: tuple[str, ...]) -> str:
    return " and ".join(dict.fromkeys("no unit" if u == "<undefined>" else u for u in units))


@contextmanager
def on_threads() -> Iterator[None]:
    """Compute with the threads of this process unless dask is told otherwise."""
    # Given a name, dask would load its package for clusters, which takes half a second.
    import dask
    from dask.threaded import get

    with dask.config.set(scheduler=dask.config.get("scheduler", get)):
        yield


@contextmanager
def in_words_of(options: argparse.Namespace, source: Path | None = None) -> Iterator[None]:
    """Word errors and warnings in the options of a command, and let warnings name a file."""
    from hyperspy_dlatoms.signals._axes import AxesError

    names = [name for name in vars(options) if name not in _OF_COMMANDS]
    start = f"{source}: " if source else ""

    def show(message, *where, **more) -> None:
        print_warning(f"{start}{in_options(str(message), names)}", *where, **more)

    before, warnings.showwarning = warnings.showwarning, show
    try:
        yield
    except AxesError as error:
        estimate = ", or --sampling estimate" if "material" in names else ""
        raise ValueError(
            f"{in_options(error.problem, names)} Give --sampling in Å/px{estimate}."
        ) from error
    except (ValueError, TypeError) as error:
        raise ValueError(in_options(str(error), names)) from error
    finally:
        warnings.showwarning = before


def _counts(atoms: AtomPositions) -> list[tuple[str, str]]:
    """Return the number of atoms, or of each species if there are several."""
    import numpy as np

    from hyperspy_dlatoms.signals._export import each_frame

    vectors = atoms.metadata.VectorMetadata
    with_species = "species" in vectors.column_names
    names = vectors.species if with_species else ["atoms"]
    column = vectors.column_names.index("species") if with_species else 0
    counts = np.zeros(len(names), int)
    for frame in each_frame(atoms.data):
        kinds = frame[:, column] if with_species else np.zeros(len(frame))
        counts += np.bincount(kinds.astype(int), minlength=len(names))
    return [(name, f"{count}") for name, count in zip(names, counts, strict=True)]


def _write_quality(atoms: AtomPositions, path: Path) -> list[tuple[str, str]]:
    """Write what to doubt in each image, and return a summary."""
    table = atoms.quality()
    with atomic_write(path) as draft:
        table.to_csv(draft, index=False)
    doubtful = table[table.remarks != ""]
    if doubtful.empty:
        return [("quality", "nothing looks doubtful, which does not prove that all is right")]
    if len(table) == 1:
        return [("quality", doubtful.remarks.iloc[0])]
    number = doubtful.index[0]
    return [
        (
            "quality",
            f"remarks on {len(doubtful)} of {len(table)} images, the first on image {number} "
            f"(counted from 0): {doubtful.remarks.iloc[0]}",
        )
    ]


def _strain(atoms: AtomPositions) -> tuple[str, str]:
    """Return the mean strain of the atoms in a lattice, weighted by inverse variance."""
    import numpy as np

    from hyperspy_dlatoms.signals._export import each_frame
    from hyperspy_dlatoms.signals._frame_physics import weighted

    names = ("e_xx", "e_yy", "e_xy")
    columns = list(atoms.metadata.VectorMetadata.column_names)
    total, weight, number = np.zeros(3), np.zeros(3), 0
    for frame in each_frame(atoms.data):
        values, weights = weighted(frame, columns, names)
        total = total + (weights * values).sum(axis=0)
        weight = weight + weights.sum(axis=0)
        number += int(weights.all(axis=1).sum())
    if not number:
        return "strain", "unknown: no atom is in a lattice"
    means = ", ".join(f"{n} {100 * v:+.2f} %" for n, v in zip(names, total / weight, strict=True))
    return "strain", f"{means} (weighted mean of {number} atoms in a lattice)"


def _first_image(images: Signal2D, atoms: AtomPositions) -> np.ndarray:
    """Return the image of the first frame; for a focal series, the middle one."""
    first = [0] * (images.data.ndim - 2)
    focal = atoms.metadata.get_item("VectorMetadata.focal_axis")
    if focal is not None:
        axis = images.axes_manager[focal]
        first[axis.index_in_array] = axis.size // 2
    return images.data[tuple(first)]


def _draw(path: Path, atoms: AtomPositions, image: np.ndarray) -> None:
    """Draw the first image with its atoms, and what was masked in it."""
    from hyperspy_dlatoms.detection.masking import mask_bad
    from hyperspy_dlatoms.signals._picture import save_picture

    vectors = atoms.metadata.VectorMetadata
    first = atoms.data[(0,) * atoms.data.ndim]
    sites = first.compute() if atoms._lazy else first
    y, x = vectors.sampling
    by_species = {}
    if "species" in vectors.column_names:
        column = vectors.column_names.index("species")
        by_species = {"species": sites[:, column], "names": vectors.species}
    title = f"{len(sites)} {'sites' if by_species else 'atoms'}"
    sampling = (y * x) ** 0.5
    mask = mask_bad(image, sampling, camera=vectors.modality == "HRTEM")[1]
    save_picture(path, image, sites, sampling, title, masked=mask, **by_species)


def _write_atoms(atoms: AtomPositions, path: Path) -> None:
    if path.suffix == ".csv":
        atoms.to_csv(path)
    elif path.suffix == ".xyz":
        atoms.to_xyz(path)
    else:
        atoms.save(path, overwrite=True)
