# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import json
import nturl2path
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path, PureWindowsPath

import pytest

from hyperspy_dlatoms import registry
from hyperspy_dlatoms.registry import RegistryError, mirrors, sources
from hyperspy_dlatoms.registry.entries import FORMAT
from hyperspy_dlatoms.registry.fetch import fetch
from tests.helpers import file_server as tricks

CONTENT = b"pure gold"
ENTRY = {
    "name": "gold",
    "kind": "model",
    "version": "1",
    "description": "Gold.",
    "file": "gold-1.safetensors",
    "size": len(CONTENT),
    "sha256": hashlib.sha256(CONTENT).hexdigest(),
    "where": ["gold-1.safetensors"],
}
CATALOGUE = json.dumps({"format": FORMAT, "name": "lab", "entries": [ENTRY]})


@pytest.fixture
def address(server):
    """The address of a registry with one model."""
    server.files["models/registry.json"] = CATALOGUE.encode()
    server.files["models/gold-1.safetensors"] = CONTENT
    return f"{server.url}/models"


@pytest.fixture
def folder(tmp_path):
    """A folder that is a registry with one model."""
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "registry.json").write_text(CATALOGUE)
    (folder / "gold-1.safetensors").write_bytes(CONTENT)
    return folder


@pytest.mark.parametrize("tail", ["", "/", "/registry.json"])
def test_an_address(address, tail):
    assert registry.add_source(address + tail) == "lab"
    assert fetch(sources.find("lab/gold")).read_bytes() == CONTENT


def test_a_folder_is_used_in_place(folder):
    for place in (folder, str(folder / "registry.json"), folder.as_uri()):
        assert registry.add_source(place, name="ours") == "ours"
    assert fetch(sources.find("ours/gold"), offline=True) == folder / "gold-1.safetensors"


def test_a_catalogue_is_read_once(address, server):
    registry.add_source(address)
    for _ in range(3):
        sources.find("lab/gold")
    assert server.requests["models/registry.json"] == 1


def test_unknown_names_say_what_there_is(address):
    registry.add_source(address)
    with pytest.raises(RegistryError, match="no 'lab/glod' in the source 'lab'.*mean 'lab/gold'"):
        sources.find("lab/glod")
    with pytest.raises(RegistryError, match="no source 'lap'. Known sources: lab"):
        sources.find("lap/gold")
    with pytest.raises(RegistryError, match="no 'gold' in hyperspy-dlatoms"):
        sources.find("gold")


def test_two_sources_of_one_name_are_refused(address, folder, monkeypatch):
    registry.add_source(address)
    registry.add_source(address)
    with pytest.raises(RegistryError, match="Two sources are called 'lab'.*another name"):
        registry.add_source(folder)
    assert registry.add_source(folder, name="lab2") == "lab2"
    monkeypatch.setenv("HYPERSPY_DLATOMS_REGISTRY", f"lab={folder}")
    with pytest.raises(RegistryError, match="Two sources are called 'lab'"):
        sources.find("lab/gold")


def test_pin(address, server, cache_folder):
    pin = hashlib.sha256(CATALOGUE.encode()).hexdigest()
    with pytest.raises(RegistryError, match=f"{pin}, but is pinned to 0000.*what has changed"):
        registry.add_source(address, sha256="0" * 64)
    registry.add_source(address, sha256=pin)
    assert server.requests["models/registry.json"] == 2
    # The pinned catalogue is in the cache, so whatever the server has now is not looked at.
    server.files["models/registry.json"] = CATALOGUE.replace("Gold.", "Lead.").encode()
    sources._added.clear()
    sources._texts.clear()
    registry.add_source(address, sha256=pin)
    assert sources.find("lab/gold").description == "Gold."
    assert server.requests["models/registry.json"] == 2


def test_the_same_source_pinned_differently(address):
    registry.add_source(address)
    with pytest.raises(RegistryError, match="pinned differently"):
        registry.add_source(address, sha256=hashlib.sha256(CATALOGUE.encode()).hexdigest())


def test_offline(address, server):
    with pytest.raises(RegistryError, match="was never read on this computer"):
        registry.add_source(address, offline=True)
    registry.add_source(address)
    sources._added.clear()
    sources._texts.clear()
    server.requests.clear()
    assert registry.add_source(address, offline=True) == "lab"
    assert sources.find("lab/gold", offline=True).name == "gold"
    assert not server.requests


def test_a_source_out_of_reach_is_read_from_the_cache_with_a_warning(address, server):
    registry.add_source(address)
    sources._added.clear()
    sources._texts.clear()
    server.tricks["models/registry.json"] = [tricks.status(404)]
    with pytest.warns(UserWarning, match="404.*using the copy"):
        registry.add_source(address)


@pytest.mark.parametrize(
    ("trick", "message"),
    [
        (tricks.status(404), "404"),
        (tricks.endless, "sends more than"),
        (tricks.wrong_bytes, "not a catalogue"),
        (tricks.cut_unannounced, "not a catalogue"),
    ],
)
def test_a_catalogue_that_cannot_be_read(address, server, monkeypatch, trick, message):
    monkeypatch.setattr(sources, "LARGEST", 100_000)
    server.tricks["models/registry.json"] = [trick]
    with pytest.raises(RegistryError, match=message):
        registry.add_source(address)
    assert not sources.sources()


@pytest.mark.parametrize("place", ["ftp://lab.example", "s3://lab/models"])
def test_no_place_for_a_registry(place):
    with pytest.raises(RegistryError, match="is not a place for a registry"):
        registry.add_source(place)


def test_folder_without_a_catalogue(tmp_path):
    with pytest.raises(RegistryError, match="no registry.json in .*dlatoms publish"):
        registry.add_source(tmp_path)


@pytest.mark.parametrize("name", ["a/b", "", "x y", ".."])
def test_name_that_is_none(folder, name):
    if name:
        with pytest.raises(RegistryError, match="letters, digits"):
            registry.add_source(folder, name=name)
    else:
        assert registry.add_source(folder, name=name) == "lab"


def test_environment(address, folder, monkeypatch):
    monkeypatch.setenv("HYPERSPY_DLATOMS_REGISTRY", f"one={address},two={folder}, {folder}")
    assert [source.name for source in sources.sources()] == ["one", "two", "lab"]
    for name in ("one/gold", "two/gold", "lab/gold"):
        assert fetch(sources.find(name)).read_bytes() == CONTENT


def test_environment_pins(address, monkeypatch):
    monkeypatch.setenv("HYPERSPY_DLATOMS_REGISTRY", f"lab={address}#sha256={'0' * 64}")
    with pytest.raises(RegistryError, match="is pinned to 0000"):
        sources.find("lab/gold")


def test_entry_point(address, folder, monkeypatch):
    values = {"remote": {"url": address, "sha256": None}, "local": str(folder)}
    points = [EntryPoint(name, "lab.registry:PLACE", sources.ENTRY_POINTS) for name in values]
    monkeypatch.setattr(
        sources, "entry_points", lambda group: points if group == sources.ENTRY_POINTS else []
    )
    monkeypatch.setattr(EntryPoint, "load", lambda self: values[self.name])
    assert fetch(sources.find("local/gold")) == folder / "gold-1.safetensors"
    assert sources.find("remote/gold").home == address


@pytest.mark.parametrize("value", [ImportError("no torch"), {"sha256": None}, 5, "ftp://lab"])
def test_an_entry_point_that_is_broken_is_left_out(address, folder, monkeypatch, value):
    def load(self):
        if isinstance(value, Exception):
            raise value
        return value

    points = EntryPoints([EntryPoint("broken", "lab.registry:PLACE", sources.ENTRY_POINTS)])
    monkeypatch.setattr(sources, "entry_points", lambda group: points.select(group=group))
    monkeypatch.setattr(EntryPoint, "load", load)
    with pytest.warns(UserWarning, match="'broken'"):
        registry.add_source(address)
    with pytest.warns(UserWarning, match="'broken' .* left out: 'lab.registry:PLACE'.*Update"):
        assert fetch(sources.find("lab/gold")).read_bytes() == CONTENT
    with pytest.warns(UserWarning, match="'broken'"):
        assert "lab/gold" in {entry.full_name for entry in sources.entries()}
    # A path with a folder is no reason to import it.
    assert sources.has_source("broken") and not sources.has_source(folder.name)


def test_a_pin_in_capital_letters(address, monkeypatch):
    pin = hashlib.sha256(CATALOGUE.encode()).hexdigest().upper()
    monkeypatch.setenv("HYPERSPY_DLATOMS_REGISTRY", f"lab={address}#sha256={pin}")
    assert sources.find("lab/gold").name == "gold"


def test_listing_leaves_out_what_cannot_be_read(folder, monkeypatch):
    monkeypatch.setenv("HYPERSPY_DLATOMS_REGISTRY", f"good={folder},bad={folder}/none")
    with pytest.warns(UserWarning, match="'bad' is left out"):
        names = {entry.full_name for entry in sources.entries()}
    assert "good/gold" in names
    assert "graphene" in names


def test_a_cache_that_cannot_be_written_does_not_keep_a_catalogue_from_being_read(
    address, cache_folder
):
    cache_folder.write_text("no folder")
    registry.add_source(address)
    assert sources.find("lab/gold").name == "gold"


def test_why_a_registry_of_the_environment_is_no_source(server, monkeypatch):
    monkeypatch.setenv("HYPERSPY_DLATOMS_REGISTRY", server.url)
    with pytest.raises(RegistryError, match=f"no source 'lab'.*{server.url}.*404"):
        sources.find("lab/gold")


@pytest.mark.parametrize("place", ["E:\\", "E:\\registry.json"])
def test_the_root_of_a_drive_of_windows(monkeypatch, place):
    class WindowsPath(PureWindowsPath):
        def expanduser(self):
            return self

        absolute = expanduser

    monkeypatch.setattr(mirrors, "Path", WindowsPath)
    # Not "E:", which is the current directory there.
    assert mirrors.home_of(place) == "E:\\"


def test_a_file_address_of_this_computer():
    home = mirrors.home_of("file:///lab%201/models")
    assert Path(home).parts[-2:] == ("lab 1", "models")
    for place in ("file://localhost/lab%201/models", "file:/lab%201/models/registry.json"):
        assert mirrors.home_of(place) == home


@pytest.mark.parametrize("place", ["file://server/share/models", "file://C:/models"])
def test_a_file_address_of_another_computer_is_no_path_of_this_one(monkeypatch, place):
    monkeypatch.setattr(mirrors.os, "name", "posix")
    with pytest.raises(RegistryError, match="computer called.*expected .*file:///FOLDER"):
        mirrors.home_of(place)


def test_a_file_address_of_a_share_of_windows(monkeypatch):
    monkeypatch.setattr(mirrors.os, "name", "nt")
    monkeypatch.setattr(mirrors, "url2pathname", nturl2path.url2pathname)
    assert mirrors._path_of("file://server/my%20share/models") == "\\\\server\\my share\\models"
    with pytest.raises(RegistryError, match="'C:'"):
        mirrors._path_of("file://C:/models")


@pytest.mark.parametrize("folder", ["/data=1/models", "C:\\data=1\\models"])
def test_a_folder_with_a_sign_of_equality_has_no_name(folder, monkeypatch):
    monkeypatch.setenv("HYPERSPY_DLATOMS_REGISTRY", folder)
    (mirror,) = mirrors.mirrors()
    assert mirror.name == "" and mirror.home.endswith(folder)
