# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from hyperspy_dlatoms.simulation.imaging.illumination import light, plane


@pytest.mark.parametrize("angle", [0.0, 0.8, 2.0, 4.5])
def test_a_plane_spans_one(angle):
    rise = plane(np, 50, angle)
    assert np.ptp(rise) == pytest.approx(1, abs=1e-5)
    assert rise.mean() == pytest.approx(0, abs=1e-6)
    assert rise[25, 49] - rise[25, 0] == pytest.approx(
        np.cos(angle) / (abs(np.cos(angle)) + abs(np.sin(angle))), abs=1e-5
    )


def test_a_slope_keeps_the_mean():
    assert light(np, 50, 0.4, 1.0, 0.0).mean() == pytest.approx(1, abs=1e-5)


def test_corners_lose_what_vignetting_says():
    lit = light(np, 51, 0.0, 0.0, 0.2)
    assert lit[0, 0] == pytest.approx(0.8, abs=1e-5)
    assert lit[25, 25] == pytest.approx(1)


def test_images_of_fewer_pixels_are_lit_as_if_alone():
    several = light(np, 50, np.array([0.4, 0.1]), np.array([1.0, 2.0]), np.full(2, 0.3), [40, 50])
    np.testing.assert_allclose(several[0, :40, :40], light(np, 40, 0.4, 1.0, 0.3), atol=1e-6)
    np.testing.assert_allclose(several[1], light(np, 50, 0.1, 2.0, 0.3), atol=1e-6)
