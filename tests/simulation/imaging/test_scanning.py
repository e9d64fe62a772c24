# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace

import numpy as np
import pytest

from hyperspy_dlatoms.simulation.imaging.probe import Probe
from hyperspy_dlatoms.simulation.imaging.scanning import ScanConditions, draw_scan, take_scan
from hyperspy_dlatoms.simulation.scattering import laid_on_grid
from hyperspy_dlatoms.simulation.wave import crop_spectrum

SIZE, SITE = 20.0, np.array([[9.0, 11.0]])
PLAIN = ScanConditions(sampling=0.1, probe=Probe(source_size=0.35), cross_section=0.01)


@pytest.fixture(scope="module")
def column():
    """A column of ten atoms at y 9 and x 11 Å."""
    return crop_spectrum(laid_on_grid(SITE[:, ::-1], np.array([10 + 10j]), SIZE), 100)


def scan(scattering, conditions, seed=0, pixel=None):
    rng = np.random.default_rng(seed)
    return take_scan(rng, scattering, 0.2, 200e3, conditions, SITE, pixel)


def test_a_dark_field_counts_what_is_scattered_and_peaks_at_the_column(column):
    weak = replace(PLAIN, cross_section=1e-4)
    image, pixel, positions = scan(column, weak)
    assert image.shape == (200, 200) and image.dtype == np.float32
    assert pixel == pytest.approx(0.1)
    # e/Å² of dose 1, times Å²: atoms times their cross section.
    assert image.sum() == pytest.approx(10 * 1e-4, rel=0.01)
    assert np.unravel_index(image.argmax(), image.shape) == (90, 110)
    assert positions == pytest.approx(np.array([[90, 110]]), abs=1e-6)


@pytest.mark.parametrize(("detector", "level"), [("ABF", 0.7), ("BF", 0.1)])
def test_bright_fields_are_dark_at_the_column(column, detector, level):
    image, *_ = scan(column, replace(PLAIN, detector=detector))
    assert np.unravel_index(image.argmin(), image.shape) == (90, 110)
    assert image[0, 0] == pytest.approx(level * 0.01, rel=0.01)
    ringed, *_ = scan(column, replace(PLAIN, detector=detector, halo=0.8))
    assert ringed.max() > 1.02 * image.max() and ringed.min() < ringed[0, 0]


def test_nothing_scatters_more_than_there_is(column):
    image, *_ = scan(1000 * column, PLAIN)
    assert 0.99 < image.max() / 0.01 <= 1 + 1e-6


def test_the_dose_is_that_of_the_beam_and_the_counts_those_of_the_detector(column):
    expected = scan(column, PLAIN)[0].sum()
    by_dose = [scan(column, replace(PLAIN, dose=1e5), seed)[0].sum() for seed in range(20)]
    assert np.mean(by_dose) == pytest.approx(1e5 * expected, rel=0.01)
    assert np.std(by_dose) == pytest.approx(np.sqrt(1e5 * expected), rel=0.5)
    counted = scan(column, replace(PLAIN, counts=50.0))[0]
    assert counted.mean() / 0.01 == pytest.approx(50, rel=0.05)
    vacuum = scan(0 * column, replace(PLAIN, counts=50.0))[0]
    assert vacuum.mean() / 0.01 == pytest.approx(50, rel=0.05) and vacuum.std() > 0


@pytest.mark.parametrize("background", [0.0, 0.2])
def test_a_vacuum_scatters_none_of_the_dose_onto_the_dark_field(column, background):
    conditions = replace(PLAIN, dose=1e4, background=background)
    assert not scan(0 * column, conditions)[0].any()
    noise = scan(0 * column, replace(conditions, readout=0.5))[0]
    assert abs(noise.mean()) < 0.02 and noise.std() == pytest.approx(0.5, rel=0.05)


def test_many_electrons_are_counted_with_the_noise_of_few():
    empty = np.zeros((100, 100), complex)
    for dose in (2e3, 2e5):
        image = scan(empty, replace(PLAIN, detector="ABF", dose=dose))[0]
        assert image.mean() == pytest.approx(0.7 * dose * 0.01, rel=0.01)
        assert image.var() == pytest.approx(image.mean(), rel=0.05)


def test_sums_of_pixels_are_images_of_the_coarser_ones(column):
    fine = scan(column, PLAIN)[0]
    summed = fine.reshape(100, 2, 100, 2).sum(axis=(1, 3))
    coarse, pixel, positions = scan(column, PLAIN, pixel=0.2)
    assert pixel == pytest.approx(0.2)
    # Their pixels are half a fine one apart; the mean over them is the same.
    centre = [(one * np.arange(100)[:, None]).sum() / one.sum() for one in (summed, coarse)]
    assert centre[1] - centre[0] == pytest.approx(0.25, abs=0.01)
    assert coarse.max() == pytest.approx(summed.max(), rel=0.02)
    assert positions == pytest.approx(np.array([[45, 55]]), abs=1e-6)


def test_afterglow_moves_what_is_recorded_along_the_line(column):
    image, _, positions = scan(column, replace(PLAIN, afterglow=0.5))
    sharp = scan(column, PLAIN)[0]
    assert image.sum() == pytest.approx(sharp.sum(), rel=1e-2)
    # Lines begin with the glow of those before them, so not there.
    near = [one[:, 80:150].sum(axis=0) for one in (sharp, image)]
    along = [(one * np.arange(70)).sum() / one.sum() for one in near]
    assert along[1] - along[0] == pytest.approx(1, abs=0.02)
    assert positions[0, 1] == pytest.approx(111)


def test_a_film_of_carbon_adds_what_its_atoms_scatter():
    empty = np.zeros((100, 100), complex)
    image = scan(empty, replace(PLAIN, film=50.0))[0]
    atoms = 0.1 * 50 * 0.15**1.75
    assert image.mean() / 0.01 == pytest.approx(0.01 * atoms, rel=0.02)
    assert 0.02 < image.std() / image.mean() < 0.6
    assert np.any(image != scan(empty, replace(PLAIN, film=50.0), seed=1)[0])


def test_slopes_clipping_and_bits(column):
    sloped = scan(column, replace(PLAIN, detector="ABF", illumination_slope=1.0))[0]
    assert sloped[100, -1] > 2 * sloped[100, 0]
    noisy = replace(PLAIN, detector="ABF", dose=1e5)
    clipped = scan(column, replace(noisy, clipped_dark=0.3, clipped_bright=0.1))[0]
    assert (clipped == clipped.min()).mean() == pytest.approx(0.3, abs=0.01)
    assert (clipped == clipped.max()).mean() == pytest.approx(0.1, abs=0.01)
    assert len(np.unique(scan(column, replace(noisy, bits=4))[0])) <= 16
    noise = scan(column, replace(noisy, readout=30.0))[0] - scan(column, noisy)[0]
    assert noise.std() == pytest.approx(30, rel=0.05)


def test_conditions_are_drawn_from_their_ranges():
    ranges = {
        "detector": {"choice": ["ADF", "BF"]},
        "semiangle": [20, 30],
        "coma": [10, 100],
        "source_size": 0.3,
        "sampling": [0.1, 0.2],
        "dose": {"log": [100, 1000]},
        "counts": {"log": [10, 100]},
        "slips": {"choice": [0, 2]},
        "bits": 8,
    }
    drawn = [draw_scan(np.random.default_rng(seed), ranges) for seed in range(30)]
    assert {one.detector for one in drawn} == {"ADF", "BF"}
    assert {one.slips for one in drawn} == {0, 2} and {one.bits for one in drawn} == {8}
    assert all(20 <= one.probe.semiangle <= 30 for one in drawn)
    assert all(10 <= one.probe.lens.coma <= 100 for one in drawn)
    assert len({one.probe.lens.coma_angle for one in drawn}) == 30
    assert all(100 <= one.dose <= 1000 and 10 <= one.counts <= 100 for one in drawn)
    easy = draw_scan(np.random.default_rng(0), ranges, strength=0.5, dose_floor=5000)
    assert easy.dose >= 5000 and easy.counts >= 5000
    assert easy.probe.lens.coma == pytest.approx(drawn[0].probe.lens.coma / 2)
    assert easy.to_dict()["probe"]["source_size"] == 0.3
    with pytest.raises(ValueError, match="Unknown condition 'blur' of a scanned image"):
        draw_scan(np.random.default_rng(0), ranges | {"blur": 0.1})


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_counts_are_single_precision_whatever_the_map_is(dtype):
    rng, scattering = np.random.default_rng(0), np.full((64, 64), 0.1 + 0.1j, dtype)
    counts, *_ = take_scan(rng, scattering, 0.2, 300e3, ScanConditions(), np.array([[6.4, 6.4]]))
    assert counts.dtype == np.float32
