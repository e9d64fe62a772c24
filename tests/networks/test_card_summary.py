# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses

import pytest

from hyperspy_dlatoms import registry
from hyperspy_dlatoms.networks._card_summary import rows_of, scores_of


@pytest.mark.parametrize("name", registry.names())
def test_every_card_of_the_package(name):
    card = registry.handle(name).card
    rows = dict(rows_of(card))
    assert f"{card.sampling:g} Å/px" in rows["reads"]
    assert ("focal series of 3" in rows["reads"]) == (card.images == 3)
    lines = scores_of(card)
    assert max(map(len, lines)) < 80
    assert not any("{" in line or "None" in line for line in lines)
    assert repr(card).startswith(f"<ModelCard {name} {card.version}>\n")
    assert card.recipe not in repr(card)
    assert card.name in card._repr_html_()


def test_scores_of_both_kinds_stand_at_their_dose():
    card = registry.handle("graphene").card
    lines = scores_of(card)
    (row,) = [line.split() for line in lines if line.split()[:1] == ["1000"]]
    at_1000 = card.scores["evaluation"]["dose"]["1000"]
    assert row[1] == f"{card.scores['F1 at 1000 e/Å²']:.2f}"
    assert row[4:] == [
        *(f"{at_1000[name]:.2f}" for name in ("f1", "precision", "recall")),
        f"{at_1000['rms']:.1f}",
    ]
    text = " ".join(lines)
    assert "held out: 20 images per dose" in text and "benchmark: new specimens (graphene)" in text


def test_scores_of_species():
    card = registry.handle("mos2-focal-series").card
    (row,) = [line for line in scores_of(card) if line.startswith("Mo vacancy ")]
    assert row.split()[2] == f"{card.scores['species']['Mo vacancy']['1000']['f1']:.2f}"


def test_an_exit_wave_has_no_threshold():
    rows = dict(rows_of(registry.handle("mos2-exit-wave").card))
    assert "threshold" not in rows and rows["returns"] == "the exit wave"


@pytest.mark.parametrize(
    "scores",
    [
        {"species": {"Mo": 0.93}},
        {"evaluation": {"dose": 0.93}},
        {"evaluation": {"dose": {"high": {"f1": 0.93}}}},
        {"F1 at 100 e/Å²": "0.93"},
        {"evaluation": {"expected calibration error": "0.93"}},
    ],
    ids=str,
)
def test_scores_of_another_kind_are_shown_as_they_are(scores):
    card = dataclasses.replace(registry.handle("graphene").card, scores=scores)
    assert "0.93" in "\n".join(scores_of(card))
    assert "0.93" in repr(card)


def test_a_training_in_words():
    card = dataclasses.replace(
        registry.handle("graphene").card, training={"minutes": "ten", "steps": 5}
    )
    assert dict(rows_of(card))["training"] == "ten minutes, 5 steps"


def test_a_card_cannot_steer_the_terminal():
    card = registry.handle("graphene").card
    card = dataclasses.replace(card, name="\x1b[2Jmine", scores={"note": "\x1b]0;title\x07"})
    assert "\x1b" not in repr(card) and "\x07" not in repr(card)
    assert "\\x1b[2Jmine" in repr(card)
