# SPDX-License-Identifier: GPL-3.0-or-later
"""Focal series, from the user's side."""

from __future__ import annotations

import warnings

import dask
import hyperspy.api as hs
import numpy as np
import pandas as pd
import pytest
from scipy import ndimage
from scipy.spatial import cKDTree

from hyperspy_dlatoms import AtomEnsemble, AtomPositions, ExtrapolationError, LazyAtomPositions
from hyperspy_dlatoms.detection import pipeline
from hyperspy_dlatoms.networks import architecture
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.model_file import write_model
from hyperspy_dlatoms.signals import _axes, _blocks
from hyperspy_dlatoms.signals._quality import check_defoci
from tests.helpers.handle import Handle
from tests.helpers.same_frames import same_frames
from tests.helpers.spot_network import SpotNetwork
from tests.helpers.spot_series_network import CLASSES, SpotSeriesNetwork
from tests.helpers.spots import calibrate

# The contrast of the three images.
GAINS = (-0.5, 0.5, 0.5)


@pytest.fixture
def use(monkeypatch):
    """Make every model the network, or the ensemble of the networks, that are given."""

    def use(*networks):
        network = AtomEnsemble(networks, "team") if len(networks) > 1 else networks[0]
        cards = tuple(one.card for one in networks) if len(networks) > 1 else ()
        model = _blocks.Model(Handle(network), network.card, cards)
        monkeypatch.setattr(_blocks, "resolve", lambda model_: model)
        return networks[0]

    return use


@pytest.fixture
def network(use):
    return use(SpotSeriesNetwork())


@pytest.fixture
def series(spot_images):
    """Make focal series of spots, and the true positions."""

    def make(*navigation_shape, axis=-1, name="defocus", lazy=False, chunks=None, **axis_options):
        single, truth = spot_images(*navigation_shape)
        parts = np.stack([10 + gain * single.data for gain in GAINS])
        position = len(navigation_shape) + 1 + axis
        data = np.moveaxis(parts, 0, position).astype(np.float32)
        signal = hs.signals.Signal2D(data)
        calibrate(signal)
        signal.metadata.General.title = "sheet"
        focal = signal.axes_manager._axes[position]
        focal.name = name
        for option, value in axis_options.items():
            setattr(focal, option, value)
        if lazy:
            signal = signal.as_lazy()
            signal.data = signal.data.rechunk(chunks or (1,) * (data.ndim - 2) + (40, 50))
        return signal, truth

    return make


def computed(result):
    if result._lazy:
        result.compute()
    return result


def test_atoms_of_a_series(network, series):
    signal, truth = series()
    sites = signal.classify_species()
    assert type(sites) is AtomPositions and sites.axes_manager.navigation_shape == ()
    (found,) = sites.data
    true = truth[()]
    np.testing.assert_allclose(found[:, :2], true[np.lexsort(true.T[::-1])], atol=0.5)
    vectors = sites.metadata.VectorMetadata
    assert vectors.column_names[5:] == [
        "species",
        "probability_Mo",
        "probability_S",
        "probability_S_vacancy",
    ]
    assert vectors.model == "series" and vectors.image_shape == [96, 112]
    assert vectors.focal_axis == 0 and vectors.align is False and not vectors.has_item("defoci")
    table = sites.to_dataframe()
    assert set(table.species) == {"S vacancy"}
    np.testing.assert_allclose(table.probability_S_vacancy, 0.7, atol=0.01)
    np.testing.assert_allclose(table.y, -2 + 0.01 * table.y_px)
    assert network.told == [None]
    assert network.signs[0].tolist() == np.sign(GAINS).tolist()


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("axis", [-1, -2, -3])
def test_a_movie_of_series(network, series, axis, lazy):
    signal, truth = series(2, 4, axis=axis, lazy=lazy)
    sites = signal.classify_species()
    assert type(sites) is (LazyAtomPositions if lazy else AtomPositions)
    assert sites.axes_manager.navigation_shape == (4, 2)
    computed(sites)
    for found, true in zip(sites.data.ravel(), truth.ravel(), strict=True):
        np.testing.assert_allclose(found[:, :2], true[np.lexsort(true.T[::-1])], atol=0.5)
    assert sites.metadata.VectorMetadata.drift.shape == (2, 4, 3, 2)
    assert sites.inav[1, 0].metadata.VectorMetadata.drift.shape == (1, 3, 2)
    assert sites.inav[1:3, :].metadata.VectorMetadata.drift.shape == (2, 2, 3, 2)


def test_vacancies_of_lazy_sites(network, series):
    signal, _ = series(2, lazy=True)
    lazy = signal.classify_species()
    eager = computed(signal.classify_species())
    rates = {"S vacancy": {"recall": 0.8, "false_per_site": 0.005}}
    table = lazy.vacancy_statistics(rates=rates)
    assert (table.found > 0).all()
    pd.testing.assert_frame_equal(table, eager.vacancy_statistics(rates=rates))
    pd.testing.assert_frame_equal(lazy.vacancy_pairs(), eager.vacancy_pairs())
    assert lazy._lazy


def test_block_by_block(network, series, monkeypatch):
    signal, _ = series(2, 5, lazy=True)
    shapes = []

    def record(stack, *arguments, **more):
        shapes.append(stack.shape)
        return real(stack, *arguments, **more)

    real = pipeline.detect
    monkeypatch.setattr(pipeline, "detect", record)
    monkeypatch.setattr(_axes, "_BLOCK_SIZE", 2 * signal.data[0, 0].nbytes)
    sites = signal.classify_species()
    assert shapes == []
    sites.compute()
    assert sum(shape[0] for shape in shapes) == 10
    assert max(shape[0] for shape in shapes) <= 2
    assert {shape[1:] for shape in shapes} == {(3, 96, 112)}


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("navigation", [(), (2,), (2, 4)])
def test_maps(network, series, navigation, lazy):
    signal, truth = series(*navigation, axis=-1 - len(navigation), lazy=lazy)
    maps = computed(signal.predict_species())
    assert type(maps) is hs.signals.Signal2D and maps.data.dtype == np.float32
    assert maps.data.shape == (*navigation, 3, 96, 112)
    axes = maps.axes_manager
    assert axes.navigation_axes[0].name == "species"
    assert axes.signal_axes[0].get_axis_dictionary() == (
        signal.axes_manager.signal_axes[0].get_axis_dictionary()
    )
    assert maps.metadata.VectorMetadata.species == list(CLASSES)
    assert maps.metadata.General.title == "Probability of Mo, S, S vacancy in sheet"
    assert maps.metadata.Signal.quantity == "Probability"
    for index in np.ndindex(truth.shape):
        pixels = tuple(np.round(truth[index]).astype(int).T)
        assert (maps.data[index][2][pixels] > 0.1).all()
    assert maps.data[..., 0, :, :].max() < 0.1


def test_which_axis_is_the_focal_one(network, series):
    expected, _ = series(4)
    expected = expected.classify_species().data
    for axis, name, asked in (
        (-1, "Defocus", None),
        (-2, "FOCUS", None),
        (-2, "z", None),
        (-1, "z", "z"),
        (-1, "z", 0),
        (-2, "z", 1),
    ):
        signal, _ = series(4, axis=axis, name=name)
        same_frames(signal.classify_species(focal_axis=asked).data, expected)


def test_of_equal_axes_the_fastest_is_taken(network, series):
    signal, _ = series(3, name="z")
    expected = signal.classify_species(focal_axis="z")
    with pytest.warns(UserWarning, match=r"'z' \(index 0, 3 long\) is taken as the focal axis"):
        sites = signal.classify_species()
    same_frames(sites.data, expected.data)
    signal.axes_manager[1].name = "defocus"
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        # The name decides, although it is wrong.
        assert signal.classify_species(on_extrapolation="ignore").metadata.VectorMetadata.focal_axis


def test_axes_that_do_not_fit(network, series):
    signal, _ = series(4)
    for bad, message in (
        ("time", "focal_axis is 'time': there is no such axis. The navigation axes are 'defocus'"),
        (7, "focal_axis is 7: there is no such axis"),
        ("x", "focal_axis is 'x', a signal axis"),
        (-1, "focal_axis is -1, a signal axis"),
        (1, r"\(index 1, 4 long\), has 4 images: 'series' takes focal series of 3"),
    ):
        with pytest.raises(ValueError, match=message):
            signal.classify_species(focal_axis=bad)
    with pytest.raises(TypeError, match="focal_axis is 1.5: expected the name or the index"):
        signal.classify_species(focal_axis=1.5)
    short = signal.inav[:2]
    with pytest.raises(ValueError, match=r"'defocus' \(index 0, 2 long\), has 2 images"):
        short.predict_species()
    short.axes_manager[0].name = "z"
    with pytest.raises(ValueError, match="No navigation axis has the 3 images.*'z'"):
        short.classify_species()
    with pytest.raises(ValueError, match="has no navigation axes: 'series' takes focal series"):
        signal.inav[0, 0].classify_species()
    signal.axes_manager[1].name = "focus"
    with pytest.raises(ValueError, match="2 axes called defocus or focus: give focal_axis"):
        signal.classify_species()


def test_networks_of_the_other_kind(network, use, spot_images, series):
    single, _ = spot_images(3)
    for method, better in (
        (single.find_atoms_nn, "classify_species"),
        (single.predict_atoms_nn, "predict_species"),
    ):
        with pytest.raises(ValueError, match=f"'series' takes focal.*3 images: use {better}"):
            method("series")
    use(SpotSeriesNetwork(name="a"), SpotSeriesNetwork(name="b"))
    with pytest.raises(ValueError, match="'team' takes focal series of 3 images"):
        single.ensemble_agreement("team")
    use(SpotNetwork())
    signal, _ = series()
    for method, better in (
        (signal.classify_species, "find_atoms_nn"),
        (signal.predict_species, "predict_atoms_nn"),
    ):
        with pytest.raises(ValueError, match=f"'spots' takes single images: use {better}"):
            method("spots")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"units": "nm", "scale": 4, "offset": -4}, [-40, 0, 40]),
        ({"units": "Å", "scale": -40, "offset": 60}, [60, 20, -20]),
        ({"units": "s", "scale": 4}, None),
        ({"units": "nm", "scale": 4, "name": "focus"}, None),
        ({"scale": 4}, None),
    ],
)
def test_defoci_of_the_axis(network, series, options, expected):
    signal, _ = series(2, **options)
    sites = signal.classify_species()
    assert network.told[0] == (None if expected is None else pytest.approx(expected))
    stored = sites.metadata.get_item("VectorMetadata.defoci")
    assert stored == (None if expected is None else pytest.approx(expected))


def test_defoci_of_an_axis_that_is_not_uniform(network, series):
    signal, _ = series(2, units="nm")
    signal.axes_manager[0].convert_to_non_uniform_axis()
    signal.axes_manager[0].axis = np.array([-4.0, 0.5, 5.0])
    signal.classify_species()
    assert network.told[0] == pytest.approx((-40, 5, 50))


def test_defoci_given_win(network, series):
    signal, _ = series(2, units="nm", scale=4)
    signal.classify_species(defoci=np.array([50, 0, -50]))
    signal.predict_species(defoci=[50, 0, -50])
    assert network.told == [(50, 0, -50)] * 2
    with pytest.raises(ValueError, match="defoci has 2 numbers: expected 3"):
        signal.classify_species(defoci=[1, 2])
    with pytest.raises(ValueError, match="expected a finite number in Å for each image"):
        signal.classify_species(defoci=[1, 2, np.nan])
    with pytest.raises(TypeError, match="defoci is 'near'"):
        signal.classify_species(defoci="near")


@pytest.mark.parametrize(
    ("steps", "defoci", "warned"),
    [
        ([-90, 90], (-4, 0, 4), True),
        ([-90, 90], (-15, 0, 15), False),
        ([-90, 90], (0, 0, 0), False),
        ([-10, 10], (-4, 0, 4), False),
    ],
)
def test_defoci_in_nanometres(steps, defoci, warned):
    card = SpotSeriesNetwork(domain={"defocus": [-100, 100], "defocus_step": steps}).card
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check_defoci(defoci, card, "warn")
    texts = [str(one.message) for one in caught]
    assert ["within 8 Å of each other, as if given in nm" in one for one in texts] == (
        [True] * warned
    )


@pytest.mark.parametrize(
    ("defoci", "reason"),
    [
        ((-40, 0, 40), None),
        ((40, 0, -40), None),
        ((60, 100, 140), None),
        ((80, 120, 160), "the defocus of the middle image is 120 Å, expected -100 to 100 Å"),
        (
            (10, 0, -10),
            "the step of defocus is -10, -10 Å, expected 30 to 60 Å in either direction",
        ),
        ((-40, 0, 90), "the step of defocus is 90 Å"),
    ],
)
def test_defoci_outside_the_domain(use, series, defoci, reason):
    use(SpotSeriesNetwork(domain={"defocus": [-100, 100], "defocus_step": [30, 60]}))
    signal, _ = series()
    methods = (signal.classify_species, signal.predict_species)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        signal.classify_species(defoci=defoci, on_extrapolation="ignore")
        if reason is None:
            for method in methods:
                method(defoci=defoci)
            signal.classify_species(defoci=defoci, on_extrapolation="raise")
    if reason is not None:
        for method in methods:
            with pytest.warns(UserWarning, match=reason):
                method(defoci=defoci)
        with pytest.raises(ExtrapolationError, match=reason):
            signal.classify_species(defoci=defoci, on_extrapolation="raise")


def test_ensemble_of_series(use, series):
    domains = ({"defocus": [-100, 100]}, {"defocus": [-50, 200]})
    members = [SpotSeriesNetwork(domain=domain, name=str(domain)) for domain in domains]
    use(*members)
    signal, truth = series(2)
    sites = signal.classify_species(defoci=(0, 10, 20), minimum_agreement=1)
    assert sites.metadata.VectorMetadata.column_names[5:7] == ["species", "agreement"]
    assert set(sites.to_dataframe().agreement) == {1.0}
    assert [len(frame) for frame in sites.data] == [len(true) for true in truth]
    assert all(set(member.told) == {(0, 10, 20)} for member in members)
    with pytest.warns(UserWarning, match="is 150 Å, expected -50 to 100 Å"):
        signal.classify_species(defoci=(140, 150, 160))


@pytest.fixture
def drifted(spot_images):
    """Make series of spots whose first image has drifted; and where the spots of the middle are."""

    def make(*navigation_shape, drift=(14.0, -9.0), lazy=False):
        single, truth = spot_images(*navigation_shape)
        # Something that repeats nowhere tells the shift for sure.
        rough = np.random.default_rng(2).normal(size=single.data.shape)
        still = single.data + ndimage.gaussian_filter(rough, (0,) * len(navigation_shape) + (4, 4))
        moved = ndimage.shift(still, (0,) * len(navigation_shape) + drift, mode="reflect")
        signal = hs.signals.Signal2D(np.stack([moved, still, still], -3))
        calibrate(signal, sampling=0.2)
        return signal.as_lazy() if lazy else signal, truth

    return make


@pytest.mark.parametrize("lazy", [False, True])
def test_misaligned_images_are_said(network, drifted, lazy):
    signal, _ = drifted(4, lazy=lazy)
    with pytest.warns(
        UserWarning, match=r"of 4 of 4 focal series seem.*3\.[234] Å: use align"
    ) as said:
        sites = computed(signal.classify_species())
    assert len(said) == 1
    drift = sites.metadata.VectorMetadata.drift
    np.testing.assert_allclose(drift[:, 0], [[14, -9]] * 4, atol=1)
    np.testing.assert_allclose(drift[:, 1:], 0, atol=0.5)
    with pytest.warns(UserWarning, match="seem to be misaligned"):
        computed(signal.predict_species())
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        computed(signal.classify_species(on_extrapolation="ignore"))


@pytest.mark.parametrize("lazy", [False, True])
def test_aligned_images(network, drifted, lazy):
    straight, _ = drifted(2, drift=(0.0, 0.0))
    expected = straight.classify_species()
    signal, _ = drifted(2, lazy=lazy)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        sites = computed(signal.classify_species(align=True))
        maps = computed(signal.predict_species(align=True))
    assert sites.metadata.VectorMetadata.align is True
    for found, wanted in zip(sites.data, expected.data, strict=True):
        # Where the first image does not reach there is less to see.
        inside = wanted[(wanted[:, 0] < 76) & (wanted[:, 1] > 15)]
        near = cKDTree(found[:, :2]).query(inside[:, :2])[0] < 1
        assert near.sum() >= len(near) - 1 > 1
    assert np.abs(maps.data - straight.predict_species().data)[..., 2, 10:75, 20:100].mean() < 0.01


def test_of_maps_it_is_said_where_uncertain_shifts_are_recorded(network, series):
    signal, _ = series()
    with pytest.warns(UserWarning, match="uncertain: .*drift of the sites that `classify_species`"):
        maps = signal.predict_species(align=True)
    assert not maps.metadata.has_item("VectorMetadata.drift")


def test_saved_and_loaded(network, series, tmp_path):
    signal, _ = series(2, units="nm", scale=4)
    sites = signal.classify_species()
    sites.save(tmp_path / "sites.hspy")
    for lazy in (False, True):
        loaded = computed(hs.load(tmp_path / "sites.hspy", lazy=lazy))
        same_frames(loaded.data, sites.data)
        vectors = loaded.metadata.VectorMetadata
        np.testing.assert_array_equal(vectors.drift, sites.metadata.VectorMetadata.drift)
        assert vectors.defoci == [0, 40, 80] and vectors.focal_axis == 0
        assert loaded.inav[1].metadata.VectorMetadata.drift.shape == (1, 3, 2)


def test_plots(network, series, close_figures):
    signal, _ = series()
    sites = signal.classify_species()
    sites.plot_on(signal.inav[1], by="species")
    with pytest.raises(ValueError, match="of focal series, one image each"):
        sites.plot_on(signal)
    movie, _ = series(4)
    movie.classify_species().plot_on(movie.inav[1, :], by="species")
    atoms = AtomPositions.from_frames(
        np.array([[1, 1, 0.9, 0, 0, 0], [2, 2, 0.9, 0, 0, 1], [3, 3, 0.9, 0, 0, 0]]),
        sampling=0.1,
        species=["Mo", "S"],
    )
    one, other, third = atoms.to_markers(by="species").kwargs["edgecolor"]
    assert one.tolist() == third.tolist() != other.tolist()


@pytest.mark.slow
@pytest.mark.parametrize("scheduler", ["threads", "processes"])
def test_chunks_and_schedulers_change_nothing(network, series, scheduler, process_pool):
    eager, _ = series(4, axis=-2)
    lazy, _ = series(4, axis=-2, lazy=True, chunks=(1, 2, 40, 50))
    expected, maps = eager.classify_species(), eager.predict_species()
    pool = process_pool if scheduler == "processes" else None
    with dask.config.set(scheduler=scheduler, num_workers=2, pool=pool):
        sites, mapped = lazy.classify_species(), lazy.predict_species()
        sites.compute()
        mapped.compute()
    same_frames(sites.data, expected.data)
    np.testing.assert_array_equal(mapped.data, maps.data)
    assert sites.species_counts()["S vacancy"].sum() == sum(map(len, expected.data))


def specks(drift):
    """Return a focal series of specks, the last image inverted and moved by px."""
    rng = np.random.default_rng(0)
    frequency = np.hypot(np.fft.fftfreq(200)[:, None], np.fft.fftfreq(200))
    spectrum = np.fft.fft2(rng.normal(size=(200, 200))) * np.exp(-((frequency * 12) ** 2))
    specks = np.fft.ifft2(spectrum).real
    specks /= specks.std()
    signal = hs.signals.Signal2D(np.stack([specks, specks, -np.roll(specks, drift, axis=(0, 1))]))
    calibrate(signal)
    return signal


def test_drift_of_an_image_of_inverted_contrast(network):
    signal = specks((14, -6))
    with pytest.warns(UserWarning, match=r"misaligned, by up to 1\.5 Å: use align=True"):
        sites = signal.classify_species()
    np.testing.assert_allclose(sites.metadata.VectorMetadata.drift[0, 2], [14, -6], atol=0.3)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        signal.classify_species(align=True)
        specks((2, 2)).classify_species()


def test_aligned_images_are_what_the_network_sees(network, monkeypatch):
    seen = []
    real = pipeline.detect

    def record(batch, *arguments, **more):
        seen.append(batch)
        return real(batch, *arguments, **more)

    monkeypatch.setattr(pipeline, "detect", record)
    signal = specks((14, -6))
    signal.classify_species(align=True)
    inner = np.s_[30:-30, 30:-30]
    np.testing.assert_allclose(seen[0][0, 2][inner], -signal.data[0][inner], atol=0.1)
    np.testing.assert_allclose(seen[0][0, 1], signal.data[1], rtol=1e-6)


@pytest.mark.parametrize("method", ["classify_species", "predict_species"])
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"focal_axis": "time"}, ValueError, "no such axis"),
        ({"focal_axis": "x"}, ValueError, "a signal axis"),
        ({"focal_axis": 1}, ValueError, "has 4 images"),
        ({"focal_axis": 1.0}, TypeError, "the name or the index"),
        ({"defoci": [1, 2]}, ValueError, "defoci has 2 numbers: expected 3"),
        ({"defoci": [1, 2, np.inf]}, ValueError, "finite"),
        ({"defoci": "under"}, TypeError, "expected a number in Å"),
    ],
)
def test_arguments_that_do_not_fit(network, series, method, arguments, error, message):
    signal, _ = series(4)
    with pytest.raises(error, match=message):
        getattr(signal, method)(**arguments)


@pytest.fixture
def file(tmp_path):
    """A network of random weights in a file."""
    arguments = {"widths": [8, 8], "dilations": [1], "images": 3, "heights": True}
    card = ModelCard(
        name="random",
        version="1",
        architecture="unet",
        arguments=arguments,
        classes=("Mo", "S", "Mo vacancy", "S vacancy"),
        sampling=0.2,
        radius=0.5,
        minimum_distance=1.0,
        threshold=0.15,
    )
    import keras

    keras.utils.set_random_seed(3)
    model = architecture.build(arguments, 4)
    arrays = {one.path: keras.ops.convert_to_numpy(one) for one in model.weights}
    write_model(tmp_path / "random.safetensors", card, arrays)
    return tmp_path / "random.safetensors"


@pytest.mark.slow
def test_a_real_network_on_threads_and_processes(file, series, process_pool):
    signal, _ = series(2, 2, units="nm", scale=4, lazy=True, chunks=(1, 1, 1, 96, 112))
    results = []
    for scheduler, pool in (("threads", None), ("processes", process_pool)):
        with dask.config.set(scheduler=scheduler, num_workers=2, pool=pool):
            results.append(computed(signal.classify_species(file)))
    assert results[0].metadata.VectorMetadata.column_names[-6:] == [
        "probability_Mo",
        "probability_S",
        "probability_Mo_vacancy",
        "probability_S_vacancy",
        "height",
        "height_sigma",
    ]
    assert len(results[0].to_dataframe()) > 0
    for one, other in zip(*(result.data.ravel() for result in results), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
    unknown = signal.classify_species(file, focal_axis="defocus", defoci=[300, 0, -300])
    assert not np.array_equal(computed(unknown).data[0, 0][:3], results[0].data[0, 0][:3])
    eager = signal.deepcopy()
    eager.compute()
    maps = eager.predict_species(file)
    np.testing.assert_allclose(computed(signal.predict_species(file)).data, maps.data, atol=1e-4)
    assert maps.data.shape == (2, 2, 4, 96, 112)
