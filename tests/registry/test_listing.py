# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest

from hyperspy_dlatoms import registry
from hyperspy_dlatoms.registry import RegistryError
from hyperspy_dlatoms.registry.entries import FORMAT, to_json


@pytest.fixture
def lab(server, entry_of):
    """A source with a model that is not on this computer, and an ensemble of two."""
    entries = [to_json(entry_of(name=name)) for name in ("gold", "silver")]
    entries.append({"name": "both", "kind": "ensemble", "members": ["gold", "silver"]})
    catalogue = {"format": FORMAT, "name": "lab", "entries": entries}
    server.files["registry.json"] = json.dumps(catalogue).encode()
    registry.add_source(server.url)


def test_what_a_download_would_cost(lab):
    items = {item.entry.full_name: item for item in registry.list()}
    assert (items["graphene"].here, items["graphene"].download) == ("in the package", 0)
    assert (items["lab/gold"].here, items["lab/gold"].download) == ("no", 200_000)
    assert items["lab/both"].download == 400_000
    registry.path("lab/gold")
    assert registry.info("lab/gold").here == "yes"
    assert registry.info("lab/both").download == 200_000
    assert registry.info("graphene-benchmark").here == "to generate"


def test_table(lab):
    text = repr(registry.list("model", "ensemble"))
    (row,) = [line for line in text.splitlines() if line.startswith("  lab/gold")]
    assert "to download, 200.0 kB" in row
    assert "movie" not in text
    assert max(map(len, text.splitlines())) < 80
    assert "sha256" in repr(registry.info("lab/gold"))


def test_in_a_notebook(lab):
    html = registry.list("model", "ensemble")._repr_html_()
    assert html.count("<table>") == 2
    assert "lab/both" in html and "to download, 400.0 kB" in html
    html = registry.info("graphene")._repr_html_()
    assert "<pre>" in html and "benchmark" in html


def test_listing_uses_no_network_offline(lab, server):
    server.requests.clear()
    assert "lab/gold" in {item.entry.full_name for item in registry.list(offline=True)}
    assert not server.requests


def test_unknown_kind_and_name():
    with pytest.raises(ValueError, match="'virus' is not known: expected model"):
        registry.list("virus")
    with pytest.raises(RegistryError, match="Did you mean 'graphene'"):
        registry.info("grafene")


def test_an_ensemble_that_lacks_members(server):
    entries = [{"name": "both", "kind": "ensemble", "members": ["gold", "silver"]}]
    catalogue = {"format": FORMAT, "name": "lab", "entries": entries}
    server.files["registry.json"] = json.dumps(catalogue).encode()
    registry.add_source(server.url)
    item = registry.info("lab/both")
    assert (item.here, item.lacking) == ("incomplete", ("gold", "silver"))


def test_a_domain_that_is_none_of_ours(server, entry_of, monkeypatch):
    domain = {"classes": ["Au", "Ce"], "dose": [100, None], "odd": [1, "b"], "large": [10**400, 1]}
    entry = to_json(entry_of()) | {"domain": domain}
    content = json.dumps({"format": FORMAT, "name": "lab", "entries": [entry]})
    server.files["registry.json"] = content.encode()
    monkeypatch.setenv("HYPERSPY_DLATOMS_REGISTRY", server.url)
    text = " ".join(repr(registry.info("lab/gold")).split())
    assert "classes Au, Ce, dose 100 and more, odd 1, b, large" in text


def test_a_description_cannot_steer_the_terminal(server, entry_of):
    entry = to_json(entry_of(name="gold")) | {
        "description": "Fine.\x1b[2K\x1b[1A",
        "version": "\x1b",
    }
    catalogue = {"format": FORMAT, "name": "lab", "entries": [entry]}
    server.files["registry.json"] = json.dumps(catalogue).encode()
    registry.add_source(server.url)
    for text in (repr(registry.list()), repr(registry.info("lab/gold"))):
        assert "Fine.\\x1b[2K" in text and "\x1b" not in text
