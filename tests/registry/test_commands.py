# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest

from hyperspy_dlatoms import cli, registry
from hyperspy_dlatoms.networks.model_file import read_model
from hyperspy_dlatoms.registry import sources
from hyperspy_dlatoms.registry.entries import FORMAT, to_json


@pytest.fixture
def lab(server, entry_of, monkeypatch):
    """A source with a model of 0.2 MB, through the environment as the command line has it."""
    catalogue = {"format": FORMAT, "name": "lab", "entries": [to_json(entry_of())]}
    server.files["registry.json"] = json.dumps(catalogue).encode()
    monkeypatch.setenv("HYPERSPY_DLATOMS_REGISTRY", server.url)


def row_of(text, name):
    (row,) = [line for line in text.splitlines() if line.split()[:1] == [name]]
    return row


def test_models(lab, capsys):
    assert cli.main(["models"]) == 0
    printed = capsys.readouterr().out
    assert row_of(printed, "graphene-ensemble").split()[1] == "ensemble"
    assert row_of(printed, "lab/gold").split()[1:6] == ["model", "1", "no", "200.0", "kB"]
    assert "movie" not in printed


def test_models_name_shows_the_card(capsys):
    assert cli.main(["models", "graphene"]) == 0
    printed = capsys.readouterr().out
    card, _ = read_model(registry.path("graphene"))
    assert f"{card.threshold:g}" in row_of(printed, "threshold")
    assert all(name in printed for name in card.scores)


def test_data(lab, capsys):
    assert cli.main(["data"]) == 0
    printed = capsys.readouterr().out
    assert "in the package" in row_of(printed, "movie")
    assert "to generate" in row_of(printed, "graphene-benchmark")
    assert "gold" not in printed.replace("gold nanoparticle", "")
    assert cli.main(["data", "movie"]) == 0
    assert "sha256" in capsys.readouterr().out


def test_fetch(lab, capsys, cache_folder, content):
    assert cli.main(["fetch", "lab/gold", "graphene"]) == 0
    printed = capsys.readouterr().out
    path = row_of(printed, "lab/gold").split()[1]
    assert path.startswith(str(cache_folder))
    with open(path, "rb") as file:
        assert file.read() == content


def test_fetch_all_prepares_a_machine_without_network(
    lab, server, capsys, tmp_path, monkeypatch, content
):
    folder = tmp_path / "usb stick"
    assert cli.main(["fetch", "--all", str(folder)]) == 0
    assert f"HYPERSPY_DLATOMS_CACHE={folder}" in capsys.readouterr().out
    server.requests.clear()
    sources._texts.clear()
    monkeypatch.setenv("HYPERSPY_DLATOMS_CACHE", str(folder))
    assert registry.path("lab/gold", offline=True).read_bytes() == content
    assert {item.download for item in registry.list(offline=True)} == {0}
    assert not server.requests


@pytest.mark.parametrize("arguments", [[], ["graphene", "--all", "x"]])
def test_fetch_what(capsys, arguments):
    assert cli.main(["fetch", *arguments]) == 1
    assert "either names, or --all" in capsys.readouterr().err


def test_an_error_is_one_line(server, capsys, monkeypatch):
    monkeypatch.setenv("HYPERSPY_DLATOMS_REGISTRY", f"lab={server.url}")
    assert cli.main(["fetch", "lab/gold"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("dlatoms: error: The catalogue") and "404" in line


def test_publish(capsys, tmp_path):
    folder = tmp_path / "lab"
    assert cli.main(["publish", "graphene", "--to", str(folder), "--creator", "Curie, Marie"]) == 0
    pin = row_of(capsys.readouterr().out, "pin").split()[1].removeprefix("sha256=")
    assert registry.add_source(folder, sha256=pin) == "lab"
    own, published = registry.path("graphene"), registry.path("lab/graphene")
    assert published.parent == folder
    assert published.read_bytes() == own.read_bytes()
    assert registry.info("lab/graphene").entry.file == registry.info("graphene").entry.file
