# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest
from scipy.spatial.distance import pdist

from hyperspy_dlatoms.simulation.specimens.single_atoms import single_atoms


def test_each_heavy_atom_is_a_site_outside_of_the_film():
    specimen = single_atoms(np.random.default_rng(1), "Ir", 40, number=(20, 30), thickness=15)
    heavy = specimen.atoms.numbers == 77
    assert 20 <= heavy.sum() <= 30
    np.testing.assert_array_equal(heavy, specimen.column >= 0)
    sites = specimen.sites()
    assert len(sites) == heavy.sum() and (sites[:, 2] == 1).all()
    assert pdist(sites[:, :2]).min() >= 2.5
    z = specimen.atoms.positions[:, 2]
    low, high = z[~heavy].min(), z[~heavy].max()
    assert ((z[heavy] < low - 1.5) | (z[heavy] > high + 1.5)).all()
    assert (z[heavy] < low).any() and (z[heavy] > high).any()


def test_elements_that_are_unknown():
    with pytest.raises(ValueError, match="element 'Xx' is not a chemical symbol"):
        single_atoms(np.random.default_rng(1), "Xx", 20)
