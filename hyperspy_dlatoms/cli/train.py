# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``dlatoms train``."""

import argparse
import sys
from pathlib import Path

from hyperspy_dlatoms._extras import require
from hyperspy_dlatoms.cli import calibrate
from hyperspy_dlatoms.cli._output import check_writable, command_of, print_rows
from hyperspy_dlatoms.networks import _backend

HELP = "train a network on simulated images"
EXAMPLES = """
dlatoms train recipes/tiny.yaml --calibrate
    # every step, within minutes
dlatoms train my-recipe.yaml --minutes 60 -o my-network.safetensors
dlatoms find image.dm4 --model my-network.safetensors -o atoms.csv
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare its arguments."""
    parser.add_argument(
        "recipe", metavar="RECIPE", type=Path, help="a recipe (YAML), whose name is NAME below"
    )
    parser.add_argument(
        "--data",
        metavar="DIR",
        type=Path,
        help="directory of the data set, simulated where it is missing (default: data/NAME)",
    )
    parser.add_argument(
        "--runs", metavar="DIR", type=Path, help="directory of the run (default: runs/NAME)"
    )
    parser.add_argument(
        "--minutes", metavar="M", type=float, help="time limit in minutes (default: the recipe's)"
    )
    parser.add_argument(
        "--resume",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="continue the run that its directory holds (the default), or stop with an error",
    )
    parser.add_argument(
        "--on-device",
        action=argparse.BooleanOptionalAction,
        help="make the batches with JAX on the network's device (default: if it is an accelerator)",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=Path,
        help="model file to write (default: NAME.safetensors in the directory of the run)",
    )
    parser.add_argument(
        "--calibrate", action="store_true", help="then calibrate it, as `dlatoms calibrate` does"
    )


def run(options: argparse.Namespace) -> None:
    """Train the network and write its file."""
    require("abtem", "zarr", extra="simulation", what="Training a network")
    from hyperspy_dlatoms.recipes.recipe import read_recipe
    from hyperspy_dlatoms.training import fit
    from hyperspy_dlatoms.training.calibrate import waves_to_calibrate

    recipe = read_recipe(options.recipe)
    if options.calibrate:
        waves_to_calibrate(recipe)
    directory = options.runs or Path("runs") / recipe.name
    if not options.resume and directory.is_dir() and any(directory.iterdir()):
        raise FileExistsError(
            f"{str(directory)!r} already holds a run: remove it, give another --runs, or leave out "
            "--no-resume to continue it."
        )
    if options.output:
        check_writable(options.output)
    _backend.import_backend()
    written = fit.train(
        recipe,
        data=options.data,
        directory=directory,
        minutes=options.minutes,
        output=options.output,
        on_device=options.on_device,
        show_progressbar=sys.stderr.isatty(),
    )
    data = options.data or Path("data") / recipe.name
    if options.calibrate:
        calibrate.report(written, data, written)
    else:
        then = command_of("dlatoms", "calibrate", written, "--data", data)
        if recipe.network.wave:  # It has nothing to calibrate.
            then = f"signal.reconstruct_exit_wave_nn({str(written)!r})"
        print_rows(("wrote", f"{written}"), ("next", then))
