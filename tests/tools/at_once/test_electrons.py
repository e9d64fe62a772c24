# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest
from at_once.electrons import Noise, draw_electrons


@pytest.mark.parametrize("mean", [0.0, 0.3, 5.0, 23.0, 25.0, 400.0])
def test_electrons_follow_poisson(mean):
    rng = np.random.default_rng(1)
    noise = Noise(rng.random, rng.standard_normal)
    counts = draw_electrons(np, noise, np.full(200_000, mean))
    assert np.array_equal(counts, np.round(counts))
    assert counts.mean() == pytest.approx(mean, abs=5 * np.sqrt(mean / 2e5))
    assert counts.var() == pytest.approx(mean, rel=0.02, abs=1e-9)
    skew = ((counts - mean) ** 3).mean()
    assert skew == pytest.approx(mean, rel=0.5, abs=5 * np.sqrt(15 * mean**3 / 2e5 + 1e-12))
