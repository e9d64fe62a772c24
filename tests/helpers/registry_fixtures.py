# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of a registry on a server of this machine, for conftest files to import."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from hyperspy_dlatoms.registry import _transport, sources
from hyperspy_dlatoms.registry.entries import FORMAT, Entry, to_json
from tests.helpers.file_server import FileServer


@pytest.fixture
def server():
    with FileServer() as running:
        yield running


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    """An empty cache, no sources but the package's own, and no long waits."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("HYPERSPY_DLATOMS_CACHE", str(folder))
    monkeypatch.delenv("HYPERSPY_DLATOMS_REGISTRY", raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setattr(_transport, "PAUSE", 0.001)
    monkeypatch.setattr(_transport, "TIMEOUT", (0.5, 0.3))
    monkeypatch.setattr(sources, "_added", {})
    monkeypatch.setattr(sources, "_texts", {})
    return folder


@pytest.fixture
def content():
    return np.random.default_rng(0).bytes(200_000)


@pytest.fixture
def entry_of(server, content):
    """Make an entry of a file that the server has, at one or more paths."""

    def make(*where, content=content, name="gold"):
        return Entry(
            name=name,
            kind="model",
            version="1",
            file=f"{name}-1.safetensors",
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            where=where or (f"{server.url}/gold-1.safetensors",),
        )

    server.files["gold-1.safetensors"] = content
    return make


@pytest.fixture
def lab(server, entry_of, monkeypatch):
    """A source with a model of 0.2 MB, through the environment as the command line has it."""
    catalogue = {"format": FORMAT, "name": "lab", "entries": [to_json(entry_of())]}
    server.files["registry.json"] = json.dumps(catalogue).encode()
    monkeypatch.setenv("HYPERSPY_DLATOMS_REGISTRY", server.url)
