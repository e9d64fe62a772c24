# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import subprocess
import sys

import ase.io
import hyperspy.api as hs
import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

import hyperspy_dlatoms
from hyperspy_dlatoms import cli
from hyperspy_dlatoms.demo import Example
from hyperspy_dlatoms.networks.model_file import write_model
from hyperspy_dlatoms.registry import catalogue
from hyperspy_dlatoms.simulation import dataset
from hyperspy_dlatoms.training import fit


@pytest.fixture(autouse=True)
def _no_tensorflow(monkeypatch):
    # Nothing here runs a network of its.
    monkeypatch.setattr(cli, "_import_tensorflow", lambda: None)


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


def test_demo(spot_network, spot_images, tmp_path, monkeypatch, capsys):
    signal, truth = spot_images()
    # One column that is not in the image, and one of the image that is not a column.
    true = np.concatenate([truth[()][1:], [[2.0, 2.0]]])
    example = Example((100 * signal.data).astype(np.uint16), 0.1, true, {})
    monkeypatch.setattr(Example, "load", lambda: example)
    output = tmp_path / "new" / "directory"
    assert cli.main(["demo", "-o", str(output)]) == 0
    printed = capsys.readouterr().out
    assert f"{len(true) - 1} of {len(true)} true columns" in printed
    assert printed.split("false")[1].split()[0] == "1"
    assert 0 < float(printed.split("error")[1].split()[0]) < 5
    assert len(pd.read_csv(output / "atoms.csv")) == len(true)
    assert imread(output / "atoms.png").shape[1] > 600


def test_find_csv_and_picture(spot_network, movie, tmp_path, capsys):
    path, truth = movie
    output, picture = tmp_path / "atoms.csv", tmp_path / "atoms.png"
    assert cli.main(["find", str(path), "-o", str(output), "--png", str(picture)]) == 0
    table = pd.read_csv(output)
    assert len(table) == sum(map(len, truth))
    for index, rows in table.groupby("index_0"):
        found, true = rows[["y_px", "x_px"]].to_numpy(), truth[index]
        np.testing.assert_allclose(found, true[np.lexsort(true.T[::-1])], atol=0.2)
    np.testing.assert_allclose(table.y, -2 + 0.01 * table.y_px, rtol=1e-6)
    printed = capsys.readouterr().out
    assert "3 of 96 x 112 px" in printed
    assert "0.1 Å/px" in printed
    assert f"atoms     {len(table)}" in printed
    assert "(the first image)" in printed
    assert imread(picture).ndim == 3


def test_find_hspy(spot_network, movie, tmp_path):
    path, truth = movie
    output = tmp_path / "atoms.hspy"
    for _ in range(2):
        assert cli.main(["find", str(path), "-o", str(output)]) == 0
    atoms = hs.load(output)
    assert isinstance(atoms, hyperspy_dlatoms.AtomPositions)
    assert [len(frame) for frame in atoms.data] == list(map(len, truth))


def test_find_xyz(spot_network, movie, tmp_path):
    path, truth = movie
    assert cli.main(["find", str(path), "-o", str(tmp_path / "atoms.xyz")]) == 0
    models = ase.io.read(tmp_path / "atoms.xyz", ":")
    assert [len(model) for model in models] == list(map(len, truth))
    assert set(models[0].get_chemical_symbols()) <= {"Au"}


def test_find_npy_needs_the_sampling(spot_network, spot_images, tmp_path, error_of):
    signal, truth = spot_images()
    path, output = tmp_path / "image.npy", tmp_path / "atoms.csv"
    np.save(path, signal.data)
    assert "give sampling in Å/px" in error_of("find", path, "-o", output)
    assert not output.exists()
    assert cli.main(["find", str(path), "-o", str(output), "--sampling", "0.1"]) == 0
    assert len(pd.read_csv(output)) == len(truth[()])
    assert cli.main(["find", str(path), "-o", str(output), "--sampling=.1", "--threshold=.8"]) == 0
    assert len(pd.read_csv(output)) == 0


def test_find_says_what_was_masked(spot_network, spot_images, tmp_path, capsys):
    signal, _ = spot_images()
    signal.data[0, 0] = np.nan
    np.save(tmp_path / "image.npy", signal.data)
    arguments = [str(tmp_path / "image.npy"), "-o", str(tmp_path / "atoms.csv"), "--sampling=0.1"]
    assert cli.main(["find", *arguments]) == 0
    assert capsys.readouterr().err.startswith("dlatoms: warning: Pixels that are NaN")


def test_errors_are_one_line(movie, tmp_path, error_of):
    path, _ = movie
    output = tmp_path / "atoms.csv"
    assert "There is no file" in error_of("find", tmp_path / "missing.dm4", "-o", output)
    (tmp_path / "torn.dm4").write_bytes(b"x" * 50)
    assert "could not be read" in error_of("find", tmp_path / "torn.dm4", "-o", output)
    assert "no-such-model" in error_of("find", path, "-o", output, "--model", "no-such-model")
    wrong = tmp_path / "wrong.safetensors"
    wrong.write_bytes(b"x" * 50)
    assert "wrong.safetensors" in error_of("find", path, "-o", output, "--model", wrong)
    assert "recipe.yaml" in error_of("simulate", tmp_path / "recipe.yaml", "-o", tmp_path / "data")
    assert "recipe.yaml" in error_of("train", tmp_path / "recipe.yaml")


def test_output_is_checked_before_the_work(movie, tmp_path, error_of, monkeypatch):
    path, _ = movie
    monkeypatch.setattr(hs, "load", lambda *_, **__: pytest.fail("the work was begun"))
    away = tmp_path / "missing" / "atoms.csv"
    assert "cannot be written" in error_of("find", path, "-o", away)
    png = tmp_path / "missing" / "atoms.png"
    assert "atoms.png" in error_of("find", path, "-o", tmp_path / "atoms.csv", "--png", png)
    (tmp_path / "directory.csv").mkdir()
    assert "is a directory" in error_of("find", path, "-o", tmp_path / "directory.csv")
    assert not (tmp_path / "atoms.csv").exists()
    (tmp_path / "file").touch()
    assert "file" in error_of("demo", "-o", tmp_path / "file")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "COMMAND"),
        (["find", "image.tif"], "-o"),
        (["find", "image.tif", "-o", "atoms.txt"], "does not end in .csv, .hspy or .xyz"),
        (["find", "image.tif", "-o", "atoms.csv", "--sampling", "fine"], "--sampling"),
        (["fly"], "fly"),
    ],
)
def test_usage(arguments, message, capsys):
    with pytest.raises(SystemExit) as error:
        cli.main(arguments)
    assert error.value.code == 2
    assert message in capsys.readouterr().err


def test_models(spot_network, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(catalogue, "_folder", lambda: tmp_path)
    card = json.loads(spot_network.card.to_json())
    card |= {"domain": {"materials": ["Au", "Pt"]}, "scores": {"F1": 0.98765}}
    card = type(spot_network.card).from_json(json.dumps(card))
    write_model(tmp_path / "spots.safetensors", card, {"w": np.zeros(500_000, np.float32)})
    assert cli.main(["models"]) == 0
    heading, row = capsys.readouterr().out.splitlines()
    assert heading.split()[:4] == ["name", "version", "material", "classes"]
    assert row.split() == ["spots", "3", "Au,", "Pt", "Au", "0.2", "0.5", "1.0", "F1", "0.988"]


def test_simulate(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(dataset, "simulate", lambda *args, **kwds: calls.append((args, kwds)))
    assert cli.main(["simulate", "recipe.yaml", "-o", "data", "--workers", "3"]) == 0
    ((recipe, directory), options) = calls[0]
    assert (str(recipe), str(directory)) == ("recipe.yaml", "data")
    assert options == {"num_workers": 3, "show_progressbar": sys.stderr.isatty()}


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
    assert options == {"data": None, "minutes": None, "output": None}
    (tmp_path / "run").mkdir()
    arguments = ["--data", "waves", "--runs", "run", "--minutes", "1.5", "-o", "my.safetensors"]
    assert cli.main(["train", str(recipe), *arguments, "--no-resume"]) == 0
    assert str(calls[-1][1]["data"]) == "waves"
    assert str(calls[-1][1]["directory"]) == "run"
    assert calls[-1][1]["minutes"] == 1.5
    assert str(calls[-1][1]["output"]) == "my.safetensors"


def test_train_afresh_keeps_a_run_that_was_begun(recipe, tmp_path, error_of):
    (tmp_path / "log.csv").touch()
    line = error_of("train", recipe, "--runs", tmp_path, "--no-resume")
    assert "holds a run already" in line


def test_the_installed_command():
    program = os.path.join(os.path.dirname(sys.executable), "dlatoms")
    result = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == hyperspy_dlatoms.__version__
    result = subprocess.run(
        [program, "find", "missing.tif", "-o", "atoms.csv"], capture_output=True, text=True
    )
    assert result.returncode == 1
    assert result.stderr == "dlatoms: error: There is no file 'missing.tif'.\n"
