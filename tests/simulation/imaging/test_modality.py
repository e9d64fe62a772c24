# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np

from hyperspy_dlatoms.simulation.imaging.conditions import Conditions
from hyperspy_dlatoms.simulation.imaging.image import take_image, take_series
from hyperspy_dlatoms.simulation.imaging.modality import at_dose, draw_any, take_any
from hyperspy_dlatoms.simulation.imaging.scanning import ScanConditions

SITES = np.array([[3.0, 4.0]])


def taken(imaging):
    conditions = draw_any(np.random.default_rng(0), imaging)
    wave = np.ones((64, 64), np.complex64)
    return conditions, take_any(np.random.default_rng(1), wave, 0.2, 300e3, conditions, SITES)


def test_without_a_detector_images_are_those_of_a_camera():
    conditions, (counts, pixel, positions) = taken({"dose": 100.0, "sampling": 0.1})
    assert isinstance(conditions, Conditions) and conditions.dose == 100
    wave = np.ones((64, 64), np.complex64)
    expected, _ = take_image(np.random.default_rng(1), wave, 0.2, 300e3, conditions)
    np.testing.assert_array_equal(counts, expected)
    np.testing.assert_allclose(positions, SITES / pixel)


def test_focal_series_stay_focal_series():
    conditions, (counts, *_) = taken({"images": 3, "dose": 100.0, "sampling": 0.2})
    assert counts.shape == (3, 64, 64)
    wave = np.ones((64, 64), np.complex64)
    expected, _ = take_series(np.random.default_rng(1), wave, 0.2, 300e3, conditions)
    np.testing.assert_array_equal(counts, expected)


def test_with_a_detector_images_are_scanned_and_their_sites_move():
    conditions, (counts, pixel, positions) = taken(
        {"detector": "ADF", "shear": 0.1, "sampling": 0.1, "dose": 100.0}
    )
    assert isinstance(conditions, ScanConditions) and counts.shape == (128, 128)
    np.testing.assert_allclose(positions, [[30, 37]], atol=1e-6)


def test_at_a_dose_nothing_else_sets_the_counts():
    ranges = at_dose({"detector": "ADF", "counts": 7.0, "dose": [1, 2]}, 500.0)
    conditions = draw_any(np.random.default_rng(0), ranges)
    assert conditions.dose == 500 and conditions.counts is None
