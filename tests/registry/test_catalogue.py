# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
import json
import pickle
from pathlib import Path

import pytest

from hyperspy_dlatoms import registry
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.model_file import ModelFileError, read_model
from hyperspy_dlatoms.networks.network import AtomNetwork
from hyperspy_dlatoms.registry import RegistryError, sources
from hyperspy_dlatoms.registry._publishing import entry_of, publish
from hyperspy_dlatoms.registry.entries import Entry

ARGUMENTS = {"widths": [8, 8], "dilations": [1]}


@pytest.fixture(scope="module")
def network():
    from hyperspy_dlatoms.networks.architecture import build

    card = ModelCard(
        name="gold",
        version="1",
        architecture="unet",
        arguments=ARGUMENTS,
        classes=("column",),
        sampling=0.2,
        radius=0.5,
        minimum_distance=1.0,
        threshold=0.5,
    )
    return AtomNetwork.from_model(card, build(ARGUMENTS, 1))


@pytest.fixture
def folder(tmp_path, monkeypatch, network):
    """A catalogue of the two models gold and silver, and the example ore."""
    for name in ("silver", "gold"):
        network.save(tmp_path / f"{name}.safetensors")
    entries = [
        entry_of(dataclasses.replace(network.card, name=file.stem), file)
        for file in tmp_path.glob("*.safetensors")
    ]
    entries = [
        dataclasses.replace(entry, where=(f"{entry.name}.safetensors",), home=str(tmp_path))
        for entry in entries
    ]
    ore = dataclasses.replace(entries[0], name="ore", kind="example")
    use(monkeypatch, [*entries, ore])
    return tmp_path


def use(monkeypatch, entries):
    monkeypatch.setattr(sources, "own_entries", lambda: entries)


def test_models_of_the_package_are_named_as_their_cards():
    for name in registry.names():
        assert read_model(registry.path(name))[0].name == name


def test_names(folder):
    assert registry.names() == ("gold", "silver")
    assert registry.path("gold") == folder / "gold.safetensors"


def test_unknown_name_lists_the_known_and_the_nearest(folder):
    with pytest.raises(RegistryError, match="no model 'glod'.*Did you mean 'gold'.*gold, silver"):
        registry.load("glod")
    with pytest.raises(RegistryError, match="no model 'zzz'. Known models: gold, silver"):
        registry.handle("zzz")
    with pytest.raises(RegistryError, match="Did you mean 'gold'"):
        registry.handle("GOLD")
    with pytest.raises(
        RegistryError, match=r"Give several networks as a list, \['gold', 'silver'\]"
    ):
        registry.handle("gold + silver")
    assert issubclass(RegistryError, ValueError)


def test_empty_catalogue(monkeypatch):
    use(monkeypatch, [])
    assert registry.names() == ()
    with pytest.raises(RegistryError, match="Known models: none"):
        registry.path("gold")


def test_name_path_and_network_give_the_same(folder, network):
    by_name = registry.load("gold")
    assert by_name.card == network.card
    for same in (folder / "gold.safetensors", str(folder / "gold.safetensors"), by_name):
        assert registry.load(same) is by_name
        assert registry.handle(same) == registry.handle("gold")
    assert registry.handle("gold").get() is by_name


def test_name_goes_before_a_file_of_that_name(folder, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "gold").write_text("my notes on gold")
    monkeypatch.chdir(elsewhere)
    assert registry.load("gold").path == folder / "gold.safetensors"


@pytest.fixture
def mixture(folder, monkeypatch):
    """The ensemble mixture of both, and the ensemble broken, which lacks a member."""
    entries = [
        Entry("broken", "ensemble", members=("gold", "tin")),
        Entry("mixture", "ensemble", members=("gold", "silver"), threshold=0.35),
    ]
    use(monkeypatch, [*sources.own_entries(), *entries])


def test_ensembles_of_the_package():
    for name, entry in registry.ensembles().items():
        assert name not in registry.names()
        assert len(set(entry.members)) == len(entry.members) >= 3
        assert name.removesuffix("-ensemble") == entry.members[0]


def test_ensemble_by_name(mixture):
    ensemble = registry.load("mixture")
    assert ensemble.members == (registry.load("gold"), registry.load("silver"))
    assert ensemble.card.name == "mixture" and ensemble.card.threshold == 0.35
    handle = registry.handle("mixture")
    assert handle == registry.handle(ensemble)
    again = pickle.loads(pickle.dumps(handle)).get()
    assert again.members == ensemble.members and again.card == ensemble.card


def test_ensemble_of_names_paths_networks_and_ensembles(mixture, folder):
    gold, silver = registry.load("gold"), registry.load("silver")
    path = folder / "silver.safetensors"
    for several in (["gold", "silver"], ("gold", path), [gold, str(path)]):
        assert registry.load(several).members == (gold, silver)
        assert registry.handle(several).get().members == (gold, silver)
    larger = ["mixture", gold, registry.load("mixture")]
    assert registry.load(larger).members == (gold, silver, gold, gold, silver)
    assert registry.handle(larger).get().members == registry.load(larger).members


@pytest.mark.parametrize("ask", [registry.load, registry.handle])
def test_ensemble_without_one_of_its_members(mixture, ask):
    with pytest.raises(RegistryError, match="'broken' lacks tin of its members gold, tin"):
        ask("broken")


def test_ensemble_has_no_file(mixture):
    with pytest.raises(RegistryError, match="'mixture' is an ensemble.*gold, silver"):
        registry.path("mixture")
    with pytest.raises(RegistryError, match="Did you mean 'mixture'.*ensembles: broken, mixture"):
        registry.path("mixtur")


def test_ensemble_of_too_few(folder):
    with pytest.raises(ValueError, match="ensemble of 1 networks: expected two or more"):
        registry.load(["gold"])


@pytest.mark.parametrize("ask", [registry.load, registry.handle, registry.path])
def test_an_example_is_no_model(folder, ask):
    with pytest.raises(RegistryError, match="'ore' is of the kind example, not a model"):
        ask("ore")


@pytest.mark.parametrize("ask", [registry.load, registry.handle])
def test_source_that_is_not_known(ask):
    with pytest.raises(RegistryError, match="no source 'lab'.*add_source"):
        ask("lab/gold")


def test_models_of_others(folder, monkeypatch):
    publish([folder / "gold.safetensors"], folder / "lab")
    monkeypatch.setenv("HYPERSPY_DLATOMS_REGISTRY", str(folder / "lab"))
    loaded = registry.load("lab/gold", offline=True)
    assert loaded.path == folder / "lab" / "gold-1.safetensors"
    assert registry.handle("lab/gold").get() is loaded
    assert registry.load(["lab/gold", "gold"]).members == (loaded, registry.load("gold"))


def test_network_in_memory_has_no_handle(network):
    assert registry.load(network) is network
    with pytest.raises(RegistryError, match="only in memory"):
        registry.handle(network)


@pytest.mark.parametrize("ask", [registry.load, registry.handle])
def test_missing_path(tmp_path, ask):
    for missing in (tmp_path / "none", str(tmp_path / "none"), "none.safetensors"):
        with pytest.raises(FileNotFoundError, match="none"):
            ask(missing)


@pytest.mark.parametrize("ask", [registry.load, registry.handle])
@pytest.mark.parametrize(
    "address",
    [
        "https://lab.example/gold.safetensors",
        "https://lab.example/1",
        "doi:10.1/2/gold.safetensors",
    ],
)
def test_an_address_is_no_path(address, ask):
    with pytest.raises(RegistryError, match=f"'{address}' is an address.*download.*add_source"):
        ask(address)


def test_a_path_in_the_home_folder(folder, tmp_path, monkeypatch):
    (tmp_path / "gold.bin").write_bytes(registry.path("silver").read_bytes())
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for model in ("~/gold.bin", Path("~/gold.bin")):
        assert registry.load(model).path == tmp_path / "gold.bin"
        handle = registry.handle(model)
        assert (handle.path, handle.name) == (str(tmp_path / "gold.bin"), None)
    with pytest.raises(FileNotFoundError, match=str(tmp_path / "none.bin")):
        registry.load("~/none.bin")
    with pytest.raises(FileNotFoundError, match="~nobody-at-all/gold.bin"):
        registry.load("~nobody-at-all/gold.bin")


def test_foreign_file(tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(b"\x89PNG")
    with pytest.raises(ModelFileError, match="picture.png"):
        registry.load(str(path))


@pytest.mark.parametrize("model", [None, 3, {"gold"}])
def test_wrong_type(model):
    with pytest.raises(TypeError, match=f"The model is a {type(model).__name__}"):
        registry.load(model)


def test_path_is_a_path(folder):
    assert isinstance(registry.path("silver"), Path)


def test_an_ensemble_of_another_source(tmp_path, network):
    files = [tmp_path / f"{name}.safetensors" for name in ("gold", "silver")]
    for file in files:
        card = dataclasses.replace(network.card, name=file.stem)
        AtomNetwork.from_model(card, network.model).save(file)
    catalogue = publish(files, tmp_path / "lab")
    content = json.loads(catalogue.read_text("utf-8"))
    both = {"name": "both", "kind": "ensemble", "members": ["gold", "silver"], "threshold": 0.35}
    content["entries"].append(both)
    catalogue.write_text(json.dumps(content), "utf-8")
    registry.add_source(catalogue)
    for card in (registry.load("lab/both").card, registry.handle("lab/both").card):
        assert card.name == "both" and card.threshold == 0.35
