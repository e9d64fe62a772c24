# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from hyperspy_dlatoms.networks.running import halving


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
