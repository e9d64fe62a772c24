# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from hyperspy_dlatoms.simulation.imaging.electrons import array_noise, generator_noise


@pytest.mark.parametrize("mean", [0.0, 0.3, 5.0, 23.0, 25.0, 400.0])
def test_electrons_follow_poisson(mean):
    rng = np.random.default_rng(1)
    counts = array_noise(np, rng.random, rng.standard_normal).electrons(np.full(200_000, mean))
    assert np.array_equal(counts, np.round(counts))
    assert counts.mean() == pytest.approx(mean, abs=5 * np.sqrt(mean / 2e5))
    assert counts.var() == pytest.approx(mean, rel=0.02, abs=1e-9)
    skew = ((counts - mean) ** 3).mean()
    assert skew == pytest.approx(mean, rel=0.5, abs=5 * np.sqrt(15 * mean**3 / 2e5 + 1e-12))


def test_no_readout_noise_draws_nothing():
    rng = np.random.default_rng(1)
    assert generator_noise(rng).readout(np.zeros((1, 1)), (8, 8)) == 0
    assert rng.random() == np.random.default_rng(1).random()
    assert generator_noise(rng).readout(np.full((1, 1), 2.0), (200, 200)).std() == pytest.approx(
        2, rel=0.02
    )
