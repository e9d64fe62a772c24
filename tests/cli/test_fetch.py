# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from hyperspy_dlatoms import cli, registry
from hyperspy_dlatoms.registry import sources
from tests.helpers.printed import row_of


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
    assert "either names or --all" in capsys.readouterr().err


def test_an_error_is_one_line(server, capsys, monkeypatch):
    monkeypatch.setenv("HYPERSPY_DLATOMS_REGISTRY", f"lab={server.url}")
    assert cli.main(["fetch", "lab/gold"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("dlatoms: error: The catalogue") and "404" in line
