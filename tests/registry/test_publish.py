# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
import hashlib
import json

import numpy as np
import pytest

from hyperspy_dlatoms import registry
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.model_file import ModelFileError, write_model
from hyperspy_dlatoms.registry import RegistryError
from hyperspy_dlatoms.registry._publishing import ZENODO, publish

CARD = ModelCard(
    name="gold",
    version="1",
    architecture="unet",
    arguments={},
    classes=("column",),
    sampling=0.2,
    radius=0.5,
    minimum_distance=1.0,
    threshold=0.5,
    domain={"dose": [100, 1000]},
    recipe="{name: gold, description: Columns of gold.}",
)


@pytest.fixture
def model(tmp_path):
    """Write a model file of a name, a version and one weight."""

    def make(name="gold", version="1", weight=1.0, **changes):
        path = tmp_path / f"trained-{name}-{version}-{weight}.safetensors"
        card = dataclasses.replace(CARD, name=name, version=version, **changes)
        write_model(path, card, {"kernel": np.full((3, 3), weight)})
        return path

    return make


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "public" / "lab"


def test_what_is_published_can_be_fetched(model, folder, server):
    file = model()
    catalogue = publish([file], folder)
    assert catalogue == folder / "registry.json"
    for published in folder.iterdir():
        server.files[published.name] = published.read_bytes()
    assert registry.add_source(f"{server.url}/registry.json") == "lab"
    assert registry.path("lab/gold").read_bytes() == file.read_bytes()
    entry = registry.info("lab/gold").entry
    assert entry.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert (entry.version, entry.description) == ("1", "Columns of gold.")
    assert entry.domain == {"classes": ["column"], "dose": [100, 1000]}
    assert entry.licence == CARD.licence


def test_publishing_more_keeps_what_is_there(model, folder):
    publish([model()], folder, name="ours")
    publish([model("silver"), model("gold", "2", 2.0)], folder)
    registry.add_source(folder)
    assert registry.info("ours/gold").entry.version == "2"
    assert registry.info("ours/silver").download == 0
    assert sorted(file.name for file in folder.iterdir()) == [
        ZENODO,
        "gold-1.safetensors",
        "gold-2.safetensors",
        "registry.json",
        "silver-1.safetensors",
    ]


def test_publishing_more_keeps_the_record(model, folder):
    publish([model()], folder, creators=["Curie, Marie"])
    record = json.loads((folder / ZENODO).read_text("utf-8"))
    record["creators"][0]["affiliation"] = "Sorbonne"
    (folder / ZENODO).write_text(json.dumps(record | {"notes": "Ours."}), "utf-8")
    publish([model("silver")], folder)
    kept = json.loads((folder / ZENODO).read_text("utf-8"))
    assert kept["creators"] == [{"name": "Curie, Marie", "affiliation": "Sorbonne"}]
    assert kept["notes"] == "Ours."
    assert "silver" in kept["description"]
    publish([model("silver")], folder, creators=["Meitner, Lise"])
    assert json.loads((folder / ZENODO).read_text("utf-8"))["creators"] == [
        {"name": "Meitner, Lise"}
    ]


def test_a_registry_keeps_its_name(model, folder):
    publish([model()], folder, name="ours")
    before = (folder / "registry.json").read_bytes()
    with pytest.raises(RegistryError, match="is already the registry 'ours', not 'theirs'"):
        publish([model("silver")], folder, name="theirs")
    assert (folder / "registry.json").read_bytes() == before
    publish([model("silver")], folder, name="ours")


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_damaged_record_is_not_written_over(text, model, folder):
    publish([model()], folder)
    (folder / ZENODO).write_text(text)
    with pytest.raises(RegistryError, match="delete it"):
        publish([model()], folder)
    assert (folder / ZENODO).read_text() == text


def test_a_published_file_can_be_published_again(model, folder):
    publish([model()], folder)
    before = (folder / "registry.json").read_bytes()
    publish([folder / "gold-1.safetensors"], folder)
    assert (folder / "registry.json").read_bytes() == before


def test_a_version_is_one_file(model, folder):
    publish([model()], folder)
    with pytest.raises(RegistryError, match="'gold' 1 is already published"):
        publish([model(weight=2.0)], folder)
    registry.add_source(folder)
    assert registry.path("lab/gold").read_bytes() == model().read_bytes()


def test_an_earlier_version_stays_the_file_that_it_was(model, folder):
    publish([model()], folder)
    publish([model(version="2")], folder)
    with pytest.raises(RegistryError, match="'gold' 1 is already published.*gold-1.safetensors"):
        publish([model(weight=3.0)], folder)
    assert (folder / "gold-1.safetensors").read_bytes() == model().read_bytes()
    # Where the catalogue is lost, too.
    (folder / "registry.json").unlink()
    with pytest.raises(RegistryError, match="'gold' 1 is already published"):
        publish([model(weight=3.0)], folder)


def test_two_models_are_never_one_file(model, folder):
    first, second = model("gold", "a-1"), model("gold-a", "1", 2.0)
    with pytest.raises(RegistryError, match="'gold' a-1 is already published as another file"):
        publish([first, second], folder)
    assert not folder.exists()


def test_publishing_again_keeps_the_record_and_the_citation_of_a_file(model, folder):
    publish([model()], folder, doi="10.5281/zenodo.1", citation="Curie 1903")
    before = (folder / "registry.json").read_bytes()
    publish([model()], folder)
    assert (folder / "registry.json").read_bytes() == before
    publish([model()], folder, doi="10.5281/zenodo.2", citation="Curie 1911")
    (entry,) = json.loads((folder / "registry.json").read_text("utf-8"))["entries"]
    assert entry["citation"] == "Curie 1911"
    assert entry["where"] == [
        "gold-1.safetensors",
        "doi:10.5281/zenodo.2/gold-1.safetensors",
        "doi:10.5281/zenodo.1/gold-1.safetensors",
    ]


@pytest.mark.parametrize("creators", [["Curie, Marie"], "Curie, Marie", [{"orcid": "0"}], 5])
def test_creators_that_are_none_stop_it_before_anything_is_written(creators, model, folder):
    publish([model()], folder)
    (folder / ZENODO).write_text(json.dumps({"creators": creators}))
    before = {file: file.read_bytes() for file in folder.iterdir()}
    with pytest.raises(RegistryError, match="zenodo.json.*creators.*expected"):
        publish([model("silver")], folder)
    assert {file: file.read_bytes() for file in folder.iterdir()} == before


def test_a_single_path_is_one_model(model, folder):
    for file in (model(), str(model())):
        assert publish(file, folder).is_file()


def test_a_catalogue_that_is_no_text(model, folder):
    publish([model()], folder)
    (folder / "registry.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(RegistryError, match="registry.json.* is not a catalogue"):
        publish([model("silver")], folder)


def test_the_home_folder(model, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert publish([model()], "~/lab") == tmp_path / "lab" / "registry.json"


def test_zenodo_record(model, folder):
    publish([model()], folder, doi="10.5281/zenodo.1", creators=["Curie, Marie"])
    record = json.loads((folder / ZENODO).read_text("utf-8"))
    assert record["creators"] == [{"name": "Curie, Marie"}]
    assert record["license"] == CARD.licence
    assert "gold 1: Columns of gold." in record["description"]
    (entry,) = json.loads((folder / "registry.json").read_text("utf-8"))["entries"]
    assert entry["where"][1] == "doi:10.5281/zenodo.1/gold-1.safetensors"


def test_the_record_of_networks_for_scanned_images_does_not_say_hrtem(model, folder):
    publish([model(modality="STEM")], folder)
    record = json.loads((folder / ZENODO).read_text("utf-8"))
    assert "HRTEM" not in json.dumps(record)


@pytest.mark.parametrize("change", [{"name": "gold of Rome"}, {"version": "1 beta"}])
def test_names_that_cannot_be_files(model, folder, change):
    file = model()
    write_model(file, dataclasses.replace(CARD, **change), {"kernel": np.zeros(1)})
    with pytest.raises(RegistryError, match="letters, digits"):
        publish([file], folder)


def test_name_of_the_registry(model, folder):
    with pytest.raises(RegistryError, match="would be called 'our lab'"):
        publish([model()], folder, name="our lab")


def test_what_is_no_model_is_not_published(tmp_path, folder):
    (tmp_path / "notes.txt").write_text("my notes")
    with pytest.raises(ModelFileError, match="notes.txt"):
        publish([tmp_path / "notes.txt"], folder)
    assert not (folder / "registry.json").exists()


def test_nothing_is_copied_where_a_model_fails(model, folder, tmp_path):
    with pytest.raises((ModelFileError, OSError), match="missing"):
        publish([model(), tmp_path / "missing.safetensors"], folder)
    assert not folder.exists()


@pytest.mark.parametrize("doi", ["https://doi.org/10.5281/zenodo.1", "DOI:10.5281/zenodo.1"])
def test_a_doi_as_it_is_copied(doi, model, folder):
    publish([model()], folder, doi=doi)
    (entry,) = json.loads((folder / "registry.json").read_text("utf-8"))["entries"]
    assert entry["where"][1] == "doi:10.5281/zenodo.1/gold-1.safetensors"


def test_a_single_name_is_one_creator(model, folder):
    publish(model(), folder, creators="Curie, Marie")
    record = json.loads((folder / ZENODO).read_text("utf-8"))
    assert record["creators"] == [{"name": "Curie, Marie"}]


def test_a_registry_of_no_models_yet(folder):
    publish([], folder)
    assert json.loads((folder / "registry.json").read_text("utf-8"))["entries"] == []
