# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from hyperspy_dlatoms.analysis.lattice import Spacing, lattices_of
from hyperspy_dlatoms.detection import contradiction as module
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


@pytest.mark.parametrize("ratio", [0.85, 0.88, 1.12, 1.15])
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


@pytest.fixture
def fit(monkeypatch):
    """Make each frame a lattice of a likeness, 1.3 times as large as it should be."""
    fitted = []

    def make(likeness):
        def best_fit(positions, lattices):
            fitted.append(len(positions))
            nearest = 1.3 * min(lattices[0].nearest.values()) / SAMPLING
            return lattices[0], Spacing(nearest, likeness, 1.0)

        monkeypatch.setattr(module, "best_fit", best_fit)
        return fitted

    return make


# The numbers on both sides of each limit.
@pytest.mark.parametrize(
    ("material", "likeness", "n", "contradicts"),
    [
        ("Au", 0.92, 32, True),
        ("Au", 0.92, 28, False),
        ("Au", 0.88, 32, False),
        ("graphene", 0.82, 32, True),
        ("graphene", 0.82, 28, False),
        ("graphene", 0.78, 32, False),
    ],
)
def test_what_a_frame_must_be_to_contradict(fit, material, likeness, n, contradicts):
    fit(likeness)
    found = [np.ones((n, 3))]
    assert (contradiction(found, SAMPLING, lattices_of([material])) is not None) == contradicts


@pytest.mark.parametrize(
    ("likeness", "n", "no_sheet"),
    [(0.62, 64, True), (0.62, 56, False), (0.68, 64, False)],
)
def test_what_a_frame_must_be_to_be_no_sheet(fit, likeness, n, no_sheet):
    fit(likeness)
    assert is_no_sheet([np.ones((n, 3))], GRAPHENE) == no_sheet


def test_of_a_long_movie_ten_frames_are_compared(fit):
    fitted = fit(0.95)
    assert contradiction([np.ones((40 + n, 3)) for n in range(100)], SAMPLING, GRAPHENE)
    assert len(fitted) == 10
    assert (fitted[0], fitted[-1]) == (40, 139)
