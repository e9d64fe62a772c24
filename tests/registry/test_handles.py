# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
import pickle

import keras
import pytest

from hyperspy_dlatoms.networks.architecture import build
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.model_file import ModelFileError, read_model, write_model
from hyperspy_dlatoms.networks.network import AtomNetwork
from hyperspy_dlatoms.registry import catalogue
from hyperspy_dlatoms.registry.handles import EnsembleHandle, NetworkHandle

CARD = ModelCard(
    name="example",
    version="1",
    architecture="unet",
    arguments={"widths": [8, 8], "dilations": [1]},
    classes=("column",),
    sampling=0.2,
    radius=0.5,
    minimum_distance=1.0,
    threshold=0.5,
)


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(1)
    return AtomNetwork.from_model(CARD, build(CARD.arguments, len(CARD.classes)))


@pytest.fixture
def file(network, tmp_path):
    path = tmp_path / "example.safetensors"
    network.save(path)
    return path


def test_handle_is_small_and_gives_the_network(file):
    handle = NetworkHandle.of(file)
    content = pickle.dumps(handle)
    assert len(content) < 1000
    assert pickle.loads(content).get() is AtomNetwork.load(file)


def test_handle_notices_another_file(file):
    handle = NetworkHandle.of(file)
    _, arrays = read_model(file)
    write_model(file, dataclasses.replace(CARD, version="2"), arrays)
    with pytest.raises(ModelFileError, match="has changed"):
        handle.get()
    file.unlink()
    with pytest.raises(FileNotFoundError, match="all workers"):
        handle.get()


def test_a_machine_without_the_file_gets_it_by_its_name(file, tmp_path, monkeypatch):
    asked = []

    def path(name, show_progressbar):
        asked.append(name)
        return file

    monkeypatch.setattr(catalogue, "path", path)
    there = NetworkHandle.of(file, "shipped")
    assert there.get() is AtomNetwork.load(file)
    assert asked == []
    away = dataclasses.replace(there, path=str(tmp_path / "elsewhere" / "file.safetensors"))
    assert away.get() is AtomNetwork.load(file)
    assert asked == ["shipped"]
    with pytest.raises(ModelFileError, match="differs between machines"):
        dataclasses.replace(away, sha256="0" * 64).get()


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no model file"):
        NetworkHandle.of(tmp_path / "none.safetensors")


def test_a_file_is_read_once_for_its_card_and_its_network(file, monkeypatch):
    read = []
    read_bytes = type(file).read_bytes
    monkeypatch.setattr(
        type(file), "read_bytes", lambda path: read.append(path) or read_bytes(path)
    )
    handle = NetworkHandle.of(file)
    assert handle.card == CARD
    assert handle.get().card == CARD
    assert read == [file]


def test_an_ensemble_has_the_cards_of_its_members_and_one_for_all(network, file, tmp_path):
    other = tmp_path / "other.safetensors"
    AtomNetwork(dataclasses.replace(CARD, name="other", threshold=0.7), network.model).save(other)
    handle = EnsembleHandle((NetworkHandle.of(file), NetworkHandle.of(other)), "both", 0.6)
    assert [card.name for card in handle.cards] == ["example", "other"]
    assert (handle.card.name, handle.card.threshold) == ("both", 0.6)
    assert pickle.loads(pickle.dumps(handle)).get().card == handle.card
