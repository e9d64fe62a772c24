# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from hyperspy_dlatoms.simulation.imaging.illumination import blend, ramp, uneven


@pytest.mark.parametrize("angle", [0.0, 0.8, 2.0, 4.5])
def test_a_ramp_spans_one(angle):
    plane = ramp((40, 60), angle)
    assert np.ptp(plane) == pytest.approx(1, abs=1e-5)
    assert plane.mean() == pytest.approx(0, abs=1e-6)


def test_a_slope_keeps_the_mean():
    assert uneven((50, 50), 0.4, 1.0, 0.0).mean() == pytest.approx(1, abs=1e-5)


def test_corners_lose_what_vignetting_says():
    light = uneven((51, 51), 0.0, 0.0, 0.2)
    assert light[0, 0] == pytest.approx(0.8, abs=1e-5)
    assert light[25, 25] == pytest.approx(1)


def test_a_blend_passes_through_every_image():
    images = np.stack([np.full((5, 5), value, np.float32) for value in (1.0, 5.0, 2.0)])
    row = blend(images, 0.0)[2]
    np.testing.assert_allclose(row, [1, 3, 5, 3.5, 2], rtol=1e-6)
