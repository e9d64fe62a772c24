# SPDX-License-Identifier: GPL-3.0-or-later
"""Training with batches made by JAX; in a process of its own, since Keras has one backend."""

import csv
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from hyperspy_dlatoms.networks.model_file import read_model
from hyperspy_dlatoms.simulation.dataset import DataSet
from hyperspy_dlatoms.training import train
from hyperspy_dlatoms.training._on_device import _tasks

SCRIPT = """
import shutil
from hyperspy_dlatoms.recipes import read_recipe
from hyperspy_dlatoms.training import train

if __name__ == "__main__":
    for minutes in (0.0001, None):
        train(
            read_recipe("recipe.yaml"),
            data="data",
            directory="run",
            minutes=minutes,
            on_device=True,
            show_progressbar=False,
        )
        shutil.copy("run/log.csv", f"{minutes}.csv")
"""

# What the first training has compiled is there for the second.
JAX = {
    "KERAS_BACKEND": "jax",
    "JAX_PLATFORMS": "cpu",
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}


@pytest.fixture(scope="module")
def run(tiny_series, tmp_path_factory):
    """Train to half of the steps, then on: waves arrive, and are those of any data set."""
    pytest.importorskip("jax")
    directory = tmp_path_factory.mktemp("on-device")
    (directory / "script.py").write_text(SCRIPT)
    text = tiny_series.text.replace("steps: 6", "steps: 40").replace("epoch: 3", "epoch: 10")
    text = text.replace("validation_batches", "learning_rate: 0.01, validation_batches")
    (directory / "recipe.yaml").write_text(text)
    result = subprocess.run(
        [sys.executable, "script.py"],
        cwd=directory,
        env=os.environ | JAX | {"JAX_COMPILATION_CACHE_DIR": str(directory / "compiled")},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    logs = [
        list(csv.DictReader((directory / name).read_text().splitlines()))
        for name in ("0.0001.csv", "None.csv")
    ]
    return directory, logs


@pytest.mark.slow
def test_a_training_goes_on_from_its_checkpoint(run):
    _, (before, after) = run
    assert len(before) == 1 and int(before[0]["step"]) < 10
    assert after[0] == before[0]
    assert int(after[-1]["step"]) == 40
    # A training from its start would be at a loss as at the first step.
    losses = [float(row["loss"]) for row in after]
    assert losses[-1] < 0.8 * losses[0]
    assert np.isfinite([float(row["val_loss"]) for row in after]).all()


@pytest.mark.slow
def test_it_leaves_a_model_and_a_data_set(run, tiny_series):
    directory, _ = run
    card, arrays = read_model(directory / "run" / "tiny-series.safetensors")
    assert card.heights and card.images == 3
    assert card.training["backend"] == "jax"
    assert card.training["waves"] == 3
    assert all(np.isfinite(array).all() for array in arrays.values())
    assert len(DataSet(directory / "data")) == 4


def test_waves_come_in_the_order_in_which_they_are_needed(tiny):
    tasks = _tasks(replace(tiny, waves=tiny.waves | {"count": 1000}))
    order = [index for task in tasks for index in task]
    assert sorted(order) == list(range(1000))
    assert order[:64] == list(range(920, 984))
    assert order[64:984] == list(range(920))


def test_another_backend_is_refused(tiny, tmp_path):
    with pytest.raises(ValueError, match="set KERAS_BACKEND=jax"):
        train(tiny, data=tmp_path / "data", directory=tmp_path / "run", on_device=True)
    assert not (tmp_path / "data").exists()
