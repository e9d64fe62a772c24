# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from hyperspy_dlatoms.analysis import column_intensities, intensity_classes
from hyperspy_dlatoms.simulation.imaging import Probe, ScanConditions, take_scan
from hyperspy_dlatoms.simulation.scattering import scattering_map
from hyperspy_dlatoms.simulation.specimens.specimen import AtomList, Specimen

KINDS = [[42], [16, 16], [16]]


def drawn(rng, number, noise, power=1.7, shares=(0.4, 0.54, 0.06)):
    """Intensities of a layer, their sigma and their kinds."""
    true = rng.choice(3, number, p=shares)
    signal = 0.01 * np.array([sum(z**power for z in kind) for kind in KINDS])[true]
    sigma = noise * np.sqrt(signal)
    return rng.normal(signal, np.hypot(sigma, 0.03 * signal)), sigma, true


@pytest.mark.parametrize("power", [1.5, 2.0])
@pytest.mark.parametrize("scale", [1e-3, 1e4])
def test_kinds_are_told_apart_whatever_the_scale_and_power(power, scale):
    intensity, sigma, true = drawn(np.random.default_rng(1), 300, 0.15, power)
    found = intensity_classes(scale * intensity, scale * sigma, KINDS)
    assert found.shape == (300, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert np.mean(found.argmax(axis=1) == true) > 0.98


def test_probabilities_are_those_of_being_right():
    rng = np.random.default_rng(2)
    said, right = [], []
    for _ in range(6):
        intensity, sigma, true = drawn(rng, 400, 0.4)
        found = intensity_classes(intensity, sigma, KINDS)
        said.append(found.max(axis=1))
        right.append(found.argmax(axis=1) == true)
    said, right = np.concatenate(said), np.concatenate(right)
    assert right.mean() == pytest.approx(said.mean(), abs=0.02) and right.mean() < 0.97
    doubtful = said < 0.8
    assert right[doubtful].mean() == pytest.approx(said[doubtful].mean(), abs=0.1)


def test_a_kind_that_is_not_there_takes_none():
    intensity, sigma, true = drawn(np.random.default_rng(3), 300, 0.15, shares=(0.5, 0.5, 0))
    assert (intensity_classes(intensity, sigma, KINDS).argmax(axis=1) == true).mean() > 0.99


def test_unknown_intensities_have_the_shares():
    intensity, sigma, _ = drawn(np.random.default_rng(4), 300, 0.1)
    intensity[:2] = np.nan
    found = intensity_classes(intensity, sigma, KINDS)
    np.testing.assert_allclose(found[0], found[1])
    assert found[0].argmax() == 1 and found[0, 2] < 0.15
    none = intensity_classes(np.empty(0), np.empty(0), KINDS)
    assert none.shape == (0, 3)
    np.testing.assert_allclose(intensity_classes(np.zeros(2), np.ones(2), KINDS), 1 / 3)


def test_single_and_double_sulphur_in_a_simulated_dark_field():
    """MoS2 at 60 kV, 20 000 e/Å², with tails and jitter, where oracles with the means get 0.98."""
    rng = np.random.default_rng(5)
    numbers, places, columns, true = [], [], [], []
    for row in range(6):
        for column in range(11):
            for dy, kind in ((0, 0), (0.5, 0), (1 / 3, 1), (5 / 6, 1)):
                atoms = KINDS[2 if kind and rng.random() < 0.1 else kind]
                y, x = (
                    5 + 5.473 * (row + dy),
                    5 + 3.16 * (column + (0.5 if dy in (0.5, 5 / 6) else 0)),
                )
                numbers += atoms
                places += [(x, y, 3.0 * level) for level in range(len(atoms))]
                columns += [len(true)] * len(atoms)
                true.append(KINDS.index(atoms))
    atoms = AtomList(np.array(numbers), np.array(places), np.array(columns))
    specimen = Specimen.from_list(atoms, 45.0, {})
    projected, sites, _ = scattering_map(rng, specimen, growth=(1, 1))
    probe = Probe(30, source_size=0.35, tail=0.2)
    conditions = ScanConditions(dose=2e4, cross_section=0.03, probe=probe, jitter=0.05)
    counts, pixel, at = take_scan(rng, projected, 0.2, 60e3, conditions, sites[:, :2])
    found = column_intensities(counts, at, pixel)
    kinds = intensity_classes(found.intensity, found.sigma, KINDS).argmax(axis=1)
    assert np.mean(kinds == np.array(true)) > 0.95


def test_empty_columns():
    intensity, sigma = np.array([2.1, 2.0, 4.0, 0.1, 0.0]), np.full(5, 0.2)
    kinds = intensity_classes(intensity, sigma, [[16], [16, 16], []]).argmax(axis=1)
    assert kinds.tolist() == [0, 0, 1, 2, 2]
