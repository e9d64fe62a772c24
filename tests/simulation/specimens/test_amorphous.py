# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from hyperspy_dlatoms.simulation.specimens.amorphous import amorphous_carbon, random_packing, vacuum


def test_density_and_thickness():
    film = amorphous_carbon(np.random.default_rng(1), size=40, thickness=30, density=2.0)
    volume = 40 * 40 * 30
    assert len(film.atoms) / volume * 12.011 / 0.602214 == pytest.approx(2.0, rel=1e-3)
    z = film.atoms.positions[:, 2]
    assert 29 < np.ptp(z) <= 30
    assert film.sites().shape == (0, 3)
    assert (film.column == -1).all()


def test_no_two_atoms_too_close_even_across_the_edges():
    film = amorphous_carbon(np.random.default_rng(2), size=20, thickness=15, density=2.2)
    distances = film.atoms.get_all_distances(mic=True)
    np.fill_diagonal(distances, np.inf)
    assert distances.min() >= 1.35


def test_a_region_limits_the_film_and_keeps_its_density():
    def left(points):
        return points[:, 0] < 10

    film = amorphous_carbon(
        np.random.default_rng(3), size=30, thickness=20, density=2.0, region=left
    )
    assert film.atoms.positions[:, 0].max() < 10
    assert len(film.atoms) / (10 * 30 * 20) * 12.011 / 0.602214 == pytest.approx(2.0, rel=0.05)


def test_the_same_seed_gives_the_same_film():
    first, again, other = (amorphous_carbon(np.random.default_rng(s), size=20) for s in (5, 5, 6))
    np.testing.assert_array_equal(first.atoms.positions, again.atoms.positions)
    assert first.description != other.description


def test_vacuum_is_empty():
    empty = vacuum(25.0)
    assert len(empty.atoms) == 0
    assert empty.sites().shape == (0, 3)
    assert empty.size == 25.0


@pytest.mark.parametrize("wrong", [{"thickness": 0}, {"density": 3.6}, {"size": -1}])
def test_impossible_films_are_refused(wrong):
    with pytest.raises(ValueError, match="expected positive"):
        amorphous_carbon(np.random.default_rng(1), **{"thickness": 10, "density": 2.0, **wrong})


@given(
    st.integers(0, 2**32 - 1), st.floats(0.01, 0.25), st.floats(0.5, 1.6), st.sampled_from([2, 3])
)
def test_packing_keeps_its_distance(seed, density, distance, dimensions):
    box = (8.0, 8.0, 5.0)[:dimensions]
    points = random_packing(np.random.default_rng(seed), box, density, distance)
    assert len(points) <= round(density * np.prod(box))
    assert (points >= 0).all() and (points < box).all()
    assert pdist(points).min(initial=np.inf) >= distance
