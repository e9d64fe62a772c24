# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses

import dask.array as da
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from hyperspy_dlatoms import registry
from hyperspy_dlatoms.data import generate
from hyperspy_dlatoms.data.benchmark import _dose_series
from hyperspy_dlatoms.data.frames import Frames, fingerprint
from hyperspy_dlatoms.data.generate import fingerprint_of
from hyperspy_dlatoms.networks.model_file import read_model, write_model
from hyperspy_dlatoms.registry import RegistryError, _cache, sources
from hyperspy_dlatoms.registry.entries import Entry
from hyperspy_dlatoms.simulation import dataset

RECIPE = {
    "name": "small",
    "seed": 5,
    "structures": [{"structure": "graphene"}, {"structure": "vacuum"}],
    "waves": {"count": 3, "size": 20.0, "energy": 80e3},
    "images": {"per_wave": 2, "pixels": 96},
    "imaging": {"defocus": [40, 60], "sampling": 0.2, "dose": 1e4},
}
SMALL = Entry("small", "dataset", generate={"recipe": RECIPE})


@pytest.fixture
def catalogue(monkeypatch):
    """Make the package's catalogue one of these entries."""

    def make(*entries):
        monkeypatch.setattr(sources, "own_entries", lambda: entries)

    return make


def load(name="small"):
    return registry.load_dataset(name, show_progressbar=False, num_workers=1)


def test_a_data_set_is_generated_checked_and_kept(catalogue, monkeypatch):
    entry = dataclasses.replace(SMALL, sha256=fingerprint_of(SMALL))
    catalogue(entry)
    assert registry.info("small").here == "to generate"
    images, truth = load()
    assert images._lazy
    assert images.data.shape == (6, 96, 96)
    assert truth.axes_manager.navigation_shape == (6,)
    assert images.axes_manager.signal_axes[0].units == "nm"
    assert [len(sites) for sites in truth.data][::2] == [len(sites) for sites in truth.data][1::2]
    assert max(len(sites) for sites in truth.data) > 100
    counts = images.data.compute()
    assert counts.mean() == pytest.approx(1e4 * 0.2**2, rel=0.05)
    assert registry.info("small").here == "generated"

    def never(*_):
        raise AssertionError("generated twice")

    monkeypatch.setattr(dataset, "make_item", never)
    # Nor is anything written, as in a cache that all share and one fills.
    monkeypatch.setattr(_cache, "locked", never)
    again, _ = load()
    np.testing.assert_array_equal(again.data.compute(), counts)


def test_sites_of_scanned_images_are_where_the_scan_recorded_them(tmp_path):
    recipe = RECIPE | {
        "structures": [{"structure": "single-atoms", "number": 12, "thickness": 5}],
        "waves": {"count": 1, "size": 30.0, "method": "incoherent"},
        "images": {"per_wave": 1, "pixels": 120},
        "imaging": {"detector": "ADF", "sampling": 0.2, "shear": 0.1, "stretch": 0.1},
    }
    entry = dataclasses.replace(SMALL, generate={"recipe": recipe})
    made = generate.generate(entry, tmp_path, num_workers=1)
    (sites,), (image,) = made.positions, made.images.compute()
    assert len(sites) > 5
    bright = map_coordinates(gaussian_filter(image, 1.0), sites.T, order=1)
    assert (bright > 2 * np.median(image)).all()


def test_vacancies_are_told_from_atoms(catalogue):
    structure = {"structure": "graphene", "vacancy_fraction": 0.04, "mark_vacancies": True}
    recipe = RECIPE | {"structures": [structure, {"structure": "vacuum"}]}
    entry = dataclasses.replace(SMALL, generate={"recipe": recipe})
    catalogue(dataclasses.replace(entry, sha256=fingerprint_of(entry)))
    images, truth = load()
    names = truth.metadata.VectorMetadata.species
    assert names == ["C", "C vacancy"]
    found = {name: [] for name in names}
    for image, sites in zip(images.data.compute(), truth.data, strict=True):
        blurred = gaussian_filter(image.astype(float), 2.0)
        for kind, name in enumerate(names):
            places = sites[sites[:, 5] == kind][:, :2]
            found[name] += list(map_coordinates(blurred, places.T, order=1) / blurred.mean())
    assert 2 < len(found["C vacancy"]) < 0.2 * len(found["C"])
    # Under these lenses atoms are on one side of the mean, and missing ones are not.
    assert abs(np.median(found["C"]) - np.median(found["C vacancy"])) > 0.02


def test_another_fingerprint_is_an_error(catalogue):
    recipe = RECIPE | {"structures": [{"structure": "vacuum"}], "waves": {"count": 1, "size": 20.0}}
    entry = dataclasses.replace(SMALL, generate={"recipe": recipe}, sha256="0" * 64)
    catalogue(entry)
    with pytest.raises(RegistryError, match="'small' gave the fingerprint .*catalogue has 0000"):
        load()


def test_the_fingerprint_of_the_first_ones_needs_no_more(catalogue):
    vacuum = RECIPE | {"structures": [{"structure": "vacuum"}]}
    entry = dataclasses.replace(SMALL, generate={"recipe": vacuum, "checked": 2})
    whole = dataclasses.replace(entry, generate={"recipe": vacuum, "waves": {"count": 2}})
    assert fingerprint_of(entry) != fingerprint_of(whole)
    catalogue(dataclasses.replace(entry, sha256=fingerprint_of(entry)))
    assert load().images.data.shape == (6, 96, 96)


def test_several_samplings_make_no_signal(catalogue):
    recipe = RECIPE | {"imaging": {"sampling": [0.1, 0.2]}}
    catalogue(dataclasses.replace(SMALL, generate={"recipe": recipe}))
    with pytest.raises(RegistryError, match="samplings: its entry must give"):
        load()


def test_an_entry_that_does_not_say_how(catalogue):
    catalogue(dataclasses.replace(SMALL, generate={"magic": 1}))
    with pytest.raises(RegistryError, match="says \\['magic'\\] about how to generate it"):
        load()


@pytest.mark.parametrize("recipe", ["", "[1]", "{", "2001-99-99", "[" * 5000, "{waves: 5}"])
def test_a_model_without_a_recipe(catalogue, recipe, tmp_path, monkeypatch):
    graphene = next(one for one in sources.own_entries() if one.name == "graphene")
    card, arrays = read_model(graphene.places()[0])
    write_model(tmp_path / "m", dataclasses.replace(card, recipe=recipe), arrays)
    monkeypatch.setattr(generate.catalogue, "path", lambda name: tmp_path / "m")
    catalogue(dataclasses.replace(SMALL, generate={"recipe_of": "graphene"}))
    with pytest.raises(RegistryError, match="'small' has no recipe .*'graphene'.*expected"):
        load()


def test_what_is_no_data_set():
    with pytest.raises(RegistryError, match="of the kind model, not a data set"):
        load("graphene")


def test_entry_of_a_model_recipe_keeps_the_waves_and_changes_the_images():
    import yaml

    entry = next(one for one in sources.own_entries() if one.name == "graphene-training")
    recipe = yaml.safe_load(generate.recipe_text(entry))
    assert recipe["images"]["per_wave"] == 1
    assert recipe["imaging"]["sampling"] == entry.generate["imaging"]["sampling"]
    assert recipe["waves"]["count"] > 100


def test_a_benchmark_is_the_dose_curve(catalogue, monkeypatch):
    from hyperspy_dlatoms.data.benchmark.curves import Benchmark, Point
    from hyperspy_dlatoms.data.benchmark.exit_waves import Plan

    plan = Plan("vacuum", 1, 300e3, {"size": 20.0}, snapshots=2)
    points = tuple(Point(dose, (plan, plan), {"dose": dose}) for dose in (100.0, 1000.0))
    small = Benchmark("metal", {"sampling": 0.2}, {"dose": points}, {})
    monkeypatch.setattr(_dose_series, "benchmark", lambda material: small)
    entry = Entry("bench", "dataset", generate={"trial": "metal"})
    catalogue(dataclasses.replace(entry, sha256=fingerprint_of(entry)))
    images, truth = load("bench")
    assert images.data.shape == (4, 100, 100)
    means = images.data.compute().mean(axis=(1, 2))
    np.testing.assert_allclose(means, [4, 4, 40, 40], rtol=0.05)
    assert images.metadata.Simulation.dose == [100, 100, 1000, 1000]
    assert all(len(sites) == 0 for sites in truth.data)


def test_fingerprint_notices_sites_and_images():
    rng = np.random.default_rng(0)
    counts = rng.poisson(20, (2, 16, 16)).astype(float)
    frames = Frames(da.from_array(counts), [rng.random((3, 2))] * 2, 0.1, {})
    first = fingerprint(frames)
    assert fingerprint(frames._replace(positions=[p + 1e-9 for p in frames.positions])) == first
    # Other noise is what another processor may give.
    others = rng.poisson(20, (2, 16, 16)).astype(float)
    assert fingerprint(frames._replace(images=da.from_array(others))) == first
    assert fingerprint(frames._replace(positions=[p + 0.2 for p in frames.positions])) != first
    assert fingerprint(frames._replace(images=da.from_array(counts * 2))) != first
    assert fingerprint(frames._replace(images=da.from_array(counts[:, 1:]))) != first
    assert fingerprint(frames, 1) != first


def test_another_version_has_another_folder():
    other = dataclasses.replace(SMALL, version="2")
    assert _cache.generated_path(other) != _cache.generated_path(SMALL)
