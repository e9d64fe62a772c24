# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the engine of commands that read a few images."""

import os
import subprocess
import sys

import pytest

from hyperspy_dlatoms.cli import _engine
from hyperspy_dlatoms.networks import running
from hyperspy_dlatoms.networks._precision import PRECISION

CHOICES = (running.ENGINE, PRECISION, "KERAS_BACKEND")


@pytest.fixture
def fresh(monkeypatch):
    """Nothing is chosen, ONNX Runtime is installed, and Keras is not loaded."""
    for name in CHOICES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setattr(_engine, "find_spec", lambda name: name)


def test_a_few_images_are_read_by_onnx_runtime(fresh):
    with _engine.quick_engine(1):
        assert running.engine() == "onnx"
    assert running.engine() == "keras"


def test_the_choice_ends_with_an_error(fresh):
    with pytest.raises(OSError, match="full"), _engine.quick_engine(1):
        raise OSError("full")
    assert running.ENGINE not in os.environ


@pytest.mark.parametrize(
    ("name", "value"),
    [(running.ENGINE, "keras"), (PRECISION, "bfloat16"), ("KERAS_BACKEND", "jax")],
)
def test_a_choice_of_the_user_stands(fresh, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with _engine.quick_engine(1):
        assert running.engine() == "keras"
    assert os.environ[name] == value


def test_a_movie_is_left_to_tensorflow(fresh):
    with _engine.quick_engine(100):
        assert running.engine() == "keras"


def test_keras_that_is_loaded_is_used(fresh, monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", object())
    with _engine.quick_engine(1):
        assert running.engine() == "keras"


@pytest.mark.parametrize("missing", ["onnx", "onnxruntime"])
def test_nothing_changes_without_onnx_runtime(fresh, monkeypatch, missing):
    monkeypatch.setattr(_engine, "find_spec", lambda name: None if name == missing else name)
    with _engine.quick_engine(1):
        assert running.engine() == "keras"


_FIND = """
import sys

from hyperspy_dlatoms import cli, registry

image, _ = registry.load_dataset("nanoparticle")
image.save("one.hspy")
assert cli.main(["find", "one.hspy", "--model", "metal-nanoparticle", "-o", "atoms.hspy"]) == 0
assert "tensorflow" not in sys.modules

import hyperspy.api as hs

atoms = hs.load("atoms.hspy")
print(atoms.metadata.VectorMetadata.engine, len(atoms.data[0]))
"""


def test_one_image_is_searched_without_tensorflow(tmp_path):
    pytest.importorskip("onnxruntime")
    environment = {name: value for name, value in os.environ.items() if name not in CHOICES}
    done = subprocess.run(
        [sys.executable, "-c", _FIND],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "onnx 126"
