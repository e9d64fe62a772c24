# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest

from hyperspy_dlatoms import cli, registry
from hyperspy_dlatoms.data.benchmark.curves import Benchmark, Point
from hyperspy_dlatoms.data.benchmark.exit_waves import Plan
from hyperspy_dlatoms.evaluation import finder
from hyperspy_dlatoms.networks.model_file import read_model, write_model
from hyperspy_dlatoms.registry import catalogue


@pytest.fixture
def evaluated(spot_network, tmp_path, monkeypatch):
    """A model file, a benchmark of one small sheet, and a finder that finds nothing in it."""
    path = tmp_path / "spots.safetensors"
    write_model(path, spot_network.card, {"w": np.arange(8, dtype=np.float32)})
    monkeypatch.setattr(registry, "load", lambda model: spot_network)
    monkeypatch.setattr(finder, "model_finder", lambda network: lambda frame, *_: np.empty((0, 5)))
    sheet = Plan("graphene", 1, 80e3, {"size": 12.0}, snapshots=2)
    empty = Plan("vacuum", 1, 80e3, {"size": 12.0}, snapshots=2)
    curves = {"dose": (Point(1000.0, (sheet,), {"dose": 1000.0}),)}
    asked = []

    def benchmark(material, quick):
        asked.append((material, quick))
        return Benchmark(material, {"sampling": 0.2}, curves, {0.0: (empty,)}, (100.0,))

    monkeypatch.setattr("hyperspy_dlatoms.data.benchmark.curves.benchmark", benchmark)
    monkeypatch.chdir(tmp_path)
    return path, asked


def test_evaluate(evaluated, tmp_path, capsys):
    path, asked = evaluated
    assert cli.main(["evaluate", str(path), "--material", "graphene", "--quick"]) == 0
    assert asked == [("graphene", True)]
    scores = json.loads((tmp_path / "evaluation-spots" / "scores.json").read_text())
    assert scores["model"] == {"name": "spots", "version": "3", "threshold": 0.5}
    assert scores["curves"]["dose"][0]["recall"] == 0
    assert scores["frames"] == 3
    assert "<html" in (tmp_path / "evaluation-spots" / "report.html").read_text(encoding="utf-8")
    assert len(list((tmp_path / "data" / "evaluation-graphene").iterdir())) == 2
    printed = capsys.readouterr().out
    assert "1000 e/Å²" in printed
    assert "report.html" in printed


def test_no_benchmark_of_scanned_images(evaluated, spot_network, monkeypatch, capsys):
    path, asked = evaluated
    card = dataclasses.replace(spot_network.card, modality="STEM")
    monkeypatch.setattr(registry, "load", lambda model: SimpleNamespace(card=card))
    assert cli.main(["evaluate", str(path), "--quick"]) == 1
    assert "trained on STEM images" in capsys.readouterr().err
    assert asked == []


def test_evaluate_writes_the_card(evaluated, tmp_path):
    path, _ = evaluated
    before = read_model(path)
    copy = tmp_path / "copy.safetensors"
    arguments = ["evaluate", str(path), "--material", "metal", "--frames", "1", "-o", "out"]
    assert cli.main([*arguments, "--write-card", str(copy)]) == 0
    assert read_model(path)[0] == before[0]
    card, arrays = read_model(copy)
    assert card.scores["evaluation"]["dose"]["1000"]["recall"] == 0
    np.testing.assert_array_equal(arrays["w"], before[1]["w"])
    assert cli.main([*arguments, "--write-card"]) == 0
    assert read_model(path)[0] == card


@pytest.mark.parametrize("name", [catalogue.names()[0], "lab/spots"])
def test_evaluate_leaves_models_of_a_registry_alone(error_of, name):
    assert "--write-card FILE" in error_of("evaluate", name, "--write-card")


def test_evaluate_needs_a_known_material(evaluated, error_of):
    assert "Au" in error_of("evaluate", evaluated[0])
    assert "frames is 0" in error_of(
        "evaluate", evaluated[0], "--material", "metal", "--frames", "0"
    )
