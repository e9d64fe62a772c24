# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    """An empty cache, and no sources but the package's own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("HYPERSPY_DLATOMS_CACHE", str(folder))
    monkeypatch.delenv("HYPERSPY_DLATOMS_REGISTRY", raising=False)
    return folder
