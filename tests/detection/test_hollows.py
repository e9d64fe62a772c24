# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from hyperspy_dlatoms.analysis.lattice import lattices_of
from hyperspy_dlatoms.detection.hollows import is_square, square_levels
from tests.helpers.blob_network import blobs

SAMPLING, SPACING = 0.1, 2.04
ATOMS = 3.0 + SPACING * np.stack(np.mgrid[:9, :9], axis=-1).reshape(-1, 2)
HOLLOWS = 3.0 + SPACING * (np.stack(np.mgrid[:8, :8], axis=-1).reshape(-1, 2) + 0.5)


@pytest.fixture(params=[1, -1], ids=["bright", "dark"])
def image(request):
    frame = blobs((230, 230), SAMPLING, ATOMS)
    return request.param * frame


def levels(image, sites, nearest):
    return square_levels(image, sites / SAMPLING, nearest / SAMPLING)


def test_only_the_100_zone_is_square():
    lattices = lattices_of(["Au", "graphene"])
    assert [one.zone for one in lattices if is_square(one)] == ["[100]"]


def test_the_lattice_of_the_atoms(image):
    found = levels(image, ATOMS, SPACING)
    assert not found.is_sublattice and not found.has_hollows


def test_heights_may_alternate(image):
    every_second = np.indices((9, 9)).sum(axis=0).ravel() % 2
    image = np.sign(image.mean()) * blobs((230, 230), SAMPLING, ATOMS, 1 + 0.3 * every_second)
    found = levels(image, ATOMS, SPACING)
    assert not found.is_sublattice and not found.has_hollows


def test_every_second_atom(image):
    every_second = np.indices((9, 9)).sum(axis=0).ravel() % 2 == 0
    found = levels(image, ATOMS[every_second], np.sqrt(2) * SPACING)
    assert found.is_sublattice and not found.has_hollows


def test_atoms_and_hollows(image):
    found = levels(image, np.concatenate([ATOMS, HOLLOWS]), SPACING / np.sqrt(2))
    assert found.has_hollows and not found.is_sublattice


@pytest.mark.parametrize("number", [1, 2, 3])
def test_too_few_sites_tell_nothing(image, number):
    found = levels(image, 20.0 * ATOMS[:number], SPACING)
    assert not found.is_sublattice and not found.has_hollows
