# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from hyperspy_dlatoms.detection import find_sites
from hyperspy_dlatoms.detection.torn import (
    Grains,
    Negated,
    cell,
    grains,
    is_torn,
    may_tear,
    mend,
    torn,
    torn_crystals,
)
from hyperspy_dlatoms.networks.ensemble import AtomEnsemble
from tests.helpers.blob_network import BlobNetwork, blobs

SPACING = 2.4
DISTANCE = 1.6
ZONES = {
    "[100]": np.array([[SPACING, 0], [0, SPACING]]),
    "[110]": np.array([[SPACING, 0.71 * SPACING], [SPACING, -0.71 * SPACING]]),
}


def crystal(zone="[100]", radius=12.0, turn=0.3, noise=0.05, seed=0):
    """Columns of a round crystal, and its cell, both turned."""
    rng = np.random.default_rng(seed)
    way = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    steps = ZONES[zone] @ way
    columns = (np.stack(np.mgrid[-12:13, -12:13], axis=-1).reshape(-1, 2) + 0.2) @ steps
    columns = columns[np.linalg.norm(columns, axis=1) < radius]
    return columns + rng.normal(0, noise, columns.shape), steps


def halves(columns, steps, at=2.0):
    """The same crystal with one part of it read on the other lattice."""
    moved = columns[:, 1] > at
    return np.concatenate([columns[~moved], columns[moved] + steps.sum(axis=0) / 2]), moved


def as_sites(places, probability=0.9):
    sites = np.column_stack([places, np.full(len(places), probability), np.arange(len(places))])
    return sites[np.lexsort((sites[:, 1], sites[:, 0]))]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("turn", [0.0, 0.3, 1.2])
def test_the_cell_is_that_of_the_crystal(zone, turn):
    columns, steps = crystal(zone, turn=turn)
    whole = np.linalg.solve(steps.T, cell(columns).T)
    np.testing.assert_allclose(np.abs(np.linalg.det(whole)), 1, atol=0.03)
    np.testing.assert_allclose(whole, np.rint(whole), atol=0.03)


def test_sites_anywhere_have_no_cell():
    rng = np.random.default_rng(0)
    assert cell(rng.uniform(0, 60, (300, 2))) is None
    assert cell(rng.uniform(0, 60, (5, 2))) is None
    assert cell(np.zeros((0, 2))) is None
    row = np.column_stack([np.zeros(40), np.arange(40.0)])
    assert cell(row) is None


@pytest.mark.parametrize("zone", ZONES)
def test_two_readings_of_a_crystal_are_one_grain_of_two_sides(zone):
    columns, steps = crystal(zone)
    sites, moved = halves(columns, steps)
    found = grains(sites, steps)
    sizes = np.bincount(found.grain)
    assert sizes.max() > 0.95 * len(sites)
    main = found.grain == sizes.argmax()
    right = np.arange(len(sites)) >= np.count_nonzero(~moved)
    assert len(set(found.side[main & right])) == len(set(found.side[main & ~right])) == 1
    assert torn(found)[sizes.argmax()]
    assert is_torn(as_sites(sites))


@pytest.mark.parametrize("zone", ZONES)
def test_a_bent_crystal_with_vacancies_and_strays_is_whole(zone):
    columns, steps = crystal(zone, noise=0.1)
    bent = columns + np.column_stack([0.006 * columns[:, 1] ** 2, np.zeros(len(columns))])
    bent = np.delete(bent, [20, 21, 40], axis=0)
    strays = bent[[3, 16, 30]] + steps.sum(axis=0) / 2
    assert not is_torn(as_sites(np.concatenate([bent, strays])))


def test_a_crystal_that_fills_a_large_frame_is_not_looked_at_again():
    for number, expected in ((900, True), (1100, False)):
        sides = np.arange(number) % 3 // 2
        assert torn(Grains(np.zeros(number, int), sides)).tolist() == [expected]


def test_two_crystals_side_by_side_are_whole():
    one, _ = crystal(radius=8)
    other, _ = crystal(radius=8, turn=1.0)
    assert not is_torn(as_sites(np.concatenate([one, other + [0.0, 21.0]])))


def test_a_torn_crystal_is_mended_by_its_negative_and_another_one_left_alone():
    columns, steps = crystal()
    broken, _ = halves(columns, steps)
    other, _ = crystal(radius=7, turn=1.0)
    other = other + [0.0, 40.0]
    sites = as_sites(np.concatenate([broken, other]))
    # In the negative the one is whole, the other, which was right, is on the wrong lattice.
    again = as_sites(np.concatenate([columns, other + [0.9, 0.9]]), 0.8)
    mended = mend(sites, again, DISTANCE)
    assert mended.shape == (len(columns) + len(other), 4)
    assert (np.lexsort((mended[:, 1], mended[:, 0])) == np.arange(len(mended))).all()
    expected = np.concatenate([columns, other])
    assert cKDTree(mended[:, :2]).query(expected)[0].max() < 1e-12
    assert set(mended[:, 2]) == {0.8, 0.9}


@pytest.mark.parametrize("radius", [6.0, 9.0])
def test_of_two_orientations_both_are_mended(radius):
    columns, steps = crystal()
    other, others = crystal(radius=radius, turn=1.0)
    aside = np.array([0.0, 40.0])
    sites = as_sites(
        np.concatenate([halves(columns, steps)[0], halves(other, others, 0.0)[0] + aside])
    )
    assert len(list(torn_crystals(sites[:, :2]))) >= 2
    expected = np.concatenate([columns, other + aside])
    mended = mend(sites, as_sites(expected), DISTANCE)
    assert len(mended) == len(expected)
    assert cKDTree(mended[:, :2]).query(expected)[0].max() < 1e-12


def test_a_negative_that_is_hardly_better_changes_nothing():
    columns, steps = crystal()
    broken, _ = halves(columns, steps)
    sites = as_sites(broken)
    for again in (as_sites(halves(columns, steps, -2.0)[0]), sites[:0], as_sites(columns, 0.1)):
        np.testing.assert_array_equal(mend(sites, again, DISTANCE), sites)
    whole = as_sites(columns, 0.3)
    np.testing.assert_array_equal(mend(whole, as_sites(columns + 0.2), DISTANCE), whole)


class TearingNetwork(BlobNetwork):
    """Reads dark columns on the right half a cell aside, and bright ones where they are."""

    def maps(self, batch):
        read = np.empty_like(batch)
        for place, frame in zip(read, batch, strict=True):
            dark = np.mean(frame**3) < 0
            place[:] = -frame if dark else frame
            if dark:
                half = frame.shape[1] // 2
                place[:, half:] = np.roll(place, (6, 6), axis=(0, 1))[:, half:]
        return super().maps(read)


def dark_crystal():
    places = 6.0 + SPACING * np.argwhere(np.ones((8, 12)))
    return 500 - blobs((140, 190), 0.2, places), places


@pytest.mark.parametrize("together", [False, True])
def test_a_torn_crystal_in_a_frame_is_looked_at_again(together):
    frame, places = dark_crystal()
    network = TearingNetwork()
    if together:
        network = AtomEnsemble([network, TearingNetwork(receptive_radius=40)])
    frames = np.stack([frame, 600 - frame])
    first, second = find_sites(frames, 0.2, network)
    for sites in (first, second):
        assert len(sites) == len(places)
        assert cKDTree(sites[:, :2] * 0.2).query(places)[0].max() < 0.05


def test_the_negative_is_not_looked_at_where_no_crystal_is_torn():
    frame, places = dark_crystal()
    network = TearingNetwork()
    find_sites(600 - frame[None], 0.2, network)
    looks = len(network.shapes)
    find_sites(frame[None], 0.2, network)
    assert looks == 1 and len(network.shapes) == 3


def test_only_networks_of_columns_may_tear():
    network = BlobNetwork()
    assert may_tear([network.card])
    assert not may_tear([BlobNetwork(classes=("S", "Mo")).card])
    negative = Negated(network)
    frame = np.zeros((1, 64, 64), np.float32)
    frame[0, 30, 30] = 50
    assert negative.maps(-frame).probability.max() > 0.9 > negative.maps(frame).probability.max()
