# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``dlatoms demo``."""

from __future__ import annotations

import argparse
from pathlib import Path

from hyperspy_dlatoms.cli import _backend
from hyperspy_dlatoms.cli._printing import print_rows
from hyperspy_dlatoms.cli._writing import check_writable

HELP = "find the atoms of an example and check them"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare its arguments."""
    parser.add_argument(
        "-o", "--output", metavar="DIR", type=Path, default=Path(), help="for atoms.csv, atoms.png"
    )


def run(options: argparse.Namespace) -> None:
    """Find the columns of the example, print how many are right, write table and picture."""
    from hyperspy_dlatoms.demo import Example, score
    from hyperspy_dlatoms.signals._picture import save_picture

    options.output.mkdir(parents=True, exist_ok=True)
    table, picture = options.output / "atoms.csv", options.output / "atoms.png"
    check_writable(table, picture)
    example = Example.load()
    height, width = example.counts.shape
    _backend.import_tensorflow()
    print(f"Finding the atoms of a simulated image, {height} x {width} px ...", flush=True)
    atoms = example.to_signal().find_atoms_nn("metal-nanoparticle", show_progressbar=False)
    sites = atoms.data[0]
    result = score(sites[:, :2], example.positions, example.sampling)
    atoms.to_csv(table)
    verdict = f"{result.found} of {result.true} columns found, {result.false} false"
    save_picture(picture, example.counts, sites, example.sampling, verdict)
    dose = example.counts.mean() / example.sampling**2
    print_rows(
        ("image", f"{height} x {width} px, {example.sampling:g} Å/px, {dose:.0f} e/Å²"),
        ("found", f"{result.found} of {result.true} true columns"),
        ("false", f"{result.false}"),
        ("error", f"{100 * result.rms_error:.1f} pm rms"),
        ("wrote", f"{table} {picture}"),
    )
