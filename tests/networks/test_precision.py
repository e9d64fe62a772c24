# SPDX-License-Identifier: GPL-3.0-or-later
import dataclasses
import pickle

import numpy as np
import pytest

from hyperspy_dlatoms.networks import _precision
from hyperspy_dlatoms.networks._precision import F1, HALF, PRECISION, SHIFT, precision
from hyperspy_dlatoms.networks.architecture import build
from hyperspy_dlatoms.networks.network import AtomNetwork
from hyperspy_dlatoms.registry.handles import NetworkHandle


@pytest.fixture
def faster(monkeypatch):
    monkeypatch.delenv(PRECISION, raising=False)
    monkeypatch.setattr(_precision, "half_is_faster", lambda: True)


def measured(card, f1=(0.95, 0.9485), shift=0.3):
    return dataclasses.replace(card, scores={HALF: {F1: list(f1), SHIFT: shift}})


def test_half_precision_gives_nearly_the_same(card, tmp_path, monkeypatch):
    monkeypatch.delenv(PRECISION, raising=False)
    AtomNetwork.from_model(card, build(card.arguments, 1)).save(tmp_path / "one.safetensors")
    batch = np.random.default_rng(0).normal(size=(2, 64, 64)).astype(np.float32)
    full = AtomNetwork.load(tmp_path / "one.safetensors")
    monkeypatch.setenv(PRECISION, "bfloat16")
    low = AtomNetwork.load(tmp_path / "one.safetensors")
    assert (full.precision, low.precision) == ("float32", "bfloat16")
    ours, theirs = low.maps(batch), full.maps(batch)
    assert ours.offset.dtype == np.float32
    difference = np.abs(ours.offset - theirs.offset).max()
    assert 0 < difference < 0.1 * np.abs(theirs.offset).max()
    assert pickle.loads(pickle.dumps(full)) is full
    monkeypatch.delenv(PRECISION)
    assert AtomNetwork.load(tmp_path / "one.safetensors") is full
    assert pickle.loads(pickle.dumps(low)) is low


def test_it_is_chosen_where_it_is_faster_and_as_accurate(card, faster, monkeypatch):
    assert precision(card) == "float32"
    assert precision(measured(card)) == "bfloat16"
    assert precision(measured(card, f1=(0.95, 0.96))) == "bfloat16"
    assert precision(measured(card, f1=(0.95, 0.947))) == "float32"
    assert precision(measured(card, shift=1.2)) == "float32"
    monkeypatch.setattr(_precision, "half_is_faster", lambda: False)
    assert precision(measured(card)) == "float32"


@pytest.mark.parametrize("scores", [5, {}, {F1: 0.9}, {F1: [0.9, 0.9]}, {F1: ["a", "b"], SHIFT: 1}])
def test_a_comparison_that_is_none_decides_nothing(card, faster, scores):
    assert precision(dataclasses.replace(card, scores={HALF: scores})) == "float32"


def test_the_variable_decides(card, faster, monkeypatch):
    monkeypatch.setenv(PRECISION, "float32")
    assert precision(measured(card)) == "float32"
    monkeypatch.setenv(PRECISION, "bfloat16")
    assert precision(card) == "bfloat16"
    monkeypatch.setenv(PRECISION, "float8")
    with pytest.raises(ValueError, match="'float8': expected one of float32, bfloat16"):
        precision(measured(card))


@pytest.mark.parametrize(
    ("flags", "backend", "expected"),
    [
        ("fpu avx512f avx512_bf16", "tensorflow", True),
        ("fpu amx_tile amx_bf16", "tensorflow", True),
        ("fpu avx2 avx512f", "tensorflow", False),
        ("fpu avx512_bf16", "jax", False),
    ],
)
def test_what_the_processor_multiplies(monkeypatch, flags, backend, expected):
    monkeypatch.setenv("KERAS_BACKEND", backend)
    monkeypatch.setattr(_precision, "_may_have_gpu", lambda: False)
    monkeypatch.setattr(_precision, "instructions", lambda: set(flags.split()))
    assert _precision._multiplies_half.__wrapped__() is expected


@pytest.mark.parametrize(
    ("capability", "expected"), [((9, 0), True), ((7, 5), False), ((0,), False)]
)
def test_what_a_gpu_multiplies(monkeypatch, capability, expected):
    for name, value in (("_may_have_gpu", True), ("has_accelerator", True)):
        monkeypatch.setattr(_precision, name, lambda value=value: value)
    monkeypatch.setattr(_precision, "_capability", lambda: capability)
    assert _precision._multiplies_half.__wrapped__() is expected


def test_a_handle_takes_the_choice_along(card, faster, tmp_path, monkeypatch):
    path = tmp_path / "one.safetensors"
    AtomNetwork.from_model(measured(card), build(card.arguments, 1)).save(path)
    handle = NetworkHandle.of(path)
    monkeypatch.setattr(_precision, "half_is_faster", lambda: False)
    there = pickle.loads(pickle.dumps(handle))
    assert there.precisions == ("bfloat16",)
    assert there.get().precision == "bfloat16"
    assert NetworkHandle.of(path).get().precision == "float32"
