# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperspy_dlatoms.analysis.lattice import lattices_of
from hyperspy_dlatoms.analysis.spacing import FEWEST, fit_spacing
from tests.helpers.crystal import CELLS, crystal

LATTICES = {one.zone: one for one in lattices_of(["Au", "graphene"])}


def nearest_of(zone):
    lattice = LATTICES[zone]
    return next(iter(lattice.nearest.values()))


@settings(max_examples=20)
@given(
    zone=st.sampled_from(sorted(CELLS)),
    angle=st.floats(0, np.pi),
    scale=st.floats(0.2, 30),
    seed=st.integers(0, 100),
)
def test_the_size_is_found_whatever_the_orientation(zone, angle, scale, seed):
    rng = np.random.default_rng(seed)
    sites = crystal(zone, angle=angle, rng=rng, jitter=0.05, missing=0.1) * scale
    spacing = fit_spacing(sites, LATTICES[zone])
    assert spacing.nearest == pytest.approx(nearest_of(zone) * scale, rel=0.01)
    assert spacing.likeness > 0.85


@pytest.mark.parametrize("zone", sorted(CELLS))
def test_another_lattice_is_less_like(zone):
    sites = crystal(zone)
    likeness = {name: fit_spacing(sites, one).likeness for name, one in LATTICES.items()}
    assert max(likeness, key=likeness.get) == zone
    assert sorted(likeness.values())[-2] < 0.85


def test_grains_have_one_size():
    grains = [crystal("honeycomb", 9, angle, (20 * k, 0)) for k, angle in enumerate((0, 0.2, 0.4))]
    spacing = fit_spacing(np.concatenate(grains), LATTICES["honeycomb"])
    assert spacing.nearest == pytest.approx(nearest_of("honeycomb"), rel=1e-3)
    assert spacing.likeness > 0.95


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("zone", sorted(CELLS))
def test_sites_anywhere_make_no_lattice(zone, seed):
    sites = np.random.default_rng(seed).uniform(0, 100, (400, 2))
    assert fit_spacing(sites[np.argsort(sites[:, 0])], LATTICES[zone]).likeness < 0.75


def test_few_sites_and_sites_on_each_other():
    assert fit_spacing(crystal("[100]")[: FEWEST - 1], LATTICES["[100]"]) is None
    assert fit_spacing(np.zeros((50, 2)), LATTICES["[100]"]) is None


def test_many_sites_take_a_part():
    sites = np.stack(np.mgrid[:400, :400], axis=-1).reshape(-1, 2) * 2.04
    assert fit_spacing(sites, LATTICES["[100]"]).nearest == pytest.approx(2.04)
