# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
import yaml

from hyperspy_dlatoms import cli
from hyperspy_dlatoms.training import fit


@pytest.fixture
def recipe(pytestconfig):
    return pytestconfig.rootpath / "recipes" / "graphene.yaml"


def test_train(recipe, tmp_path, monkeypatch, capsys):
    calls = []
    monkeypatch.setattr(fit, "train", lambda recipe, **kwds: calls.append((recipe, kwds)))
    monkeypatch.chdir(tmp_path)
    assert cli.main(["train", str(recipe)]) == 0
    assert calls[-1][0].name == "graphene"
    options = {name: value for name, value in calls[-1][1].items() if name != "show_progressbar"}
    assert options.pop("directory").parts == ("runs", "graphene")
    assert options == {"data": None, "minutes": None, "output": None, "on_device": None}
    (tmp_path / "run").mkdir()
    arguments = ["--data", "waves", "--runs", "run", "--minutes", "1.5", "-o", "my.safetensors"]
    assert cli.main(["train", str(recipe), *arguments, "--no-resume", "--on-device"]) == 0
    assert calls[-1][1]["on_device"] is True
    assert str(calls[-1][1]["data"]) == "waves"
    assert str(calls[-1][1]["directory"]) == "run"
    assert calls[-1][1]["minutes"] == 1.5
    assert str(calls[-1][1]["output"]) == "my.safetensors"


def test_what_to_do_next(recipe, monkeypatch, capsys):
    monkeypatch.setattr(fit, "train", lambda *_, **__: "my.safetensors")
    assert cli.main(["train", str(recipe)]) == 0
    assert "dlatoms calibrate my.safetensors --data" in capsys.readouterr().out
    assert cli.main(["train", str(recipe.with_name("mx2-exit-wave.yaml"))]) == 0
    assert "reconstruct_exit_wave_nn('my.safetensors')" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"waves": {"count": 6}}, "holds out 1 of 6 waves"), ({"network": {"wave": True}}, "returns")],
)
def test_what_cannot_be_calibrated_is_told_before_the_training(
    change, reason, recipe, tmp_path, error_of, monkeypatch
):
    monkeypatch.setattr(fit, "train", lambda *_, **__: pytest.fail("trained"))
    content = yaml.safe_load(recipe.read_text())
    for part, values in change.items():
        content[part] = content[part] | values
    if "network" in change:
        content["network"] |= {"classes": ["C"], "decoys": []}
        content["waves"] |= {"sampling": content["network"]["sampling"]}
        content["imaging"] |= {"sampling": 0.1}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(content))
    assert reason in error_of("train", tmp_path / "recipe.yaml", "--calibrate")


def test_train_afresh_keeps_a_run_that_was_begun(recipe, tmp_path, error_of):
    (tmp_path / "log.csv").touch()
    line = error_of("train", recipe, "--runs", tmp_path, "--no-resume")
    assert "already holds a run" in line
