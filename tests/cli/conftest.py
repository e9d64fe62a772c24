# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from hyperspy_dlatoms import cli
from hyperspy_dlatoms.networks import _backend
from tests.helpers.registry_fixtures import (  # noqa: F401
    cache_folder,
    content,
    entry_of,
    lab,
    server,
)


@pytest.fixture(autouse=True)
def _no_tensorflow(monkeypatch):
    # Nothing here runs a network of its.
    monkeypatch.setattr(_backend, "import_backend", lambda: None)


@pytest.fixture
def error_of(capsys):
    """Run a command that must fail and return its one line on stderr."""

    def run(*arguments):
        assert cli.main(list(map(str, arguments))) == 1
        captured = capsys.readouterr()
        assert captured.out == ""
        (line,) = captured.err.splitlines()
        assert line.startswith("dlatoms: error: ")
        return line

    return run


@pytest.fixture
def movie(spot_images, tmp_path):
    signal, truth = spot_images(3)
    path = tmp_path / "movie.hspy"
    signal.save(path)
    return path, truth
