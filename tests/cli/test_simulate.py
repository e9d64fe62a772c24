# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import sys

from hyperspy_dlatoms import cli
from hyperspy_dlatoms.simulation import dataset


def test_simulate(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(dataset, "simulate", lambda *args, **kwds: calls.append((args, kwds)))
    assert cli.main(["simulate", "recipe.yaml", "-o", "data", "--workers", "3"]) == 0
    ((recipe, directory), options) = calls[0]
    assert (str(recipe), str(directory)) == ("recipe.yaml", "data")
    assert options == {"num_workers": 3, "show_progressbar": sys.stderr.isatty()}
