# SPDX-License-Identifier: GPL-3.0-or-later
"""The same networks by ONNX Runtime."""

import dataclasses
import json
import pickle
import shutil
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from hyperspy_dlatoms import cli
from hyperspy_dlatoms.networks import running
from hyperspy_dlatoms.networks.architecture import build
from hyperspy_dlatoms.networks.model_file import ModelFileError, read_model, write_model
from hyperspy_dlatoms.networks.network import AtomNetwork

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

KINDS = {
    "sites": {"heights": True, "decoys": ["vacancy"], "dilations": [1, 2]},
    "series": {"images": 3, "material": True},
    "waves": {"images": 2, "wave": True},
}


@pytest.fixture(scope="module", params=KINDS)
def made(request, card, tmp_path_factory):
    """A network with weights, normalisations too, that are none of a new one."""
    more = KINDS[request.param]
    described = {"images": None, "heights": None, "kind": None, "classes": ("A", "B")}
    arguments = {"widths": [8, 12, 16], "dilations": [1], **more}
    card = dataclasses.replace(card, arguments=arguments, **described)
    keras.utils.set_random_seed(3)
    model, rng = build(arguments, 2), np.random.default_rng(0)
    for variable in model.weights:
        if "_norm" in variable.path:
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
    path = tmp_path_factory.mktemp("made") / f"{request.param}.safetensors"
    AtomNetwork.from_model(card, model).save(path)
    return path


@pytest.fixture
def file(made, tmp_path):
    """A copy of it, which a test may change."""
    return Path(shutil.copy(made, tmp_path))


def outputs(path, engine, monkeypatch):
    monkeypatch.setenv(running.ENGINE, engine)
    network = AtomNetwork.load(path)
    images = network.card.images
    shape = (2, 48, 64) if images == 1 else (2, images, 48, 64)
    batch = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    told = () if images == 1 else (np.arange(images) * 50.0,)
    if network.card.kind == "exit wave":
        return network, [network.waves(batch, *told)]
    if network.takes_elements:
        told = (*told, ("W", "S"))
    maps, features = network.infer(batch, *told)
    return network, [part for part in maps if part is not None] + [features]


def test_the_same_output(file, monkeypatch):
    network, expected = outputs(file, "keras", monkeypatch)
    other, found = outputs(file, "onnx", monkeypatch)
    assert other is not network and other.model is None and other.precision == "float32"
    for one, two in zip(found, expected, strict=True):
        assert (one.shape, one.dtype) == (two.shape, two.dtype)
        np.testing.assert_allclose(one, two, atol=2e-4)
    assert pickle.loads(pickle.dumps(other)) is other
    assert not running.has_accelerator()
    copy = file.with_name("copy.safetensors")
    other.save(copy)
    assert copy.read_bytes() == file.read_bytes()


def test_half_precision_is_refused(file, monkeypatch):
    monkeypatch.setenv(running.ENGINE, "onnx")
    monkeypatch.setenv("HYPERSPY_DLATOMS_PRECISION", "bfloat16")
    with pytest.raises(ValueError, match="ONNX Runtime runs networks in float32"):
        AtomNetwork.load(file)


def test_an_exported_file_has_the_card(file, tmp_path, capsys):
    path = tmp_path / "network.onnx"
    assert cli.main(["export", str(file), str(path)]) == 0
    assert "multiples of 8 px" in capsys.readouterr().out
    made = onnx.load(path)
    (card,) = made.metadata_props
    assert (card.key, json.loads(card.value)["name"]) == ("card", read_model(file)[0].name)
    assert made.graph.output[-1].name == "features"


@pytest.mark.parametrize("bad", ["missing", "foreign", "shape", "architecture", "variance"])
def test_a_bad_file_is_refused_as_by_keras(file, bad, tmp_path, monkeypatch, capsys):
    card, arrays = read_model(file)
    name, variance = "up0_first/kernel", "up0_first_norm/moving_variance"
    if bad == "missing":
        del arrays[name]
    elif bad == "foreign":
        arrays["foreign"] = np.zeros(3)
    elif bad == "shape":
        arrays[name] = arrays[name][:, :, :5]
    elif bad == "variance":
        arrays[variance] = -arrays[variance]
    else:
        card = dataclasses.replace(card, architecture="transformer")
    write_model(file, card, arrays)
    messages = []
    for engine in running.ENGINES:
        monkeypatch.setenv(running.ENGINE, engine)
        with pytest.raises(ModelFileError, match=file.name) as caught:
            AtomNetwork.load(file)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
    target = tmp_path / "network.onnx"
    assert cli.main(["export", str(file), str(target)]) == 1
    assert messages[0] in capsys.readouterr().err
    assert not target.exists()


def test_the_engine(monkeypatch):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.delenv(running.ENGINE, raising=False)
    assert running.engine() == "keras"
    monkeypatch.setattr(running, "find_spec", lambda name: None if name == "tensorflow" else name)
    monkeypatch.setattr(running, "_without_tensorflow", running._without_tensorflow.__wrapped__)
    assert running.engine() == "onnx"
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert running.engine() == "keras"
    monkeypatch.setenv(running.ENGINE, "torch")
    with pytest.raises(ValueError, match="'torch': expected one of keras, onnx"):
        running.engine()


def test_a_library_that_is_missing_is_named(file, monkeypatch):
    monkeypatch.setenv(running.ENGINE, "onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match=r"onnxruntime.*hyperspy-dlatoms\[onnx\]"):
        AtomNetwork.load(file)
