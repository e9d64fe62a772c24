# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from hyperspy_dlatoms.simulation.imaging.lens import Lens, wavelength
from hyperspy_dlatoms.simulation.imaging.probe import Probe, band_of, probe_transfer

SIZE, SAMPLING, ENERGY = 300, 0.2, 200e3


def transfer(probe):
    band = band_of(probe, ENERGY, SIZE, SAMPLING)
    return band, probe_transfer(probe, ENERGY, SIZE, SAMPLING, band)


def test_an_ideal_probe_transfers_as_its_aperture_overlaps_with_itself():
    probe = Probe(semiangle=20.0, source_size=0.0)
    band, got = transfer(probe)
    # In units of its cut, twice the aperture.
    part = np.clip(np.hypot(band.qy, band.qx) * wavelength(ENERGY) / 0.04, 0, 1)
    expected = 2 / np.pi * (np.arccos(part) - part * np.sqrt(1 - part**2))
    # The box of 30 Å that it is calculated in leaves out 1.3 % of its tail.
    np.testing.assert_allclose(got, expected, atol=0.015)
    assert band.qx.max() == pytest.approx(0.04 / wavelength(ENERGY), abs=1 / 60)


@pytest.mark.parametrize("name", ["defocus", "astigmatism", "coma", "threefold"])
def test_aberrations_widen_the_probe_but_do_not_move_it(name):
    band, got = transfer(Probe(lens=Lens(**{name: 60.0 if name in "defocus" else 900.0})))
    _, ideal = transfer(Probe())
    assert np.abs(got).sum() < 0.99 * np.abs(ideal).sum()
    # The centre of mass: the phase of the lowest frequencies.
    assert np.angle(got[[0, 1], [1, 0]]) == pytest.approx(0, abs=1e-4)
    assert got[0, 0] == pytest.approx(1)


def test_the_spread_of_focus_is_left_out():
    _, got = transfer(Probe(lens=Lens(defocus=50.0, focal_spread=60.0)))
    _, expected = transfer(Probe(lens=Lens(defocus=50.0)))
    np.testing.assert_array_equal(got, expected)


def test_the_source_is_a_gaussian_and_the_tail_an_exponential():
    band, got = transfer(Probe(source_size=0.4))
    _, sharp = transfer(Probe(source_size=0.4, tail=0.3, tail_length=2.0))
    square = band.qy**2 + band.qx**2
    ratio = sharp[np.abs(got) > 1e-3] / got[np.abs(got) > 1e-3]
    expected = 0.7 + 0.3 * (1 + (4 * np.pi) ** 2 * square) ** -1.5
    np.testing.assert_allclose(ratio, expected[np.abs(got) > 1e-3], rtol=1e-3)
    _, point = transfer(Probe(source_size=0.0))
    limited = point[np.ix_(np.isin(np.arange(len(point)), np.arange(5)), range(5))]
    gauss = np.exp(-2 * np.pi**2 * 0.16 * square)[:5, :5]
    np.testing.assert_allclose(got[:5, :5], limited * gauss, rtol=1e-3)


def test_a_large_source_leaves_out_frequencies_that_it_does_not_transfer():
    assert band_of(Probe(source_size=0.5), ENERGY, SIZE, SAMPLING).qx.max() < 1.4
    assert band_of(Probe(35.0, source_size=0.0), 300e3, SIZE, SAMPLING).qx.max() == 2.5
