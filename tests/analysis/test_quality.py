# SPDX-License-Identifier: GPL-3.0-or-later
"""Quality of positions without a truth."""

from __future__ import annotations

import numpy as np
import pytest

from hyperspy_dlatoms.analysis import flags, frame_quality, remarks
from hyperspy_dlatoms.analysis.quality import FrameQuality

# Cells, and the sites in them in fractions: nearest neighbours are 1 apart, in fcc 0.61.
LATTICES = {
    "triangular": ([[1, 0], [0.5, np.sqrt(0.75)]], [[0, 0]]),
    "honeycomb": ([[np.sqrt(3), 0], [np.sqrt(0.75), 1.5]], [[0, 0], [1 / 3, 1 / 3]]),
    "square": ([[1, 0], [0, 1]], [[0, 0]]),
    "fcc along [110]": ([[1, 0], [0.5, 8**-0.5]], [[0, 0]]),
    "rectangular": ([[1.41, 0], [0, 1]], [[0, 0]]),
    "rows": ([[2, 0], [0, 1]], [[0, 0]]),
    "perovskite": ([[2, 0], [0, 2]], [[0, 0], [0.5, 0.5], [0.5, 0], [0, 0.5]]),
}


def lattice(name, noise=0.0, angle=0.3, radius=6.5):
    """Return a disc of a lattice, with its middle at 0."""
    cell, sites = (np.array(one, float) for one in LATTICES[name])
    number = np.stack(np.meshgrid(np.arange(-30, 31), np.arange(-30, 31)), -1).reshape(-1, 1, 2)
    places = ((number + sites) @ cell).reshape(-1, 2)
    places = places[np.hypot(*places.T) < radius]
    places = places @ [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    return places + np.random.default_rng(1).normal(0, noise, places.shape)


@pytest.mark.parametrize("name", LATTICES)
@pytest.mark.parametrize("noise", [0, 0.03])
def test_a_perfect_crystal_has_nothing_odd_at_its_surface_either(name, noise):
    spacing = 0.61 if name.startswith("fcc") else 1.0
    found = flags(lattice(name, noise * spacing))
    assert found.lattice and found.on_lattice.mean() > 0.98
    assert len(found.holes) == 0 and found.pairs == 0
    assert found.spacing == pytest.approx(spacing, rel=0.1)


@pytest.mark.parametrize("name", LATTICES)
def test_vacancies_are_found(name):
    places = lattice(name, 0.02)
    inner = np.flatnonzero(np.hypot(*places.T) < 4)
    gone = places[inner[[0, len(inner) // 2, -1]]]
    left = places[~np.isin(places[:, 0], gone[:, 0])]
    holes = flags(left).holes
    assert len(holes) == 3
    for place in gone:
        assert np.hypot(*(holes - place).T).min() < 0.1


def test_false_atoms_are_off_the_lattice():
    places = lattice("triangular", 0.02)
    # A hollow between three atoms, and one beside an atom.
    false = np.array([places[60] + [0.31, 0.5], places[90] + [0.1, 0.35]])
    found = flags(np.concatenate([places, false]))
    assert not found.on_lattice[-2:].any() and found.on_lattice[:-2].mean() > 0.98
    assert found.too_close[-1] and found.pairs >= 1


def test_two_grains_are_both_a_lattice():
    whole = lattice("honeycomb", 0.01), lattice("honeycomb", 0.01, angle=0.6)
    left, right = whole[0][whole[0][:, 1] < -0.5], whole[1][whole[1][:, 1] > 0.5]
    found = flags(np.concatenate([left, right]))
    assert found.lattice and found.on_lattice.mean() > 0.9


@pytest.mark.parametrize("closest", [0.0, 0.8])
def test_no_lattice_in_sites_at_random(closest):
    rng = np.random.default_rng(2)
    places = [rng.uniform(0, 18, 2)]
    while len(places) < 200:
        place = rng.uniform(0, 18, 2)
        if np.hypot(*(np.array(places) - place).T).min() > closest:
            places.append(place)
    found = flags(np.array(places))
    assert not found.lattice and found.on_lattice.mean() < 0.1
    assert len(found.holes) == 0


@pytest.mark.parametrize("number", [0, 1, 2, 5])
def test_few_sites(number):
    found = flags(lattice("square")[:number])
    assert not found.lattice and len(found.holes) == 0 and found.on_lattice.shape == (number,)
    assert np.isnan(found.spacing) == (number < 2)


def test_a_row_of_atoms_and_atoms_that_are_there_twice():
    row = np.column_stack([np.arange(20.0), np.zeros(20)])
    assert len(flags(row).holes) == 0
    twice = flags(np.repeat(row, 2, axis=0))
    assert twice.pairs == 20 and twice.too_close.all()


def test_the_edge_of_an_image_is_no_fault():
    places = lattice("honeycomb", radius=20)
    low, high = np.array([-5.0, -5.0]), np.array([5.0, 5.0])
    inside = places[((places >= low) & (places <= high)).all(axis=1)]
    assert flags(inside, (low, high)).on_lattice.all()


def test_numbers_of_a_frame():
    places = 2.4 * lattice("triangular", radius=8)
    rng = np.random.default_rng(0)
    probability = np.where(rng.random(len(places)) < 0.2, 0.5, 1.0)
    sigma = np.full((len(places), 2), 0.04)
    got = frame_quality(places, probability, sigma, np.full(len(places), 0.5))
    assert got.found == len(places) == got.expected
    assert got.doubtful == (probability < 1).sum()
    assert got.false_expected == pytest.approx(got.doubtful / 2)
    assert (got.sigma, got.agreement) == (0.04, 0.5)
    assert got.spacing == pytest.approx(2.4)


def test_what_is_not_known_is_nan():
    got = frame_quality(2.4 * lattice("triangular"))
    assert np.isnan([got.false_expected, got.agreement, got.sigma]).all() and got.doubtful == 0
    # An atom put there by hand has no probability.
    got = frame_quality(np.zeros((1, 2)), np.array([np.nan]))
    assert got.doubtful == 1 and got.false_expected == 0


FINE = FrameQuality(100, 100.0, 0, 0.0, 0.0, 0, 0.1, np.nan, 2.4, 0.04)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"found": 0, "expected": np.nan}, "No atoms were found"),
        (
            {"expected": np.nan},
            "No lattice was recognised (the atoms differ in their surroundings)",
        ),
        ({"found": 1, "expected": np.nan, "false_expected": 0}, "1 atom is too few for one"),
        ({"found": 5, "expected": np.nan}, "5 atoms are too few for one"),
        ({"off_lattice": 20.0}, "20 of 100 atoms do not continue the lattice"),
        ({"too_close": 1}, "1 pair is closer than 0.14 nm"),
        ({"too_close": 3}, "3 pairs are closer"),
        ({"holes": 2.0}, "2 places of the lattice"),
        ({"doubtful": 11}, "11 of 100 atoms have a probability below 0.8"),
        ({"false_expected": 6.0}, "about 6 of 100 are false"),
        ({"agreement": 0.6}, "On average 60 %"),
    ],
)
def test_words(changes, says):
    (text,) = remarks(FINE._replace(**changes))
    assert says in text


def test_words_about_the_image():
    assert remarks(FINE) == []
    assert remarks(FINE, domain=1.0, masked=0.05) == []
    assert "domain 1.30" in remarks(FINE, domain=1.3)[0]
    assert "30 % of the image is masked" in remarks(FINE, masked=0.3)[0]
    # The worst first.
    assert "domain" in remarks(FINE._replace(too_close=3), domain=2.0)[0]


def test_agreement_that_is_not_known():
    assert np.isnan(frame_quality(np.eye(2), agreement=np.full(2, np.nan)).agreement)
