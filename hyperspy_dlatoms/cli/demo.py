# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``dlatoms demo``."""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hyperspy_dlatoms.cli._engine import quick_engine
from hyperspy_dlatoms.cli._output import check_writable, print_rows
from hyperspy_dlatoms.cli._searching import on_threads
from hyperspy_dlatoms.networks import _backend
from hyperspy_dlatoms.networks.running import engine

HELP = "find the atoms in an example image and check them"
EXAMPLES = """
dlatoms demo
    # writes into this directory
dlatoms demo -o demo
"""

_TOLERANCE = 0.5  # Largest distance of a found atom from its true column (Å).


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare its arguments."""
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        type=Path,
        default=Path(),
        help="where to write (default: this directory)",
    )


def run(options: argparse.Namespace) -> None:
    """Find the columns of the example, print how many are right, write a table and a picture."""
    from hyperspy_dlatoms import registry
    from hyperspy_dlatoms.signals._picture import save_picture

    options.output.mkdir(parents=True, exist_ok=True)
    table, picture = options.output / "atoms.csv", options.output / "atoms.png"
    check_writable(table, picture)
    signal, truth = registry.load_dataset("nanoparticle")
    with on_threads():
        signal.compute(show_progressbar=False)
    counts, sampling = signal.data, 10 * signal.axes_manager[0].scale
    height, width = counts.shape
    with on_threads(), quick_engine(images=1):
        if engine() == "keras":
            _backend.import_backend()
        print(f"Finding the atoms in a simulated image, {height} x {width} px ...", flush=True)
        atoms = signal.find_atoms_nn("metal-nanoparticle", show_progressbar=False)
    sites = atoms.data[0]
    result = score(sites[:, :2], truth.data[0][:, :2], sampling)
    atoms.to_csv(table)
    title = f"{result.found} of {result.true} columns found, {result.false} false"
    save_picture(picture, counts, sites, sampling, title)
    dose = counts.mean() / sampling**2
    print_rows(
        ("image", f"{height} x {width} px, {sampling:g} Å/px, {dose:.0f} e/Å²"),
        ("found", f"{result.found} of {result.true} true columns"),
        ("false", f"{result.false}"),
        ("error", f"{100 * result.rms_error:.1f} pm rms"),
        ("wrote", f"{table} {picture}"),
    )


class Score(NamedTuple):
    """Numbers of true, found and false columns, and the rms error (Å), NaN if none was found."""

    true: int
    found: int
    false: int
    rms_error: float


def score(found: np.ndarray, true: np.ndarray, sampling: float) -> Score:
    """Compare found atoms with true ones, y and x in px, (n, 2), one to one within 0.5 Å."""
    from hyperspy_dlatoms.analysis.matching import match

    pairs = match(found, true, _TOLERANCE / sampling)
    squares = np.sum((found[pairs[:, 0]] - true[pairs[:, 1]]) ** 2, axis=1)
    rms = float(np.sqrt(squares.mean())) * sampling if len(pairs) else float("nan")
    return Score(len(true), len(pairs), len(found) - len(pairs), rms)
