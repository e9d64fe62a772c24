# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from hyperspy_dlatoms import cli, registry
from hyperspy_dlatoms.networks.model_file import read_model
from tests.helpers.printed import row_of


def test_models(lab, capsys):
    assert cli.main(["models"]) == 0
    printed = capsys.readouterr().out
    assert row_of(printed, "graphene-ensemble").split()[1] == "ensemble"
    assert row_of(printed, "lab/gold").split()[1:6] == ["model", "1", "no", "200.0", "kB"]
    assert "movie" not in printed


def test_models_name_shows_the_card(capsys):
    assert cli.main(["models", "graphene"]) == 0
    printed = capsys.readouterr().out
    card, _ = read_model(registry.path("graphene"))
    assert f"{card.threshold:g}" in row_of(printed, "threshold")
    assert all(name in printed for name in card.scores)
    dose = card.scores["evaluation"]["dose"]["1000"]
    (row,) = [line for line in printed.splitlines() if line.startswith("evaluation, dose, 1000 ")]
    assert f"recall {dose['recall']:.3g}" in row
    assert "{" not in printed
