# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from hyperspy_dlatoms.analysis.lattice import lattices_of
from hyperspy_dlatoms.detection.contradiction import contradiction, is_no_sheet
from tests.helpers.crystal import crystal

SAMPLING = 0.1
GRAPHENE = lattices_of(["graphene"])


def sites(scale=1.0, jitter=0.0, probability=1.0, radius=12.0, seed=0):
    """Sites of a sheet in px, and their probability."""
    places = crystal("honeycomb", radius, rng=np.random.default_rng(seed), jitter=jitter)
    places = places[np.lexsort(places.T[::-1])] * scale / SAMPLING
    return np.column_stack([places, np.full(len(places), probability)])


@pytest.fixture(scope="module")
def disorder():
    places = np.random.default_rng(0).uniform(0, 400, (500, 2))
    return np.column_stack([places[np.argsort(places[:, 0])], np.ones(500)])


@pytest.mark.parametrize("ratio", [0.85, 1.15])
@pytest.mark.parametrize("jitter", [0.0, 0.05])
def test_a_lattice_tells_its_sampling(ratio, jitter):
    found = [sites(jitter=jitter)]
    nearest = contradiction(found, ratio * SAMPLING, GRAPHENE)
    assert nearest.zone == "honeycomb"
    assert nearest.samplings["graphene"] == pytest.approx(SAMPLING, rel=0.02)


@pytest.mark.parametrize("ratio", [0.92, 1.0, 1.09])
def test_a_calibration_less_than_a_tenth_off_may_be_right(ratio):
    assert contradiction([sites(jitter=0.05)], ratio * SAMPLING, GRAPHENE) is None


def test_most_frames_decide():
    right, wrong = sites(), sites(scale=1.3)
    assert contradiction([right, right, wrong], SAMPLING, GRAPHENE) is None
    assert contradiction([right, wrong, wrong], SAMPLING, GRAPHENE) is not None


def test_sites_that_are_in_doubt_say_nothing(disorder):
    assert contradiction([sites(scale=1.3, probability=0.7)], SAMPLING, GRAPHENE) is None
    unsure = disorder * [1, 1, 0.7]
    assert not is_no_sheet([unsure], GRAPHENE)


def test_sites_without_order_are_no_sheet(disorder):
    assert is_no_sheet([disorder], GRAPHENE)
    assert contradiction([disorder], SAMPLING, GRAPHENE) is None
    assert not is_no_sheet([sites(jitter=0.05)], GRAPHENE)
    assert not is_no_sheet([disorder, sites(), sites()], GRAPHENE)
    assert not is_no_sheet([disorder[:50]], GRAPHENE)
    assert not is_no_sheet([], GRAPHENE)


def test_of_metals_nothing_is_said(disorder):
    assert not is_no_sheet([disorder], lattices_of(["Au"]))
    assert not is_no_sheet([disorder], lattices_of(["Au", "graphene"]))
