# SPDX-License-Identifier: GPL-3.0-or-later
import hashlib
import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from hyperspy_dlatoms.recipes.recipe import parse_recipe, read_recipe
from hyperspy_dlatoms.simulation import dataset
from hyperspy_dlatoms.simulation.dataset import DataSet, make_item, simulate
from hyperspy_dlatoms.simulation.scanned_cell import ScannedCell


def digests(directory):
    """Of every file that holds data, by its place in the data set.

    What a killed process was writing stays beside it, under a name that nobody reads.
    """
    files = (p for part in ("arrays.zarr", "records") for p in (directory / part).rglob("*"))
    return {
        str(p.relative_to(directory)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in files
        if p.is_file() and not (p.parent.name == "records" and p.name.startswith("."))
    }


@pytest.fixture(scope="module")
def complete(tmp_path_factory, small_recipe_text):
    base = tmp_path_factory.mktemp("complete")
    (base / "small.yaml").write_text(small_recipe_text)
    simulate(base / "small.yaml", base / "data", num_workers=1, show_progressbar=False)
    return base


def test_items_are_whole_and_truthful(complete):
    data = DataSet(complete / "data")
    assert len(data) == 6
    for item in data:
        assert item.wave.shape == (80, 80)
        assert item.images.shape == (2, 48, 48)
        assert len(item.record["images"]) == 2
        sites = item.record["specimen"]["sites"]
        assert len(item.sites) == sites
        for image, record in zip(item.images, item.record["images"], strict=True):
            dose = record["conditions"]["camera"]["dose"]
            assert image.mean() == pytest.approx(dose * record["sampling"] ** 2, rel=0.1)


def test_an_item_follows_from_the_recipe_and_its_number_alone(complete):
    recipe = read_recipe(complete / "small.yaml")
    item = make_item(recipe, 4)
    np.testing.assert_array_equal(item.wave, DataSet(complete / "data")[4].wave)
    assert np.any(item.images != make_item(recipe, 3).images)


def test_the_label_rules_of_a_recipe_reach_its_sites(complete):
    recipe = read_recipe(complete / "small.yaml")
    number = next(i for i, item in enumerate(DataSet(complete / "data")) if len(item.sites))
    as_it_was = make_item(recipe, number)
    ruled = {"method": "projected", "sites": "rest", "displacement": 0.2}
    at_rest = make_item(replace(recipe, waves=recipe.waves | ruled), number)
    still = make_item(replace(recipe, waves=recipe.waves | {"displacement": 0}), number)
    np.testing.assert_array_equal(at_rest.sites, still.sites)
    assert np.any(at_rest.sites != as_it_was.sites)
    assert np.abs(at_rest.wave - as_it_was.wave).max() > 0.01
    none = make_item(replace(recipe, waves=recipe.waves | {"least_height": 2}), number)
    assert none.sites.shape == (0, 3)


def test_two_processes_write_the_same_bytes_as_one(complete):
    simulate(complete / "small.yaml", complete / "parallel", num_workers=2, show_progressbar=False)
    assert digests(complete / "parallel") == digests(complete / "data")


def test_a_killed_run_is_resumed_without_a_torn_or_doubled_item(complete):
    directory = complete / "killed"
    command = [sys.executable, "-m", "hyperspy_dlatoms.cli", "simulate"]
    arguments = [complete / "small.yaml", "-o", directory, "--workers", "1"]
    run = subprocess.Popen([*command, *arguments], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while len(list(directory.glob("records/*.json"))) < 2 and run.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert len(list(directory.glob("records/*.json"))) < 6
    with pytest.raises(ValueError, match=r"lacks \d of 6 waves"):
        DataSet(directory)
    simulate(complete / "small.yaml", directory, num_workers=1, show_progressbar=False)
    assert digests(directory) == digests(complete / "data")


def test_a_directory_of_another_recipe_is_left_alone(complete, tmp_path):
    before = digests(complete / "data")
    other = tmp_path / "other.yaml"
    other.write_text((complete / "small.yaml").read_text().replace("seed: 5", "seed: 6"))
    with pytest.raises(ValueError, match="another recipe"):
        simulate(other, complete / "data", show_progressbar=False)
    assert digests(complete / "data") == before


def test_no_data_set(tmp_path):
    with pytest.raises(FileNotFoundError, match="dlatoms simulate"):
        DataSet(tmp_path)


def test_images_that_do_not_fit_their_wave(small_recipe, tmp_path):
    small_recipe.write_text(small_recipe.read_text().replace("pixels: 48", "pixels: 480"))
    with pytest.raises(ValueError, match="fewer than the 480 px asked for"):
        simulate(small_recipe, tmp_path / "data", num_workers=1, show_progressbar=False)


SERIES = """
name: series
seed: 6
waves: {count: 3, size: 20.0, sampling: 0.25, energy: 80.0e+3, least_height: 1}
images: {per_wave: 2, pixels: 48}
structures:
  - {structure: two-dimensional, formula: WS2, single_vacancies: 0.2, double_vacancies: 0.2}
imaging: {images: 3, defocus: 50, defocus_step: 40, drift: 0.2, sampling: 0.2, dose: 1.0e+4}
"""


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    recipe = parse_recipe(SERIES)
    directory = tmp_path_factory.mktemp("series") / "data"
    return simulate(recipe, directory, num_workers=1, show_progressbar=False)


def test_focal_series_are_stored_with_their_defoci_and_drift(series):
    for item in series:
        assert item.images.shape == (2, 3, 48, 48)
        for images, record in zip(item.images, item.record["images"], strict=True):
            assert record["conditions"]["defoci"] == [10, 50, 90]
            assert record["conditions"]["drift"][1] == [0, 0]
            assert np.hypot(*record["conditions"]["drift"][2]) == pytest.approx(0.2)
            assert np.all(images.mean(axis=(1, 2)) > 0)
            assert np.abs(images[0] - images[1]).max() > 0


def test_the_species_of_each_site_is_kept(series):
    for index, item in enumerate(series):
        assert item.record["kinds"][:4] == ["W", "S", "W vacancy", "S vacancy"]
        made = make_item(series.recipe, index)
        np.testing.assert_array_equal(item.species, made.species)
        assert item.species.dtype == int and len(item.species) == len(item.sites)
        heights = {
            kind: set(item.sites[item.species == i, 2])
            for i, kind in enumerate(item.record["kinds"])
        }
        assert heights["W"] == {1} and heights["S"] == {2} and heights["S vacancy"] == {0, 1}


def test_sites_of_one_kind(complete):
    for item in DataSet(complete / "data"):
        assert item.record["kinds"] == ["site"]
        np.testing.assert_array_equal(item.species, np.zeros(len(item.sites)))


def test_a_data_set_from_before_sites_had_kinds_is_read_and_completed(complete, tmp_path):
    directory = tmp_path / "old"
    shutil.copytree(complete / "data", directory)
    shutil.rmtree(directory / "arrays.zarr" / "species")
    for path in (directory / "records").iterdir():
        record = json.loads(path.read_text())
        del record["kinds"]
        path.write_text(json.dumps(record))
    (directory / "records" / "000002.json").unlink()
    data = simulate(complete / "small.yaml", directory, num_workers=1, show_progressbar=False)
    for item in data:
        assert item.record["kinds"] == ["site"]
        np.testing.assert_array_equal(item.species, np.zeros(len(item.sites)))


def test_waves_of_a_task_are_of_one_scanned_cell(tmp_path, monkeypatch):
    scanned = []

    def scan(rng, structures, energy, displacement):
        peak = np.hypot.outer(np.arange(-10, 10), np.arange(-10, 10)) < 4
        atoms = Atoms("Cu", positions=[[2, 2, 0]], cell=[4, 4, 3], pbc=True)
        scanned.append(rng.random())
        maps = np.arange(3)[:, None, None] * peak * (1 + 1j)
        return ScannedCell(atoms, maps, 40.0, energy, {"cell": str(scanned[-1])})

    monkeypatch.setattr(dataset, "scanned_cell", scan)
    text = (
        SCANNED.replace("count: 2, size: 20.0", "count: 40, size: 24.0")
        .replace("incoherent", "{choice: [incoherent, cells]}")
        .replace("single-atoms, number: 8, thickness: 5}", "crystal, cell: fcc, tilt_max: 0}")
    )
    recipe = parse_recipe(text)
    data = simulate(recipe, tmp_path, num_workers=1, show_progressbar=False)
    cells = [item.record["specimen"]["cell"] for item in data]
    tasks = [cells[start : start + dataset.TASK] for start in range(0, 40, dataset.TASK)]
    by_multislice = [task for task in tasks if task[0] != "fcc"]
    assert len(scanned) == len(by_multislice) and 0 < len(scanned) < len(tasks)
    for task in tasks:
        assert len(set(task)) == 1
    # What is made again alone is the same, though its cell has been scanned anew.
    index = cells.index(by_multislice[0][0]) + 3
    dataset._scanned_cell.cache_clear()
    again = make_item(recipe, index)
    np.testing.assert_array_equal(again.wave, data[index].wave)
    assert not np.array_equal(data[index].wave, data[index + 1].wave)


SCANNED = """
name: scanned
seed: 9
waves: {count: 2, size: 20.0, sampling: 0.2, method: incoherent, displacement: 0}
images: {per_wave: 1, pixels: 80}
structures: [{structure: single-atoms, number: 8, thickness: 5}]
imaging: {detector: ADF, shear: 0.1, sampling: 0.2, cross_section: 1.0}
"""


def test_scanned_images_are_stored_with_the_positions_that_their_scan_recorded(tmp_path):
    data = simulate(parse_recipe(SCANNED), tmp_path, num_workers=1, show_progressbar=False)
    for item in data:
        assert item.wave.shape == (100, 100) and item.wave.imag.any()
        (record,) = item.record["images"]
        positions, corner = np.array(record["positions"]), record["corner"] / 0.2
        y, x = item.sites[:, :2].T / 0.2
        moved = np.column_stack([y, (x - 0.1 * y + 0.5) % 100 - 0.5]) - corner
        np.testing.assert_allclose(positions, moved, atol=0.01)
        for y, x in positions:
            if min(y, x) > 2 and max(y, x) < 77:
                near = item.images[0][round(y) - 2 : round(y) + 3, round(x) - 2 : round(x) + 3]
                assert near.max() > 3 * np.median(item.images[0])


def test_waves_of_a_file_that_changed_are_not_mixed_with_those_of_the_former(tmp_path):
    file, directory = tmp_path / "cell.xyz", tmp_path / "data"
    bulk("Cu").write(file)
    text = f"""
name: changed
seed: 9
waves: {{count: 2, size: 20.0, sampling: 0.2, method: projected}}
images: {{per_wave: 0}}
structures: [{{structure: crystal, file: {file}, zone: "110"}}]
imaging: {{defocus: 50}}
"""
    simulate(parse_recipe(text), directory, num_workers=1, show_progressbar=False)
    simulate(parse_recipe(text), directory, num_workers=1, show_progressbar=False)
    bulk("Au").write(file)
    with pytest.raises(ValueError, match="cell.xyz as it was before it changed"):
        simulate(parse_recipe(text), directory, num_workers=1, show_progressbar=False)


def test_windows_waits_for_61_processes_at_most(small_recipe_text, tmp_path, monkeypatch):
    recipe = parse_recipe(small_recipe_text)
    asked = []
    monkeypatch.setattr(dataset, "TASK", 1)
    monkeypatch.setattr(dataset, "missing_waves", lambda *_: list(range(100)))
    monkeypatch.setattr(dataset, "DataSet", lambda _: None)
    monkeypatch.setattr(dataset.dask, "compute", lambda *_, **how: asked.append(how["num_workers"]))
    monkeypatch.setattr(dataset, "sys", SimpleNamespace(platform="win32"), raising=False)
    for number in (64, 8):
        simulate(recipe, tmp_path, num_workers=number, show_progressbar=False)
    # `concurrent.futures` refuses more.
    assert asked == [61, 8]


def test_waves_without_their_recipe_are_not_taken_for_those_of_another(complete, tmp_path):
    directory = tmp_path / "data"
    shutil.copytree(complete / "data", directory)
    before = digests(directory)
    (directory / "recipe.yaml").unlink()
    with pytest.raises(ValueError, match=r"no longer there, .*recipe.yaml; give an empty"):
        simulate(complete / "small.yaml", directory, num_workers=1, show_progressbar=False)
    assert digests(directory) == before
