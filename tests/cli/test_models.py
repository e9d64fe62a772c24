# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from hyperspy_dlatoms import cli, registry
from tests.helpers.printed import row_of


def test_models(lab, capsys):
    assert cli.main(["models"]) == 0
    printed = capsys.readouterr().out
    assert row_of(printed, "graphene-ensemble").strip() == "graphene-ensemble (3 networks)"
    assert row_of(printed, "lab/gold").strip() == "lab/gold 1 (to download, 200.0 kB)"
    assert "movie" not in printed
    assert max(map(len, printed.splitlines())) < 80


def test_models_name_explains_its_scores(capsys):
    assert cli.main(["models", "graphene"]) == 0
    printed = capsys.readouterr().out
    threshold = registry.handle("graphene").card.threshold
    assert f"  threshold    probability {threshold:g}; a group" in printed
    assert "held out" in printed and "benchmark: new specimens" in printed
    assert "{" not in printed
    lines = [line for line in printed.splitlines() if not line.startswith("  path")]
    assert max(map(len, lines)) < 80
