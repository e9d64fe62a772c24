# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import maximum_filter

from hyperspy_dlatoms.networks.maps import SiteMaps, peaks


@pytest.mark.parametrize("shape", [(2, 16, 24), (1, 1, 5), (1, 3, 1)])
def test_peaks_are_the_largest_of_the_cells_around_them(shape):
    rng = np.random.default_rng(0)
    probability = rng.random((*shape, 2), np.float32) / 2
    # Plateaus and silence have peaks as well.
    probability[0, :, :3] = 0
    offset = rng.normal(size=(*shape, 2)).astype(np.float32)
    found = np.asarray(peaks(SiteMaps(probability, offset, offset), reach=2.0))
    here = probability.sum(axis=-1) * np.exp(-(offset**2).sum(axis=-1) / 8)
    largest = np.stack([maximum_filter(one, 3, mode="constant", cval=-1) for one in here])
    np.testing.assert_array_equal(found >= 0, here == largest)
    np.testing.assert_allclose(found[found >= 0], here[here == largest], rtol=1e-6)
    assert (found[here != largest] == -1).all()
