# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a network from its recipe in one go: simulate, train, calibrate and evaluate.

It stops when its time is up and continues when called again, on any machine that has the directory;
a directory with the training of another recipe is refused. Networks of exit waves are not
calibrated; networks of scanned images, or without a benchmark, are not evaluated::

    python tools/make.py recipes/graphene.yaml work/graphene --seconds 570

Missing exit waves are simulated again with the same result, so only ``run`` and the model files of
a large directory need to be copied. The exit status is 75 while there is more to do.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from hyperspy_dlatoms.data.benchmark.curves import has_benchmark
from hyperspy_dlatoms.networks.model_file import read_model
from hyperspy_dlatoms.recipes.recipe import Recipe, read_recipe

MORE_TO_DO = 75
"""EX_TEMPFAIL of sysexits.h."""


def main() -> None:
    """Run the steps whose results are missing, while there is time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--seconds", type=float, default=570, help="to stop after (%(default)s)")
    parser.add_argument("--minutes", type=float, help="of training in all (the recipe's)")
    options = parser.parse_args()
    end = time.monotonic() + options.seconds
    options.directory.mkdir(parents=True, exist_ok=True)
    recipe = read_recipe(options.recipe)
    commands = steps(recipe, options.recipe, options.directory, options.minutes)
    for result, command in commands.items():
        if is_made(result, recipe):
            continue
        print("making", result, flush=True)
        try:
            subprocess.run(command, check=True, timeout=max(end - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            print("the time is up: call again to continue")
            sys.exit(MORE_TO_DO)
        except subprocess.CalledProcessError as error:
            sys.exit(error.returncode)


def is_made(result: Path, recipe: Recipe) -> bool:
    """Return whether a result exists and, for a network, whether this recipe made it."""
    if result.suffix != ".safetensors" or not result.exists():
        return result.exists()
    return read_model(result)[0].recipe == recipe.text


def steps(
    recipe: Recipe, path: Path, directory: Path, minutes: float | None
) -> dict[Path, list[str | Path]]:
    """Return the command that makes each result, in order."""
    name, data = recipe.name, directory / "data"
    raw, network = directory / "uncalibrated.safetensors", directory / f"{name}.safetensors"
    report = directory / "evaluation"
    dlatoms = [sys.executable, "-m", "hyperspy_dlatoms.cli"]
    train = [*dlatoms, "train", path, "--data", data, "--runs", directory / "run"]
    if minutes is not None:
        train += ["--minutes", str(minutes)]
    calibrate = [*dlatoms, "calibrate", raw, "--data", data, "-o", network]
    if recipe.network.wave:
        return {network: [*train, "-o", network]}
    commands = {raw: [*train, "-o", raw], network: calibrate}
    if recipe.modality == "HRTEM" and has_benchmark(recipe.network.classes):
        evaluate = [*dlatoms, "evaluate", network, "--quick", "-o", report]
        commands[report / "report.html"] = evaluate
    return commands


if __name__ == "__main__":
    main()
