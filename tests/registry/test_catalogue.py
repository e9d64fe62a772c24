# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from hyperspy_dlatoms import registry
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.model_file import ModelFileError, read_model
from hyperspy_dlatoms.networks.network import AtomNetwork
from hyperspy_dlatoms.registry import RegistryError, catalogue

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
    """A catalogue of the two models gold and silver."""
    for name in ("silver", "gold"):
        network.save(tmp_path / f"{name}.safetensors")
    (tmp_path / "README.txt").write_text("not a model")
    monkeypatch.setattr(catalogue, "_folder", lambda: tmp_path)
    return tmp_path


def test_models_of_the_package_are_named_as_their_cards():
    for name in registry.names():
        assert read_model(registry.path(name))[0].name == name


def test_names(folder):
    assert registry.names() == ("gold", "silver")
    assert registry.path("gold") == folder / "gold.safetensors"


def test_unknown_name_lists_the_known_and_the_nearest(folder):
    with pytest.raises(RegistryError, match="no model 'glod'.*Did you mean 'gold'.*gold, silver"):
        registry.load("glod")
    with pytest.raises(RegistryError, match="no model 'zzz'. Known are: gold, silver"):
        registry.handle("zzz")
    assert issubclass(RegistryError, ValueError)


def test_empty_catalogue(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "_folder", lambda: tmp_path / "none")
    assert registry.names() == ()
    with pytest.raises(RegistryError, match="Known are: none"):
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


def test_network_in_memory_has_no_handle(network):
    assert registry.load(network) is network
    with pytest.raises(RegistryError, match="only in memory"):
        registry.handle(network)


@pytest.mark.parametrize("ask", [registry.load, registry.handle])
def test_missing_path(tmp_path, ask):
    for missing in (tmp_path / "none", str(tmp_path / "none"), "none.safetensors"):
        with pytest.raises(FileNotFoundError, match="none"):
            ask(missing)


def test_foreign_file(tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(b"\x89PNG")
    with pytest.raises(ModelFileError, match="picture.png"):
        registry.load(str(path))


@pytest.mark.parametrize("model", [None, 3, ["gold"]])
def test_wrong_type(model):
    with pytest.raises(TypeError, match=f"The model is a {type(model).__name__}"):
        registry.load(model)


def test_path_is_a_path(folder):
    assert isinstance(registry.path("silver"), Path)
