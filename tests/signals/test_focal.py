# SPDX-License-Identifier: GPL-3.0-or-later
"""Species from focal series, from the user's side."""

from __future__ import annotations

import warnings

import cloudpickle
import dask
import hyperspy.api as hs
import numpy as np
import pytest

from hyperspy_dlatoms import AtomPositions, ExtrapolationError, LazyAtomPositions
from hyperspy_dlatoms.detection import detect
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.signals import blockwise, frames
from tests.conftest import Handle, SpotNetwork, calibrate
from tests.signals.test_methods import same_frames

CLASSES = ("Mo", "S vacancy")


class SeriesNetwork(SpotNetwork):
    """Finds the spots of the sum of three images, and remembers what it was told of defoci."""

    def __init__(self, domain=None):
        super().__init__(CLASSES)
        self.card.arguments["images"] = 3
        self.card.domain.update(domain or {})
        self.told = []

    def maps(self, batch, defoci=None):
        self.told.append(defoci)
        return super().maps(batch.sum(axis=1))


@pytest.fixture
def use(monkeypatch):
    def use(network):
        model = blockwise.Model(Handle(network), network.card)
        monkeypatch.setattr(blockwise, "resolve", lambda _: model)
        return network

    return use


@pytest.fixture
def network(use):
    return use(SeriesNetwork({"defocus": [-100, 100], "defocus_step": [15, 90]}))


@pytest.fixture
def focal_series(spot_images):
    """Make focal series of spots: (signal, true positions); the focal axis at a place asked for."""

    def make(*navigation, axis=None, lazy=False, name="defocus", units="nm", chunks=None):
        single, truth = spot_images(*navigation)
        axis = len(navigation) if axis is None else axis
        # All have the spots, in unlike contrast.
        shares = [0.7 * single.data, 0.2 * single.data, 0.4 * single.data]
        signal = hs.signals.Signal2D(np.stack(shares, axis=axis))
        calibrate(signal)
        focal = signal.axes_manager._axes[axis]
        focal.name, focal.units, focal.scale, focal.offset = name, units, 4, -4
        signal.metadata.General.title = "sheet"
        if lazy:
            signal = signal.as_lazy()
        if chunks:
            signal.data = signal.data.rechunk(chunks)
        return signal, truth

    return make


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize(("navigation", "axis"), [((), 0), ((4,), 1), ((4,), 0), ((2, 4), 1)])
def test_sites_of_each_series(network, focal_series, navigation, axis, lazy):
    signal, truth = focal_series(*navigation, axis=axis, lazy=lazy)
    sites = signal.classify_species()
    assert type(sites) is (LazyAtomPositions if lazy else AtomPositions)
    assert sites.axes_manager.navigation_shape == navigation[::-1]
    if lazy:
        assert network.told == []
        sites.compute()
    assert network.told[0] == (-40, 0, 40)
    for found, true in zip(sites.data.ravel(), truth.ravel(), strict=True):
        np.testing.assert_allclose(found[:, :2], true[np.lexsort(true.T[::-1])], atol=0.2)
    vectors = sites.metadata.VectorMetadata
    assert vectors.species == list(CLASSES) and vectors.defoci == [-40, 0, 40]
    assert vectors.drift.shape == (*(navigation or (1,)), 3, 2)
    table = sites.to_dataframe()
    assert set(table.species) == {"S vacancy"}
    assert {"probability_Mo", "probability_S_vacancy"} < set(table.columns)
    assert sites.species_counts()["S vacancy"].sum() == sum(map(len, truth.ravel()))


@pytest.mark.parametrize("scheduler", ["threads", "processes"])
def test_chunks_and_schedulers_change_nothing(network, focal_series, scheduler):
    cloudpickle.register_pickle_by_value(__import__("tests.conftest").conftest)
    eager, _ = focal_series(4, axis=0)
    lazy, _ = focal_series(4, axis=0, lazy=True, chunks=(1, 2, 40, 50))
    expected, maps = eager.classify_species(), eager.predict_species()
    with dask.config.set(scheduler=scheduler, num_workers=2):
        sites, mapped = lazy.classify_species(), lazy.predict_species()
        sites.compute()
        mapped.compute()
    same_frames(sites.data, expected.data)
    np.testing.assert_array_equal(mapped.data, maps.data)


def test_blocks_cut_no_series(network, focal_series, monkeypatch):
    signal, _ = focal_series(2, 3, axis=1)
    shapes = []
    survey = detect.survey

    def record(batch, *arguments, **more):
        shapes.append(batch.shape)
        return survey(batch, *arguments, **more)

    monkeypatch.setattr(detect, "survey", record)
    monkeypatch.setattr(frames, "_BLOCK_SIZE", signal.data[0, :, 0].nbytes)
    signal.classify_species()
    assert shapes == [(1, 3, 96, 112)] * 6


def test_maps(network, focal_series):
    signal, _ = focal_series(2, axis=0)
    maps = signal.predict_species()
    assert maps.data.shape == (2, 2, 96, 112) and maps.data.dtype == np.float32
    assert [axis.name for axis in maps.axes_manager.navigation_axes][0] == "species"
    assert maps.metadata.General.title == "Probability of Mo, S vacancy in sheet"
    assert maps.metadata.VectorMetadata.species == list(CLASSES)
    sites = signal.classify_species(threshold=0.1)
    for frame, of_frame in zip(maps.data, sites.data, strict=True):
        for y, x in np.round(of_frame[:, :2]).astype(int):
            assert frame[1, y, x] > 0.1 > frame[0, y, x]


def test_the_focal_axis(network, focal_series):
    plain, _ = focal_series(4, axis=0, name="tableau")
    by_length = plain.classify_species()
    assert network.told[-1] is None
    for axis in ("tableau", plain.axes_manager["tableau"].index_in_axes_manager):
        same_frames(plain.classify_species(focal_axis=axis).data, by_length.data)
    plain.classify_species(defoci=[-10, 20, 50])
    assert network.told[-1] == (-10, 20, 50)
    several, _ = focal_series(3, axis=1, name="tableau")
    with pytest.warns(UserWarning, match="Several navigation axes are 3 long: 'tableau'"):
        several.classify_species()
    in_pixels, _ = focal_series(units="px")
    in_pixels.classify_species()
    assert network.told[-1] is None


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"focal_axis": "time"}, ValueError, "no such axis"),
        ({"focal_axis": 7}, ValueError, "no such axis"),
        ({"focal_axis": "x"}, ValueError, "a signal axis"),
        ({"focal_axis": 0}, ValueError, "has 4 images"),
        ({"focal_axis": 1.0}, TypeError, "the name or the index"),
        ({"defoci": [1, 2]}, ValueError, "defoci has 2 numbers: expected 3"),
        ({"defoci": [1, 2, np.inf]}, ValueError, "finite"),
        ({"defoci": "under"}, TypeError, "expected a number in Å"),
    ],
)
def test_arguments_that_do_not_fit(network, focal_series, arguments, error, message):
    signal, _ = focal_series(4, axis=0)
    for method in (signal.classify_species, signal.predict_species):
        with pytest.raises(error, match=message):
            method(**arguments)


def test_images_that_make_no_series(network, spot_images, focal_series):
    with pytest.raises(ValueError, match="new_axis_name='defocus'"):
        spot_images()[0].classify_species()
    with pytest.raises(ValueError, match="No navigation axis has the 3 images"):
        spot_images(4)[0].classify_species()
    with pytest.raises(ValueError, match="'defocus' .* has 2 images"):
        focal_series()[0].inav[:2].classify_species()


def test_networks_of_the_other_kind(use, focal_series):
    signal, _ = focal_series()
    use(SeriesNetwork())
    with pytest.raises(ValueError, match="use classify_species, not find_atoms_nn"):
        signal.find_atoms_nn()
    with pytest.raises(ValueError, match="use predict_species, not predict_atoms_nn"):
        signal.predict_atoms_nn("series")
    use(SpotNetwork())
    with pytest.raises(ValueError, match="single images: use find_atoms_nn"):
        signal.classify_species()
    with pytest.raises(ValueError, match="single images: use predict_atoms_nn"):
        signal.predict_species()


def test_defoci_outside_the_domain(network, focal_series):
    signal, _ = focal_series()
    with pytest.warns(UserWarning, match="middle image is 400 Å, expected -100 to 100"):
        signal.classify_species(defoci=[360, 400, 440])
    with pytest.raises(ExtrapolationError, match="the step of defocus is 4, 4 Å"):
        signal.classify_species(defoci=[-4, 0, 4], on_extrapolation="raise")
    with pytest.warns(UserWarning, match="step of defocus"):
        signal.predict_species(defoci=[-4, 0, 4])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        signal.classify_species(defoci=[-4, 0, 4], on_extrapolation="ignore")
        signal.classify_species(defoci=[40, 0, -40])


def specks(drift):
    """Return a focal series of specks, the last image inverted and moved by px."""
    rng = np.random.default_rng(0)
    frequency = np.hypot(np.fft.fftfreq(200)[:, None], np.fft.fftfreq(200))
    spectrum = np.fft.fft2(rng.normal(size=(200, 200))) * np.exp(-((frequency * 12) ** 2))
    specks = np.fft.ifft2(spectrum).real
    specks /= specks.std()
    series = np.stack([specks, specks, -np.roll(specks, drift, axis=(0, 1))])
    signal = hs.signals.Signal2D(series)
    calibrate(signal)
    return signal


def test_misaligned_images(network):
    signal = specks((14, -6))
    with pytest.warns(UserWarning, match=r"misaligned, by up to 1\.5 Å: use align=True"):
        sites = signal.classify_species()
    np.testing.assert_allclose(sites.metadata.VectorMetadata.drift[0, 2], [14, -6], atol=0.3)
    with pytest.warns(UserWarning, match="use align=True"):
        signal.predict_species()
    lazy = signal.as_lazy().classify_species()
    with pytest.warns(UserWarning, match="use align=True"):
        lazy.compute()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        signal.classify_species(align=True)
        signal.classify_species(on_extrapolation="ignore")
        specks((2, 2)).classify_species()


def test_aligned_images_are_what_the_network_sees(network, monkeypatch):
    seen = []
    survey = detect.survey

    def record(batch, *arguments, **more):
        seen.append(batch)
        return survey(batch, *arguments, **more)

    monkeypatch.setattr(detect, "survey", record)
    signal = specks((14, -6))
    signal.classify_species(align=True)
    inner = np.s_[30:-30, 30:-30]
    np.testing.assert_allclose(seen[0][0, 2][inner], -signal.data[0][inner], atol=0.1)
    np.testing.assert_allclose(seen[0][0, 1], signal.data[1], rtol=1e-6)


def test_slices_keep_the_drift_of_their_series(network, focal_series, tmp_path):
    signal, _ = focal_series(4)
    sites = signal.classify_species()
    drift = sites.metadata.VectorMetadata.drift
    np.testing.assert_array_equal(sites.inav[1:3].metadata.VectorMetadata.drift, drift[1:3])
    sites.save(tmp_path / "sites.hspy")
    again = hs.load(tmp_path / "sites.hspy")
    same_frames(again.data, sites.data)
    np.testing.assert_array_equal(again.metadata.VectorMetadata.drift, drift)


def test_one_colour_a_species(network, focal_series, close_figures):
    rows = np.array([[y, 2.0, 0.9, 0.1, 0.1, kind] for y, kind in ((2, 0), (4, 1), (6, 0))])
    atoms = AtomPositions.from_frames(rows, sampling=0.1, species=list(CLASSES))
    colours = atoms.to_markers(by="species").kwargs["edgecolor"]
    assert colours.shape == (3, 4)
    assert (colours[0] == colours[2]).all() and (colours[0] != colours[1]).any()
    signal, _ = focal_series(4)
    signal.classify_species().plot_on(signal.inav[1, :], by="species")


def test_a_network_from_a_file(tmp_path, focal_series):
    from hyperspy_dlatoms.networks import architecture
    from hyperspy_dlatoms.networks.network import AtomNetwork

    arguments = {"widths": [8, 8], "dilations": [1], "images": 3, "heights": True}
    card = ModelCard(
        name="tiny",
        version="1",
        architecture="unet",
        arguments=arguments,
        classes=("Mo", "S", "Mo vacancy", "S vacancy"),
        sampling=0.2,
        radius=0.5,
        minimum_distance=1.0,
        threshold=0.01,
    )
    path = tmp_path / "tiny.safetensors"
    AtomNetwork.from_model(card, architecture.build(arguments, 4)).save(path)
    signal, _ = focal_series(2, lazy=True)
    sites = signal.classify_species(path)
    names = sites.metadata.VectorMetadata.column_names
    assert names[5] == "species" and names[-2:] == ["height", "height_sigma"]
    sites.compute()
    assert all(frame.shape[1] == len(names) for frame in sites.data)
    table = sites.to_dataframe()
    assert len(table) and set(table.species) <= set(card.classes)
    maps = signal.predict_species(path)
    assert maps.data.shape == (2, 4, 96, 112)
    assert maps.data.sum(axis=1).compute().max() <= 1 + 1e-5
