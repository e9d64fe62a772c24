# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperspy_dlatoms.registry import RegistryError, sources
from hyperspy_dlatoms.registry.entries import FORMAT, PACKAGE, parse_catalogue, to_json

GOLD = {
    "name": "gold",
    "kind": "model",
    "version": "1",
    "file": "gold-1.safetensors",
    "size": 5,
    "sha256": "a" * 64,
    "where": ["gold-1.safetensors", "https://lab.example/gold", "doi:10.5281/zenodo.1/gold"],
}


def catalogue(*entries, **more):
    return json.dumps({"format": FORMAT, "entries": list(entries)} | more)


def test_places_of_an_address_and_of_a_folder(tmp_path):
    (entry,) = parse_catalogue(catalogue(GOLD), "here", source="lab", home="http://lab/x")
    assert entry.full_name == "lab/gold"
    assert entry.places() == ["http://lab/x/gold-1.safetensors", *GOLD["where"][1:]]
    (entry,) = parse_catalogue(catalogue(GOLD), "here", source="lab", home=str(tmp_path))
    assert entry.places()[0] == tmp_path / "gold-1.safetensors"


def test_round_trip():
    (entry,) = parse_catalogue(catalogue(GOLD), "here")
    assert to_json(entry) == GOLD


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../gold"},
        {"name": 3},
        {"name": ""},
        {"kind": "virus"},
        {"file": "../../.bashrc"},
        {"file": ".hidden"},
        {"file": "a/b"},
        {"size": -1},
        {"size": True},
        {"size": "5"},
        {"sha256": "a" * 63},
        {"sha256": "A" * 64},
        {"sha256": None},
        {"where": []},
        {"where": "gold"},
        {"where": ["/etc/passwd"]},
        {"where": ["../../etc/passwd"]},
        {"where": ["file:///etc/passwd"]},
        {"where": ["ftp://lab/gold"]},
        {"where": ["http://[lab/gold"]},
        {"where": [PACKAGE + "registry/errors.py"]},
        {"where": [7]},
        {"domain": [1]},
        {"members": "ab"},
        {"kind": "ensemble", "members": ["gold"]},
        {"kind": "ensemble", "members": ["gold", "silver"], "threshold": 1.5},
        {"kind": "ensemble", "members": ["gold", "silver"], "threshold": "low"},
        {"generate": {"recipe": {}}},
        {"description": ["x"]},
        *(
            {"kind": "dataset", "generate": how}
            for how in (
                {"recipe": 5},
                {"recipe": {}, "waves": 5},
                {"recipe_of": 5},
                {"trial": {}},
                {"recipe": {}, "checked": "all"},
            )
        ),
    ],
    ids=str,
)
def test_an_entry_of_others_that_is_wrong_is_refused(change):
    with pytest.raises(RegistryError, match="The catalogue here: .*expected"):
        parse_catalogue(catalogue(GOLD | change), "here", source="lab", home="http://lab")


def test_a_file_within_the_package_cannot_be_left():
    with pytest.raises(RegistryError, match="where"):
        parse_catalogue(catalogue(GOLD | {"where": [PACKAGE + "../x"]}), "here")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "null", '{"format": 1}', '{"format": 1, "entries": [3]}', "[" * 10_000]
)
def test_no_catalogue(text):
    with pytest.raises(RegistryError, match="here"):
        parse_catalogue(text, "here")


def test_a_newer_catalogue_says_so():
    with pytest.raises(RegistryError, match=f"format {FORMAT + 1}, .* up to format {FORMAT}: upd"):
        parse_catalogue(catalogue(format=FORMAT + 1), "here")


def test_what_a_later_version_adds_is_passed_over():
    (entry,) = parse_catalogue(catalogue(GOLD | {"colour": "yellow"}, motto="x"), "here")
    assert entry.name == "gold"


def test_a_name_twice():
    with pytest.raises(RegistryError, match="gold more than once"):
        parse_catalogue(catalogue(GOLD, GOLD), "here")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*GOLD, "domain", "generate", "members"]), VALUES))
def test_any_entry_is_read_or_refused(change):
    try:
        parse_catalogue(catalogue(GOLD | change), "here", source="lab", home="http://lab")
    except RegistryError as error:
        assert "here" in str(error)


def test_the_own_catalogue_is_whole():
    entries = sources.own_entries()
    kinds = {entry.kind for entry in entries}
    assert kinds == {"model", "ensemble", "dataset", "example"}
    for entry in entries:
        assert entry.description and entry.licence
        assert not entry.generate or entry.sha256
