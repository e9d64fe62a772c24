# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from hyperspy_dlatoms import __version__, cli
from hyperspy_dlatoms.cli import doctor
from hyperspy_dlatoms.networks import running
from hyperspy_dlatoms.registry import _cache, fetch
from tests.helpers.printed import row_of


@pytest.fixture(autouse=True)
def _no_backend(monkeypatch):
    monkeypatch.setattr(running, "has_accelerator", lambda: False)


def test_nothing_is_wrong(capsys):
    assert cli.main(["doctor"]) == 0
    printed = capsys.readouterr().out
    assert __version__ in row_of(printed, "hyperspy-dlatoms")
    assert "no GPU" in row_of(printed, "backend")
    assert " GB free" in printed
    assert "Nothing is wrong" in printed


def test_what_is_wrong_is_said(capsys, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("HYPERSPY_DLATOMS_CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.setenv("HYPERSPY_DLATOMS_PRECISION", "float8")
    known = fetch.on_this_computer
    monkeypatch.setattr(
        fetch, "on_this_computer", lambda entry: None if entry.name == "stem" else known(entry)
    )
    monkeypatch.setattr(doctor, "instructions", lambda: {"sse2"})
    monkeypatch.setattr(doctor.platform, "machine", lambda: "x86_64")
    assert cli.main(["doctor"]) == 1
    wrong = [line for line in capsys.readouterr().out.splitlines() if line.startswith("wrong: ")]
    assert len(wrong) == 4
    for line, words in zip(wrong, ("AVX", "float8", "HYPERSPY_DLATOMS_CACHE", "stem"), strict=True):
        assert words in line


def test_what_the_registry_and_the_engine_refuse_is_said_too(capsys, monkeypatch):
    known = _cache.is_right
    monkeypatch.setattr(
        _cache, "is_right", lambda path, entry: entry.name != "stem" and known(path, entry)
    )
    monkeypatch.setenv("HYPERSPY_DLATOMS_CACHE", "~nobody-at-all/cache")
    monkeypatch.setenv("HYPERSPY_DLATOMS_ENGINE", "caffe")
    monkeypatch.setattr(doctor, "_precision", lambda wrong: "float32")
    monkeypatch.setattr(doctor, "_processor", lambda wrong: "one")
    assert cli.main(["doctor"]) == 1
    wrong = [line for line in capsys.readouterr().out.splitlines() if line.startswith("wrong: ")]
    assert len(wrong) == 3
    for line, words in zip(wrong, ("caffe", "~nobody-at-all", "stem: missing"), strict=True):
        assert words in line


def test_a_processor_of_windows_is_checked_too(monkeypatch):
    monkeypatch.setattr(doctor, "instructions", lambda: {"sse2"})
    monkeypatch.setattr(doctor.platform, "machine", lambda: "AMD64")
    wrong = []
    doctor._processor(wrong)
    assert "AVX" in wrong[0]


def test_an_extra_is_asked_for_in_quotes_of_every_shell(capsys, monkeypatch):
    monkeypatch.setattr(doctor, "_EXTRAS", {"simulation": "no-such-package"})
    cli.main(["doctor"])
    assert 'pip install "hyperspy-dlatoms[simulation]"' in row_of(
        capsys.readouterr().out, "[simulation]"
    )
