# SPDX-License-Identifier: GPL-3.0-or-later
"""The same movie gives the same atoms to the last digit, however the work is cut and spread."""

from __future__ import annotations

import dask
import hyperspy.api as hs
import numpy as np
import pytest

from hyperspy_dlatoms.signals import _axes
from tests.helpers.example import nanoparticle
from tests.helpers.spots import calibrate

MODEL = "metal-nanoparticle"


def movie(side: int, number: int = 5):
    """The middle of the example, each time with more noise."""
    example = nanoparticle()
    first = (np.array(example.counts.shape) - side) // 2
    counts = example.counts[first[0] :, first[1] :][:side, :side]
    noisy = np.random.default_rng(0).poisson(counts, (number, side, side)).astype(np.uint16)
    signal = hs.signals.Signal2D(noisy).as_lazy()
    calibrate(signal, sampling=example.sampling)
    return signal


def found(signal, **how):
    with dask.config.set(**how):
        atoms = signal.find_atoms_nn(MODEL, on_extrapolation="ignore", lazy_output=False)
    return list(atoms.data)


# Working sides of 61 px, several in a batch, and of 275 px, one by one.
@pytest.mark.parametrize("side", [pytest.param(110, marks=pytest.mark.slow), 500])
def test_blocks_and_schedulers_change_nothing(side, monkeypatch, process_pool):
    signal = movie(side)
    expected = found(signal, scheduler="synchronous")
    assert min(map(len, expected)) > 10
    others = {}
    for block in (1, 2, 3):
        monkeypatch.setattr(_axes, "_BLOCK_SIZE", block * 2 * side**2)
        signal.data = signal.data.rechunk((block, -1, -1))
        others[block, "threads"] = found(signal, scheduler="threads", num_workers=2)
    if side == 110:
        others["processes"] = found(signal, scheduler="processes", pool=process_pool)
    for how, atoms in others.items():
        for ours, theirs in zip(atoms, expected, strict=True):
            np.testing.assert_array_equal(ours, theirs, err_msg=str(how))
