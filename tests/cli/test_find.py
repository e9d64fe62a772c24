# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from unittest.mock import Mock

import ase.io
import hyperspy.api as hs
import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

import hyperspy_dlatoms
from hyperspy_dlatoms import SamplingError, cli
from hyperspy_dlatoms.cli import _searching
from hyperspy_dlatoms.signals import _blocks


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
