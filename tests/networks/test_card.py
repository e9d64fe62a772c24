# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
import json

import pytest

from hyperspy_dlatoms.networks.card import FORMAT, ModelCard, ModelCardError


def test_round_trip(card):
    full = dataclasses.replace(
        card,
        arguments={"widths": [8, 16], "images": 3, "heights": True},
        domain={"sampling": [0.05, 0.25]},
        materials=("Au", "Pt"),
        images=3,
        heights=True,
        recipe="name: ä\n",
        scores={"f1": 0.9},
    )
    assert ModelCard.from_json(full.to_json()) == full


def test_defaults_are_filled_in(card):
    values = json.loads(card.to_json())
    del values["stride"], values["domain"], values["format"]
    assert ModelCard.from_json(json.dumps(values)) == card


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", 3),
        ("name", "../outside"),
        ("name", "a\\b"),
        ("architecture", None),
        ("arguments", [1]),
        ("classes", ()),
        ("classes", "C"),
        ("classes", ("C", "C")),
        ("classes", ("C", 1)),
        ("sampling", 0),
        ("sampling", float("nan")),
        ("sampling", "0.2"),
        ("sampling", True),
        ("radius", -0.5),
        ("minimum_distance", -1),
        ("threshold", 0),
        ("threshold", 1.0),
        ("anchor", 0.4),
        ("anchor", 1.0),
        ("anchor", "0.9"),
        ("reach", 0),
        ("stride", 0),
        ("stride", 2.0),
        ("normalisation_width", float("inf")),
        ("domain", None),
        ("sampling", 10**400),
        ("threshold", 10**400),
        ("materials", "Au"),
        ("materials", ("Au", "Au")),
        ("modality", "SEM"),
        ("kind", "species"),
        ("images", 0),
        ("images", 3),
        ("heights", 1.5),
        ("heights", True),
        ("format", 0),
        ("format", "1"),
    ],
)
def test_refuses_a_wrong_field_and_names_it(card, field, value):
    with pytest.raises(ModelCardError, match=f"{field} = "):
        dataclasses.replace(card, **{field: value})


@pytest.mark.parametrize(
    "domain",
    [
        *({"sampling": value} for value in (None, 0.2, [0.1], [0.1, None], [0, 1], [0.5, 0.1])),
        {"sampling": ["a", "b"]},
        {"sampling": [[0.1], [0.2]]},
        {"dose": 500},
        {"dose": [None, 500]},
        {"energy": [80e3, 60e3]},
        {"defocus": [-10, None]},
        {"defocus": [-10, float("inf")]},
        {"structures": [1]},
        {"structures": 5},
    ],
    ids=str,
)
def test_refuses_a_wrong_domain_and_names_the_range(card, domain):
    (name,) = domain
    with pytest.raises(ModelCardError, match=f"'{name}' = .* in its domain, expected"):
        dataclasses.replace(card, domain=domain)


def test_a_domain_may_be_open_and_say_more(card):
    domain = {"sampling": (0.1, 0.1), "dose": [500, None], "defocus": [-5, 5], "operator": "x"}
    card = dataclasses.replace(card, domain=domain)
    assert "500 e/Å² and more; defocus up to ±5 Å" in repr(card)
    # As of a recipe with `dose: .inf`.
    assert "any e/Å²" in repr(dataclasses.replace(card, domain={"dose": [None, None]}))


def test_newer_format_says_to_update(card):
    values = json.loads(card.to_json()) | {"format": FORMAT + 1, "a field of the future": 1}
    values["needs"] = "7.0"
    with pytest.raises(ModelCardError, match=f"format {FORMAT + 1}.*hyperspy-dlatoms to 7.0 or"):
        ModelCard.from_json(json.dumps(values))


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "null", "[" * 100_000])
def test_refuses_what_is_no_card(text):
    with pytest.raises(ModelCardError):
        ModelCard.from_json(text)


def test_missing_and_unknown_fields_are_named(card):
    values = json.loads(card.to_json()) | {"colour": "red"}
    del values["radius"]
    with pytest.raises(ModelCardError, match="radius.*colour"):
        ModelCard.from_json(json.dumps(values))
    values = json.loads(card.to_json()) | {"colour": "red"}
    with pytest.raises(ModelCardError, match="^The model card has the unknown fields colour.$"):
        ModelCard.from_json(json.dumps(values))


@pytest.mark.parametrize("value", [object(), float("nan")])
def test_what_json_cannot_hold_is_refused(card, value):
    with pytest.raises(ModelCardError, match="JSON"):
        dataclasses.replace(card, scores={"f1": value}).to_json()


@pytest.mark.parametrize(
    ("arguments", "kind", "images", "heights"),
    [
        ({}, "sites", 1, False),
        ({"images": 3, "wave": True}, "exit wave", 3, False),
        ({"heights": True}, "sites", 1, True),
    ],
)
def test_what_the_architecture_decides_is_filled_in(card, arguments, kind, images, heights):
    filled = dataclasses.replace(card, arguments=arguments, kind=None, images=None, heights=None)
    assert (filled.kind, filled.images, filled.heights) == (kind, images, heights)


@pytest.mark.parametrize(
    ("structures", "materials"),
    [
        ("[{structure: metal-cluster, element: {choice: [Pt, Au]}}, {structure: oxide}]", "Au Pt"),
        ("[{structure: metal-nanoparticle}, {structure: graphene}]", "Au graphene"),
        ("[{structure: two-dimensional, formula: {choice: [WS2, XY2]}}]", "WS2"),
        ("[{structure: two-dimensional}]", "MoS2"),
        ("[vacuum, 3]", ""),
        ("{}", ""),
        ("]", ""),
    ],
)
def test_a_card_of_format_1_gets_its_materials_from_its_recipe(card, structures, materials):
    values = json.loads(card.to_json())
    for name in ("kind", "images", "heights", "materials"):
        del values[name]
    values |= {"format": 1, "needs": "0.1.0", "recipe": f"structures: {structures}"}
    read = ModelCard.from_json(json.dumps(values))
    assert read.materials == tuple(materials.split())
    assert ModelCard.from_json(read.to_json()) == read


def test_a_card_of_format_2_is_read_as_it_was(card):
    values = json.loads(card.to_json()) | {"format": 2, "needs": "0.2.0"}
    del values["reach"]
    read = ModelCard.from_json(json.dumps(values))
    assert (read.reach, read.format) == (None, FORMAT)


@pytest.mark.parametrize("recipe", ["[" * 5000, "2001-99-99", "{", 5])
def test_a_card_of_format_1_whose_recipe_is_none_has_no_materials(card, recipe):
    values = json.loads(card.to_json()) | {"format": 1, "recipe": recipe}
    if isinstance(recipe, str):
        assert ModelCard.from_json(json.dumps(values)).materials == ()
    else:
        with pytest.raises(ModelCardError, match="recipe = 5"):
            ModelCard.from_json(json.dumps(values))
