# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses

import pytest

from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.ensemble import common_card


@pytest.fixture
def card():
    return ModelCard(
        name="facets",
        version="1",
        architecture="unet",
        arguments={},
        classes=("column",),
        sampling=0.2,
        radius=0.5,
        minimum_distance=1.6,
        threshold=0.5,
        domain={"sampling": [0.03, 0.25], "dose": [100, None]},
        recipe="seed: 1",
        scores={"F1": 0.9},
    )


def test_common_card_is_a_card(card):
    other = dataclasses.replace(
        card,
        name="spheres",
        version="2",
        radius=0.7,
        minimum_distance=1.4,
        threshold=0.7,
        domain={"sampling": [0.05, 0.3]},
    )
    common = common_card([card, other], "both")
    assert ModelCard.from_json(common.to_json()) == common
    assert (common.name, common.version) == ("both", "1 + 2")
    assert common.threshold == 0.5
    assert common_card([card, other], threshold=0.35).threshold == 0.35
    assert common.radius == pytest.approx(0.6)
    assert common.minimum_distance == 1.4
    assert common.domain == {"sampling": [0.05, 0.25]}
    assert common.recipe == "" and common.scores == {}
    assert common_card([card, other]).name == "facets + spheres"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sampling": 0.15}, "sampling: 'facets' has 0.2, 'other' has 0.15"),
        ({"modality": "STEM"}, "modality: 'facets' has 'HRTEM', 'other' has 'STEM'"),
        ({"stride": 4}, "stride: 'facets' has 2, 'other' has 4"),
        ({"classes": ("Mo", "S")}, "classes: 'facets' has .'column',., 'other' has .'Mo', 'S'."),
        ({"normalisation_width": 6.0}, "normalisation width: 'facets' has 12.0, 'other' has 6.0"),
    ],
)
def test_members_that_cannot_look_at_the_same_frame(card, change, message):
    other = dataclasses.replace(card, name="other", **change)
    with pytest.raises(ValueError, match=f"must have the same {message}"):
        common_card([card, card, other])


def test_too_few(card):
    for few in ([], [card]):
        with pytest.raises(ValueError, match="expected two or more"):
            common_card(few)
