# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from hyperspy_dlatoms import cli
from tests.helpers.printed import row_of


def test_data(lab, capsys):
    assert cli.main(["data"]) == 0
    printed = capsys.readouterr().out
    assert "in the package" in row_of(printed, "movie")
    assert "to generate" in row_of(printed, "graphene-benchmark")
    assert "gold" not in printed.replace("gold nanoparticle", "")
    assert cli.main(["data", "movie"]) == 0
    assert "sha256" in capsys.readouterr().out
