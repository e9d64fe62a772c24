# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import gc
import itertools
import os
from contextlib import suppress
from pathlib import Path
from unittest.mock import Mock

import ase.io
import dask
import hyperspy.api as hs
import numpy as np
import pandas as pd
import pytest
import tifffile
from h5py import h5f
from matplotlib.image import imread
from PIL import Image

import hyperspy_dlatoms
from hyperspy_dlatoms import SamplingError, cli
from hyperspy_dlatoms.cli import _searching
from hyperspy_dlatoms.signals import _blocks
from tests.helpers.printed import row_of


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


def test_find_strain_and_quality(spot_network, movie, tmp_path, capsys):
    path, truth = movie
    output = tmp_path / "atoms.csv"
    assert cli.main(["find", str(path), "-o", str(output), "--strain", "--quality"]) == 0
    table = pd.read_csv(output)
    assert {"e_xx", "e_xx_sigma", "rotation", "grain"} <= set(table.columns)
    quality = pd.read_csv(tmp_path / "atoms-quality.csv")
    assert quality.found.tolist() == list(map(len, truth))
    printed = capsys.readouterr().out
    assert "strain " in printed and "quality " in printed
    assert str(tmp_path / "atoms-quality.csv") in row_of(printed, "wrote")


def test_a_scheduler_of_the_configuration_stays():
    with dask.config.set(scheduler="synchronous"), _searching.on_threads():
        assert dask.config.get("scheduler") == "synchronous"


def test_the_mean_strain_is_not_that_of_uncertain_atoms():
    columns = ("y", "x", "probability", "y_sigma", "x_sigma", "e_xx", "e_yy", "e_xy")
    sigma = ("e_xx_sigma", "e_yy_sigma", "e_xy_sigma")
    sites = np.array([[0.01, 0.0, -0.02, 0.002, 0.002, 0.002]] * 9 + [[-0.5] * 3 + [0.2] * 3])
    sites = np.column_stack([np.zeros((10, 5)), sites])
    atoms = hyperspy_dlatoms.AtomPositions.from_frames(sites[:, :5], sampling=0.1)
    atoms.data[0] = sites
    atoms.metadata.VectorMetadata.column_names = [*columns, *sigma]
    _, printed = _searching._strain(atoms)
    assert "e_xx +1.00 %" in printed and "e_xy -2.00 %" in printed


def test_strain_is_against_a_material(spot_network, movie, tmp_path, monkeypatch, error_of):
    path, _ = movie
    asked = []
    strain = hyperspy_dlatoms.AtomPositions.strain
    monkeypatch.setattr(
        hyperspy_dlatoms.AtomPositions,
        "strain",
        lambda self, material=None: asked.append(material) or strain(self),
    )
    arguments = ["find", path, "-o", tmp_path / "atoms.csv", "--material", "Au"]
    assert "--strain" in error_of(*arguments)
    assert cli.main([*map(str, arguments), "--strain"]) == 0
    assert asked == ["Au"]


def test_find_hspy(spot_network, movie, tmp_path):
    path, truth = movie
    output = tmp_path / "atoms.hspy"
    for _ in range(2):
        assert cli.main(["find", str(path), "-o", str(output)]) == 0
    atoms = hs.load(output)
    assert isinstance(atoms, hyperspy_dlatoms.AtomPositions)
    assert [len(frame) for frame in atoms.data] == list(map(len, truth))


@pytest.mark.parametrize("options", [[], ["--resume"]])
def test_find_goes_on_where_it_was_cut_short(
    options, spot_network, movie, tmp_path, monkeypatch, error_of, capsys
):
    path, truth = movie
    output = tmp_path / "atoms.csv"
    with monkeypatch.context() as patch:
        patch.setattr(_searching, "_write_atoms", Mock(side_effect=OSError("No space left")))
        assert "No space left" in error_of("find", path, "-o", output)
    parts = output.with_name("atoms.csv.parts")
    assert list(parts.glob("*.npz"))
    with monkeypatch.context() as patch:
        patch.setattr(type(spot_network), "maps", Mock(side_effect=AssertionError))
        assert cli.main(["find", str(path), "-o", str(output), *options]) == 0
    assert "Continued the interrupted search" in capsys.readouterr().out or options
    assert len(pd.read_csv(output)) == sum(map(len, truth))
    assert not parts.exists()


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
    error = error_of("find", path, "-o", output)
    assert error.endswith("Give --sampling in Å/px, or --sampling estimate.")
    assert "axes_manager" not in error
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
    named = ["--model", "metal-nanoparticle"]
    assert "depends on what" in error_of(*arguments, *named)
    assert "--sampling estimate" in error_of(*arguments[:-2], "--material", "Pt")


def test_find_says_what_was_masked(spot_network, spot_images, tmp_path, capsys):
    signal, _ = spot_images()
    signal.data[0, 0] = np.nan
    np.save(tmp_path / "image.npy", signal.data)
    arguments = [str(tmp_path / "image.npy"), "-o", str(tmp_path / "atoms.csv"), "--sampling=0.1"]
    assert cli.main(["find", *arguments]) == 0
    assert capsys.readouterr().err.startswith("dlatoms: warning: Pixels that show no image")


def test_another_search_takes_the_place_of_one_that_failed(
    spot_network, movie, tmp_path, monkeypatch, error_of, capsys
):
    path, truth = movie
    output = tmp_path / "atoms.csv"
    parts = output.with_name("atoms.csv.parts")
    with monkeypatch.context() as patch:
        patch.setattr(_searching, "_write_atoms", Mock(side_effect=OSError("No space left")))
        error_of("find", path, "-o", output)
    error = error_of("find", path, "-o", output, "--threshold", "0.8", "--resume")
    assert "differs in threshold: leave out --resume" in error
    assert cli.main(["find", str(path), "-o", str(output), "--threshold", "0.8"]) == 0
    assert len(pd.read_csv(output)) == 0
    assert not parts.exists()


def test_a_changed_file_is_searched_again(spot_network, movie, tmp_path, monkeypatch, error_of):
    path, truth = movie
    output = tmp_path / "atoms.csv"
    with monkeypatch.context() as patch:
        patch.setattr(_searching, "_write_atoms", Mock(side_effect=OSError("No space left")))
        error_of("find", path, "-o", output)
    later = (output.with_name("atoms.csv.parts") / "search.json").stat().st_mtime + 1
    os.utime(path, (later, later))
    with monkeypatch.context() as patch:
        patch.setattr(type(spot_network), "maps", Mock(side_effect=ValueError("searched")))
        assert "searched" in error_of("find", path, "-o", output)
    assert cli.main(["find", str(path), "-o", str(output)]) == 0


@pytest.mark.parametrize("error", [ValueError, RuntimeError, KeyboardInterrupt])
def test_what_fails_at_once_leaves_nothing(
    error, spot_network, movie, tmp_path, monkeypatch, capsys
):
    path, _ = movie
    monkeypatch.setattr(type(spot_network), "maps", Mock(side_effect=error("It broke.")))
    with suppress(RuntimeError):
        assert cli.main(["find", str(path), "-o", str(tmp_path / "atoms.csv")]) > 0
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_a_directory_that_is_no_checkpoint_is_left_alone(spot_network, movie, tmp_path, error_of):
    path, _ = movie
    mine = tmp_path / "atoms.csv.parts" / "mine.txt"
    mine.parent.mkdir()
    mine.touch()
    assert "is not a checkpoint" in error_of("find", path, "-o", tmp_path / "atoms.csv")
    assert mine.exists()


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [
        *itertools.product(["L", "RGB"], ["png", "jpg", "bmp", "gif", "tif"]),
        *itertools.product(["RGBA"], ["png", "bmp", "gif", "tif"]),
    ],
)
def test_find_reads_pictures(mode, suffix, spot_network, spot_images, tmp_path):
    signal, truth = spot_images()
    path, output = tmp_path / f"image.{suffix}", tmp_path / "atoms.csv"
    grey = (signal.data * 255).clip(0, 255).astype("u1")
    Image.fromarray(grey).convert(mode).save(path)
    assert cli.main(["find", str(path), "-o", str(output), "--sampling", "0.1"]) == 0
    assert len(pd.read_csv(output)) == len(truth[()])


@pytest.mark.parametrize("suffix", ["png", "gif", "tif"])
@pytest.mark.parametrize("channel", [0, 1, 2, 3])
def test_colours_are_refused(channel, suffix, spot_network, spot_images, tmp_path, error_of):
    signal, _ = spot_images()
    pixels = np.repeat((signal.data * 200).clip(0, 255).astype("u1")[..., None], 4, axis=-1)
    pixels[..., 3] = 255
    pixels[:9, :9, channel] = 128 if channel < 3 else 0
    path = tmp_path / f"image.{suffix}"
    Image.fromarray(pixels).save(path)
    error = error_of("find", path, "-o", tmp_path / "atoms.csv", "--sampling", "0.1")
    assert ("in colour" if channel < 3 else "transparent") in error
    assert not (tmp_path / "atoms.csv.parts").exists()


@pytest.fixture
def three(spot_images, tmp_path):
    """Two images and a movie, with the number of their atoms."""
    (image, truth), (movie, truths) = spot_images(), spot_images(2)
    image.save(tmp_path / "a.hspy")
    image.save(tmp_path / "b.hspy")
    movie.save(tmp_path / "c.hspy")
    return len(truth[()]), sum(map(len, truths))


def test_find_several_files_in_a_table(spot_network, three, tmp_path, capsys):
    image, movie = three
    output = tmp_path / "atoms.csv"
    names = [str(tmp_path / "*.hspy"), str(tmp_path / "a.hspy")]
    assert cli.main(["find", *names, "-o", str(output)]) == 0
    table = pd.read_csv(output)
    assert list(table.columns[:4]) == ["file", "index_0", "y_px", "x_px"]
    counts = table.groupby("file").size()
    assert {Path(name).name: count for name, count in counts.items()} == {
        "a.hspy": image,
        "b.hspy": image,
        "c.hspy": movie,
    }
    assert table.index_0.isna().sum() == 2 * image
    assert sorted(path.name for path in tmp_path.iterdir())[:2] == ["a.hspy", "atoms.csv"]
    assert not list(tmp_path.glob("*.parts"))
    printed = capsys.readouterr().out
    assert f"{movie} atoms in 2 images, 0.1 Å/px" in printed


def test_a_pattern_of_one_file_goes_into_directories_too(spot_network, three, tmp_path):
    arguments = ["-o", str(tmp_path / "out"), "--plot", str(tmp_path / "pictures")]
    assert cli.main(["find", str(tmp_path / "a*.hspy"), *arguments]) == 0
    assert (tmp_path / "out" / "a.csv").exists() and (tmp_path / "pictures" / "a.png").exists()


def test_quality_of_several_files(spot_network, three, tmp_path, capsys):
    files = str(tmp_path / "[abc].hspy")
    arguments = ["find", files, "--quality", "-o"]
    assert cli.main([*arguments, str(tmp_path / "atoms.csv")]) == 0
    table = pd.read_csv(tmp_path / "atoms-quality.csv")
    assert [Path(name).name for name in table.file] == ["a.hspy", "b.hspy", "c.hspy", "c.hspy"]
    assert table.found.sum() == len(pd.read_csv(tmp_path / "atoms.csv"))
    assert capsys.readouterr().out.count("quality: ") == 3
    assert not list(tmp_path.glob("*.parts"))
    assert cli.main([*arguments, str(tmp_path / "out")]) == 0
    assert len(list((tmp_path / "out").glob("*-quality.csv"))) == 3


def test_find_several_files_in_a_directory(spot_network, three, tmp_path):
    image, movie = three
    arguments = ["-o", str(tmp_path / "out"), "--plot", str(tmp_path / "pictures")]
    assert cli.main(["find", str(tmp_path / "[ac].hspy"), *arguments]) == 0
    assert len(pd.read_csv(tmp_path / "out" / "a.csv")) == image
    assert len(pd.read_csv(tmp_path / "out" / "c.csv")) == movie
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.csv", "c.csv"]
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == ["a.png", "c.png"]


@pytest.mark.parametrize("output", ["atoms.csv", "out"])
def test_a_file_that_fails_is_named_and_the_others_go_on(
    output, spot_network, three, tmp_path, capsys
):
    (tmp_path / "b.hspy").write_bytes(b"x" * 50)
    files = [str(tmp_path / name) for name in ("a.hspy", "b.hspy", "missing.tif", "c.hspy")]
    assert cli.main(["find", *files, "-o", str(tmp_path / output)]) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(f"dlatoms: error: {files[1]}: ") and "could not be read" in first
    assert second.startswith(f"dlatoms: error: {files[2]}: ") and "There is no file" in second
    if output == "out":
        found = sum(len(pd.read_csv(path)) for path in (tmp_path / "out").glob("*.csv"))
    else:
        found = len(pd.read_csv(tmp_path / output))
    assert found == sum(three)
    assert not list(tmp_path.rglob("*.parts"))


def test_several_files_go_on_where_they_were_cut_short(
    spot_network, three, tmp_path, monkeypatch, capsys
):
    arguments = ["find", str(tmp_path / "*.hspy"), "-o", str(tmp_path / "atoms.csv")]
    with monkeypatch.context() as patch:
        patch.setattr(_searching, "write_together", Mock(side_effect=KeyboardInterrupt))
        assert cli.main(arguments) == 130
    with monkeypatch.context() as patch:
        patch.setattr(type(spot_network), "maps", Mock(side_effect=AssertionError))
        assert cli.main(arguments) == 0
    assert len(pd.read_csv(tmp_path / "atoms.csv")) == 2 * three[0] + three[1]
    assert not list(tmp_path.glob("*.parts"))


def test_files_that_were_done_are_not_searched_again(spot_network, three, tmp_path, monkeypatch):
    arguments = ["find", str(tmp_path / "*.hspy"), "-o", str(tmp_path / "out"), "--resume"]
    write, written = _searching._write_atoms, []

    def cut(atoms, path):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(path)
        write(atoms, path)

    with monkeypatch.context() as patch:
        patch.setattr(_searching, "_write_atoms", cut)
        assert cli.main(arguments) == 130
    with monkeypatch.context() as patch:
        patch.setattr(type(spot_network), "maps", Mock(side_effect=AssertionError))
        assert cli.main(arguments) == 0
    found = sum(len(pd.read_csv(path)) for path in (tmp_path / "out").glob("*.csv"))
    assert found == 2 * three[0] + three[1]
    assert not list(tmp_path.rglob("*.parts"))


@pytest.mark.parametrize("command", ["find", "watch"])
def test_files_do_not_stay_open(spot_network, three, tmp_path, monkeypatch, command):
    gc.collect()
    write, opened = _searching._write_atoms, []
    before = h5f.get_obj_count(h5f.OBJ_ALL, h5f.OBJ_FILE)

    def count(atoms, path):
        opened.append(h5f.get_obj_count(h5f.OBJ_ALL, h5f.OBJ_FILE) - before)
        write(atoms, path)

    monkeypatch.setattr(_searching, "_write_atoms", count)
    more = ["--model", "spots", "--idle", "0.2"] if command == "watch" else []
    names = [tmp_path] if command == "watch" else sorted(tmp_path.glob("*.hspy"))
    gc.disable()
    try:
        assert cli.main([command, *map(str, names), "-o", str(tmp_path / "out"), *more]) == 0
    finally:
        gc.enable()
    assert len(opened) == 3 and len(set(opened)) == 1


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="asks Linux what is open")
@pytest.mark.parametrize("command", ["find", "watch"])
def test_memory_maps_do_not_stay_open(spot_network, spot_images, tmp_path, capfd, command):
    signal, _ = spot_images(2)
    np.save(tmp_path / "a.npy", signal.data)
    tifffile.imwrite(tmp_path / "b.tif", signal.data)
    tifffile.imwrite(tmp_path / "c.tif", signal.data[0], compression="zlib")
    names = [tmp_path] if command == "watch" else [tmp_path / "a.npy", *tmp_path.glob("*.tif")]
    more = ["--model", "spots", "--sampling", "0.1"]
    more += ["--idle", "0.2"] if command == "watch" else []
    gc.collect()
    gc.disable()
    try:
        assert cli.main([command, *map(str, names), "-o", str(tmp_path / "out"), *more]) == 0
        links = [os.readlink(one) for one in Path("/proc/self/fd").iterdir() if one.is_symlink()]
        opened = [*links, *Path("/proc/self/maps").read_text().split()]
    finally:
        gc.enable()
    assert not [one for one in opened if one.startswith(f"{tmp_path}")]
    assert "file handle" not in capfd.readouterr().err


@pytest.mark.parametrize("kept", [0, 1000])
def test_what_a_program_has_kept_from_collection_stays_so(monkeypatch, kept):
    unfreeze = Mock()
    monkeypatch.setattr(gc, "get_freeze_count", lambda: kept)
    monkeypatch.setattr(gc, "unfreeze", unfreeze)
    with suppress(KeyboardInterrupt), _searching.kept_heap():
        raise KeyboardInterrupt
    assert unfreeze.called is (kept == 0)


def test_files_of_one_name_in_a_directory(spot_network, spot_images, tmp_path, error_of):
    signal, _ = spot_images()
    (tmp_path / "more").mkdir()
    np.save(tmp_path / "a.npy", signal.data)
    np.save(tmp_path / "more" / "a.npy", signal.data)
    Image.fromarray(signal.data).save(tmp_path / "a.tif")
    out = tmp_path / "out"
    arguments = ["-o", str(out), "--sampling", "0.1"]
    files = [tmp_path / "a.npy", tmp_path / "more" / "a.npy"]
    assert "have the same name" in error_of("find", *files, *arguments)
    assert cli.main(["find", str(tmp_path / "a.*"), *arguments]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["a.npy.csv", "a.tif.csv"]
    assert cli.main(["find", *map(str, files), "-o", str(tmp_path / "t.csv"), *arguments[2:]]) == 0
    assert pd.read_csv(tmp_path / "t.csv").file.nunique() == 2


def test_a_table_has_one_unit(spot_network, spot_images, tmp_path, capsys):
    for name, units in (("a", "nm"), ("b", "Å")):
        spot_images(units=units)[0].save(tmp_path / f"{name}.hspy")
    arguments = ["find", str(tmp_path / "*.hspy"), "-o"]
    assert cli.main([*arguments, str(tmp_path / "atoms.csv")]) == 1
    assert "in Å, those of" in capsys.readouterr().err
    assert cli.main([*arguments, str(tmp_path / "out")]) == 0


def test_a_file_that_fails_sets_no_unit(spot_network, spot_images, tmp_path, capsys):
    for name in "abc":
        signal, _ = spot_images()
        if name == "a":
            for axis in signal.axes_manager.signal_axes:
                axis.scale, axis.units = 1.0, ""
        signal.save(tmp_path / f"{name}.hspy")
    output = tmp_path / "atoms.csv"
    assert cli.main(["find", str(tmp_path / "*.hspy"), "-o", str(output)]) == 1
    (error,) = capsys.readouterr().err.splitlines()
    assert "a.hspy" in error and "its sampling is unknown" in error
    assert pd.read_csv(output).file.nunique() == 2


def test_errors_speak_of_options(spot_network, movie, tmp_path, error_of):
    path, _ = movie
    arguments = ["find", path, "-o", tmp_path / "atoms.csv"]
    assert "--threshold is 2.0: expected" in error_of(*arguments, "--threshold", "2")
    assert "--minimum-agreement is 2.0" in error_of(*arguments, "--minimum-agreement", "2")
    error = error_of(*arguments, "--sampling", "50")
    assert "--sampling is 50 Å/px" in error and "axes_manager" not in error
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_a_model_that_is_missing_is_said_once(three, tmp_path, error_of):
    arguments = ["-o", tmp_path / "out", "--model", "no-such-model"]
    assert "no-such-model" in error_of("find", tmp_path / "*.hspy", *arguments)


def test_errors_are_one_line(movie, tmp_path, error_of):
    path, _ = movie
    output = tmp_path / "atoms.csv"
    assert "There is no file" in error_of("find", tmp_path / "missing.dm4", "-o", output)
    assert "No file matches the pattern" in error_of("find", tmp_path / "*.dm4", "-o", output)
    (tmp_path / "torn.dm4").write_bytes(b"x" * 50)
    assert "could not be read" in error_of("find", tmp_path / "torn.dm4", "-o", output)
    assert "no-such-model" in error_of("find", path, "-o", output, "--model", "no-such-model")
    wrong = tmp_path / "wrong.safetensors"
    wrong.write_bytes(b"x" * 50)
    assert "wrong.safetensors" in error_of("find", path, "-o", output, "--model", wrong)
    assert "recipe.yaml" in error_of("simulate", tmp_path / "recipe.yaml", "-o", tmp_path / "data")
    assert "recipe.yaml" in error_of("train", tmp_path / "recipe.yaml")


def test_what_is_written_is_written_once(movie, tmp_path, error_of, monkeypatch):
    path, _ = movie
    other = path.with_name("movie-quality.hspy")
    other.touch()
    monkeypatch.setattr(hs, "load", lambda *_, **__: pytest.fail("the work was begun"))
    error = error_of("find", path, other, "-o", tmp_path / "out", "--quality")
    assert "movie-quality.csv' would be written twice" in error


def test_output_is_checked_before_the_work(movie, tmp_path, error_of, monkeypatch):
    path, _ = movie
    monkeypatch.setattr(hs, "load", lambda *_, **__: pytest.fail("the work was begun"))
    away = tmp_path / "missing" / "atoms.csv"
    assert "cannot be written" in error_of("find", path, "-o", away)
    png = tmp_path / "missing" / "atoms.png"
    arguments = ["find", path, "-o", tmp_path / "atoms.csv", "--png"]
    assert "atoms.png" in error_of(*arguments, png)
    assert "ends in .png" in error_of(*arguments, tmp_path / "atoms.txt")
    assert "ends in .png" in error_of(*arguments, tmp_path / "atoms")
    assert "is one of the input files" in error_of("find", path, "-o", path)
    both = [path, path.with_name("*")]
    (tmp_path / "other.tif").touch()
    assert "expected a table (.csv)" in error_of("find", *both, "-o", tmp_path / "atoms.xyz")
    assert "expected a directory" in error_of(
        "find", *both, "-o", tmp_path / "atoms.csv", "--png", tmp_path / "atoms.png"
    )
    (tmp_path / "directory.csv").mkdir()
    assert "is a directory" in error_of("find", path, "-o", tmp_path / "directory.csv")
    assert not (tmp_path / "atoms.csv").exists()
    (tmp_path / "file").touch()
    assert "file" in error_of("demo", "-o", tmp_path / "file")


def test_a_pattern_in_a_folder_whose_name_has_brackets(spot_network, movie, tmp_path):
    path, truth = movie
    folder = tmp_path / "Gold [2024] ä"
    folder.mkdir()
    path.rename(folder / "movie.hspy")
    output = tmp_path / "atoms.csv"
    assert cli.main(["find", str(folder / "*.hspy"), "-o", str(output)]) == 0
    assert len(pd.read_csv(output)) == sum(map(len, truth))


@pytest.mark.skipif(os.name == "nt", reason="names are always text there")
def test_a_name_that_is_no_text_goes_into_a_table(spot_network, movie, tmp_path):
    path, truth = movie
    # As an archive from Windows is unpacked on Linux.
    foreign = path.with_name(os.fsdecode(b"M\xfcnchen.hspy"))
    try:
        foreign.write_bytes(path.read_bytes())
    except OSError:
        pytest.skip("names have to be UTF-8 on this file system")
    output = tmp_path / "atoms.csv"
    assert cli.main(["find", str(path), str(foreign), "-o", str(output)]) == 0
    counts = pd.read_csv(output).file.value_counts()
    assert counts.to_dict() == {
        str(path): sum(map(len, truth)),
        str(path.with_name("M\\udcfcnchen.hspy")): sum(map(len, truth)),
    }
