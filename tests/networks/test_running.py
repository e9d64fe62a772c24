# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from hyperspy_dlatoms.networks.architecture import build
from hyperspy_dlatoms.networks.network import AtomNetwork
from hyperspy_dlatoms.networks.running import PRECISION, halving, precision


class Narrow:
    """Takes so many frames at most, and says so as a backend does."""

    def __init__(self, most, error):
        self.most, self.error, self.seen = most, error, []

    def __call__(self, frames, defoci):
        self.seen.append(len(frames))
        if len(frames) > self.most:
            raise self.error
        return frames[:, 0] + 1, defoci


class ResourceExhaustedError(Exception):
    """Named as that of TensorFlow."""


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        ResourceExhaustedError(),
        RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 5 bytes"),
    ],
)
def test_half_the_frames_where_memory_runs_out(error):
    call = Narrow(2, error)
    frames = np.arange(7 * 16, dtype=float).reshape(7, 4, 4)
    first, second = halving(call)(frames, np.arange(7))
    np.testing.assert_array_equal(first, frames[:, 0] + 1)
    np.testing.assert_array_equal(second, np.arange(7))
    assert call.seen == [7, 3, 1, 2, 4, 2, 2]


def test_one_frame_that_is_too_large_is_said():
    with pytest.raises(MemoryError, match="network on 4 by 6 px"):
        halving(Narrow(0, MemoryError()))(np.zeros((2, 4, 6)), np.zeros(2))


def test_other_errors_are_not_hidden():
    call = Narrow(2, RuntimeError("Something else"))
    with pytest.raises(RuntimeError, match="Something else"):
        halving(call)(np.zeros((8, 4, 4)), np.zeros(8))
    assert call.seen == [8]


def test_half_the_precision_gives_nearly_the_same(card, tmp_path, monkeypatch):
    AtomNetwork.from_model(card, build(card.arguments, 1)).save(tmp_path / "one.safetensors")
    batch = np.random.default_rng(0).normal(size=(2, 64, 64)).astype(np.float32)
    full = AtomNetwork.load(tmp_path / "one.safetensors")
    monkeypatch.setenv(PRECISION, "bfloat16")
    low = AtomNetwork.load(tmp_path / "one.safetensors")
    assert low is not full and low.model.get_layer("stem").compute_dtype == "bfloat16"
    ours, theirs = low.maps(batch), full.maps(batch)
    assert ours.offset.dtype == np.float32
    difference = np.abs(ours.offset - theirs.offset).max()
    assert 0 < difference < 0.1 * np.abs(theirs.offset).max()
    monkeypatch.delenv(PRECISION)
    assert AtomNetwork.load(tmp_path / "one.safetensors") is full


def test_a_precision_that_is_unknown_is_refused(monkeypatch):
    monkeypatch.setenv(PRECISION, "float8")
    with pytest.raises(ValueError, match="'float8': expected one of float32, bfloat16"):
        precision()
