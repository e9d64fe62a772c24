# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import subprocess
import sys
from unittest.mock import Mock

import ase.io
import hyperspy.api as hs
import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

import hyperspy_dlatoms
from hyperspy_dlatoms import AtomPositions, SamplingError, cli, registry
from hyperspy_dlatoms.cli import _searching
from hyperspy_dlatoms.data.benchmark.curves import Benchmark, Point
from hyperspy_dlatoms.data.benchmark.exit_waves import Plan
from hyperspy_dlatoms.data.datasets import LabelledImages
from hyperspy_dlatoms.evaluation import finder
from hyperspy_dlatoms.networks.model_file import read_model, write_model
from hyperspy_dlatoms.registry import catalogue
from hyperspy_dlatoms.signals import _blocks
from hyperspy_dlatoms.simulation import dataset
from hyperspy_dlatoms.training import fit
from tests.helpers.handle import Handle
from tests.helpers.spot_series_network import SpotSeriesNetwork


@pytest.fixture(autouse=True)
def _no_tensorflow(monkeypatch):
    # Nothing here runs a network of its.
    monkeypatch.setattr(cli._backend, "import_tensorflow", lambda: None)


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
    signal.data = (100 * signal.data).astype(np.uint16)
    images = LabelledImages(signal.as_lazy(), AtomPositions.from_frames(true, sampling=0.1))
    monkeypatch.setattr("hyperspy_dlatoms.data.datasets.load_dataset", lambda *_, **__: images)
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


def test_find_goes_on_where_it_was_cut_short(
    spot_network, movie, tmp_path, monkeypatch, error_of, capsys
):
    path, truth = movie
    output = tmp_path / "atoms.csv"
    with monkeypatch.context() as patch:
        patch.setattr(_searching, "_write_atoms", Mock(side_effect=OSError("No space left")))
        assert "No space left" in error_of("find", path, "-o", output)
    assert "give --resume to continue" in error_of("find", path, "-o", output)
    with monkeypatch.context() as patch:
        patch.setattr(type(spot_network), "maps", Mock(side_effect=AssertionError))
        assert cli.main(["find", str(path), "-o", str(output), "--resume"]) == 0
    assert len(pd.read_csv(output)) == sum(map(len, truth))
    assert not output.with_name("atoms.csv.parts").exists()


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


def test_find_estimates_the_sampling(
    spot_network, spot_images, tmp_path, error_of, monkeypatch, capsys
):
    def estimate(signal, model, material, frames):
        if material is None:
            raise SamplingError("The sampling depends on what the lattice is of.")
        return {"Pt": 0.1}[material]

    monkeypatch.setattr(_blocks, "estimate_sampling", estimate)
    signal, truth = spot_images()
    path, output = tmp_path / "image.npy", tmp_path / "atoms.csv"
    np.save(path, signal.data)
    arguments = ["find", str(path), "-o", str(output), "--sampling", "estimate"]
    assert cli.main([*arguments, "--material", "Pt"]) == 0
    assert "0.1 Å/px" in capsys.readouterr().out
    assert len(pd.read_csv(output)) == len(truth[()])
    assert "depends on what" in error_of(*arguments)
    assert "--sampling estimate" in error_of(*arguments[:-2], "--material", "Pt")


def test_find_says_what_was_masked(spot_network, spot_images, tmp_path, capsys):
    signal, _ = spot_images()
    signal.data[0, 0] = np.nan
    np.save(tmp_path / "image.npy", signal.data)
    arguments = [str(tmp_path / "image.npy"), "-o", str(tmp_path / "atoms.csv"), "--sampling=0.1"]
    assert cli.main(["find", *arguments]) == 0
    assert capsys.readouterr().err.startswith("dlatoms: warning: Pixels that are NaN")


def test_classify(monkeypatch, spot_images, tmp_path, capsys, error_of):
    network = SpotSeriesNetwork()
    model = _blocks.Model(Handle(network), network.card)
    monkeypatch.setattr(_blocks, "resolve", lambda _: model)
    single, truth = spot_images(2)
    series = hs.stack([single] * 3, new_axis_name="tableau", show_progressbar=False)
    path, output, picture = (tmp_path / name for name in ("s.hspy", "sites.csv", "sites.png"))
    series.save(path)
    arguments = [str(path), "-o", str(output), "--png", str(picture)]
    more = ["--focal-axis", "tableau", "--defoci", "-40", "0", "40", "--align"]
    assert cli.main(["classify", *arguments, *more]) == 0
    table = pd.read_csv(output)
    assert len(table) == sum(map(len, truth)) and set(table.species) == {"S vacancy"}
    printed = capsys.readouterr().out
    assert "6 of 96 x 112 px" in printed
    assert f"S vacancy  {len(table)}" in printed
    assert network.told[0] == (-40, 0, 40)
    assert imread(picture).ndim == 3
    assert "has 2 images" in error_of("classify", path, "-o", output, "--focal-axis", 0)


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


def test_evaluate_leaves_installed_models_alone(error_of):
    name = catalogue.names()[0]
    assert "--write-card FILE" in error_of("evaluate", name, "--write-card")


def test_evaluate_needs_a_known_material(evaluated, error_of):
    assert "Au" in error_of("evaluate", evaluated[0])
    assert "frames is 0" in error_of(
        "evaluate", evaluated[0], "--material", "metal", "--frames", "0"
    )


def test_the_installed_command():
    program = os.path.join(os.path.dirname(sys.executable), "dlatoms")
    result = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == hyperspy_dlatoms.__version__
    result = subprocess.run(
        [program, "find", "missing.tif", "-o", "atoms.csv"], capture_output=True, text=True
    )
    assert result.returncode == 1
    assert result.stderr == "dlatoms: error: There is no file 'missing.tif'.\n"
