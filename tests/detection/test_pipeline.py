# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from hyperspy_dlatoms import MaskedPixelsWarning, SamplingWarning, registry
from hyperspy_dlatoms.detection import (
    _inference,
    agreement_maps,
    find_sites,
    pipeline,
    probability_maps,
)
from hyperspy_dlatoms.detection.pipeline import detect
from hyperspy_dlatoms.detection.sites import column_names
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.domain import DomainScore
from hyperspy_dlatoms.networks.ensemble import AtomEnsemble
from hyperspy_dlatoms.networks.network import AtomNetwork
from tests.helpers.blob_network import BlobNetwork, blobs, lattice
from tests.helpers.example import nanoparticle

SAMPLING = 0.08
EXTENT = (20.0, 26.0)


@pytest.fixture(autouse=True)
def _no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        yield


def frame_of(extent=EXTENT, sampling=SAMPLING, seed=0, **more):
    shape = tuple(round(length / sampling) for length in extent)
    truth = lattice(extent, seed=seed)
    return blobs(shape, sampling, truth, **more), truth


def assert_same_places(places, others, atol):
    assert len(places) == len(others)
    distance, index = cKDTree(others).query(places)
    assert len(set(index)) == len(index)
    assert distance.max() <= atol


@pytest.mark.parametrize("sampling", [0.03, 0.05, 0.0613, 0.08, 0.0999, 0.13, 0.2, 0.21, 0.25])
def test_positions_are_exact_at_every_sampling(network, sampling):
    frame, truth = frame_of(sampling=sampling)
    (sites,) = find_sites(frame[np.newaxis], sampling, network)
    assert sites.dtype == np.float64 and sites.shape == (len(truth), 5)
    assert_same_places(sites[:, :2] * sampling, truth, atol=0.005)
    error = sites[:, :2] * sampling - truth[cKDTree(truth).query(sites[:, :2] * sampling)[1]]
    assert np.abs(error.mean(axis=0)).max() < 0.001


def test_columns_of_the_result(network):
    frame, _ = frame_of()
    (sites,) = find_sites(frame[np.newaxis], SAMPLING, network)
    assert (np.lexsort((sites[:, 1], sites[:, 0])) == np.arange(len(sites))).all()
    np.testing.assert_allclose(sites[:, 2], 0.97, atol=1e-6)
    np.testing.assert_allclose(sites[:, 3], 0.1 * 0.2 / SAMPLING, rtol=1e-5)
    np.testing.assert_allclose(sites[:, 4], 0.2 * 0.2 / SAMPLING, rtol=1e-5)


def test_classes_are_told_apart():
    truth = lattice(EXTENT)
    heavy = np.arange(len(truth)) % 3 == 0
    frame, _ = frame_of(heights=np.where(heavy, 2.0, 1.0))
    (sites,) = find_sites(frame[np.newaxis], SAMPLING, BlobNetwork(classes=("S", "Mo")))
    assert sites.shape == (len(truth), 8)
    index = cKDTree(truth).query(sites[:, :2] * SAMPLING)[1]
    np.testing.assert_array_equal(sites[:, 5], heavy[index])
    np.testing.assert_allclose(sites[:, 6:].sum(axis=1), sites[:, 2])
    np.testing.assert_array_equal(sites[:, 6:].argmax(axis=1), sites[:, 5])


def test_heights_of_a_network_and_of_an_ensemble():
    truth = lattice(EXTENT)
    heavy = np.arange(len(truth)) % 3 == 0
    frame, _ = frame_of(heights=np.where(heavy, 2.0, 1.0))
    counts = BlobNetwork(heights=True)
    (alone,) = find_sites(frame[np.newaxis], SAMPLING, counts)
    kind = heavy[cKDTree(truth).query(alone[:, :2] * SAMPLING)[1]]
    assert alone[kind, 5].min() > alone[~kind, 5].max()
    np.testing.assert_allclose(alone[:, 6], 0.25)
    both = AtomEnsemble([counts, BlobNetwork()])
    (together,) = find_sites(frame[np.newaxis], SAMPLING, both)
    assert column_names(both.card, len(both.members))[5:] == [
        "agreement",
        "height",
        "height_sigma",
    ]
    np.testing.assert_allclose(together[:, 6:], alone[:, 5:])
    (none,) = find_sites(frame[np.newaxis], SAMPLING, both, threshold=0.98)
    assert none.shape == (0, 8)


def test_threshold(network):
    frame, truth = frame_of()
    assert len(find_sites(frame[np.newaxis], SAMPLING, network, threshold=0.96)[0]) == len(truth)
    assert len(find_sites(frame[np.newaxis], SAMPLING, network, threshold=0.98)[0]) == 0


class Doubtful(BlobNetwork):
    """Is sure of the brightest blobs only."""

    def __init__(self):
        super().__init__(heights=True)
        self.card = replace(self.card, anchor=0.9, minimum_distance=1.6)

    def maps(self, batch):
        maps = super().maps(batch)
        maps.probability[maps.height[..., 0] < 4] *= 0.6
        return maps


def with_one_bright(columns, extent, sampling):
    shape = tuple(round(length / sampling) for length in extent)
    bright = np.linalg.norm(columns - [12.0, 8.0], axis=1).argmin()
    heights = np.where(np.arange(len(columns)) == bright, 3.0, 1.0)
    return blobs(shape, sampling, columns, heights)[np.newaxis]


@pytest.mark.parametrize("gap", [False, True])
@pytest.mark.parametrize("members", [1, 2])
def test_doubtful_sites_count_where_they_are_connected_to_a_likely_one(gap, members):
    columns = lattice((24.0, 40.0))
    if gap:
        columns = columns[(columns[:, 1] < 16) | (columns[:, 1] > 20)]
    frame = with_one_bright(columns, (24.0, 40.0), 0.1)
    network = Doubtful() if members == 1 else AtomEnsemble([Doubtful() for _ in range(members)])
    (sites,) = find_sites(frame, 0.1, network)
    (every,) = find_sites(frame, 0.1, network, threshold=0.5)
    assert len(every) == len(columns)
    assert np.count_nonzero(every[:, 2] > 0.9) == 1
    expected = every[every[:, 1] < 180] if gap else every
    np.testing.assert_array_equal(sites, expected)


def test_doubtful_sites_are_connected_over_the_seams_of_tiles():
    columns = lattice((24.0, 90.0))
    frame = with_one_bright(columns, (24.0, 90.0), 0.1)
    network = Doubtful()
    (sites,) = find_sites(frame, 0.1, network, batch_pixels=128**2)
    assert len(network.shapes) > 1
    assert len(sites) == len(columns)
    assert np.count_nonzero(sites[:, 2] > 0.9) == 1


@pytest.mark.parametrize(
    "change",
    [
        np.asfortranarray,
        lambda frame: frame.astype(">f4"),
        lambda frame: frame.astype("f2"),
        lambda frame: frame.astype("u1"),
        lambda frame: (frame * 100).astype(">i4"),
        lambda frame: 1e-25 * frame,
        lambda frame: 1e30 * (frame - 500),
        lambda frame: 1e6 + frame,
    ],
)
def test_dtype_layout_gain_and_offset_do_not_matter(network, change):
    frame, _ = frame_of()
    (expected,) = find_sites(frame[np.newaxis], SAMPLING, network)
    (sites,) = find_sites(change(frame)[np.newaxis], SAMPLING, network)
    assert_same_places(sites[:, :2], expected[:, :2], atol=0.1)


def test_boolean_frame(network):
    frame, truth = frame_of()
    (sites,) = find_sites((frame > 120)[np.newaxis], SAMPLING, network)
    assert_same_places(sites[:, :2] * SAMPLING, truth, atol=0.05)


def test_flipped_and_turned_frame_gives_the_same_sites(network):
    frame, _ = frame_of()
    (expected,) = find_sites(frame[np.newaxis], SAMPLING, network)
    last = np.array(frame.shape) - 1
    (flipped,) = find_sites(frame[np.newaxis, ::-1], SAMPLING, network)
    flipped[:, 0] = last[0] - flipped[:, 0]
    assert_same_places(flipped[:, :2], expected[:, :2], atol=0.05)
    (turned,) = find_sites(np.rot90(frame)[np.newaxis], SAMPLING, network)
    turned = np.column_stack([turned[:, 1], last[1] - turned[:, 0]])
    assert_same_places(turned, expected[:, :2], atol=0.05)


def test_stack_gives_what_its_frames_give_in_batches_of_one_shape(network):
    frames = np.stack([frame_of(seed=seed)[0] for seed in range(5)])
    frames[2] = 7.0
    working = (128, 160)
    together = find_sites(frames, SAMPLING, network, batch_pixels=2 * working[0] * working[1])
    assert set(network.shapes) == {(2, *working)} and len(network.shapes) == 3
    assert together[2].shape == (0, 5)
    for frame, sites in zip(frames, together, strict=True):
        np.testing.assert_allclose(sites, find_sites(frame[np.newaxis], SAMPLING, network)[0])


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e7])
def test_bad_pixels_are_masked_and_said(network, value):
    frame, truth = frame_of()
    (expected,) = find_sites(frame[np.newaxis], SAMPLING, network)
    rng = np.random.default_rng(0)
    bad = np.stack([frame, frame])
    places = tuple(rng.integers(0, side, 20) for side in frame.shape)
    bad[1][places] = value
    with pytest.warns(MaskedPixelsWarning, match="masked: .* in 1 of 2 frames") as said:
        clean, masked = find_sites(bad, SAMPLING, network)
    assert len(said) == 1
    np.testing.assert_array_equal(clean, expected)
    assert_same_places(masked[:, :2] * SAMPLING, truth, atol=0.1)


def test_one_hot_pixel_does_not_change_the_sites(network):
    frame, _ = frame_of()
    (expected,) = find_sites(frame[np.newaxis], SAMPLING, network)
    frame[100, 150] = 1e6
    with pytest.warns(UserWarning, match="masked: 1 in this image"):
        (sites,) = find_sites(frame[np.newaxis], SAMPLING, network)
    assert_same_places(sites[:, :2], expected[:, :2], atol=0.05)


def test_sites_in_a_masked_region_are_dropped_and_the_rest_stays(network):
    frame, truth = frame_of()
    frame[:, :150] = np.nan
    with pytest.warns(UserWarning, match="masked"):
        (sites,) = find_sites(frame[np.newaxis], SAMPLING, network)
    places = sites[:, :2] * SAMPLING
    clear = truth[truth[:, 1] > 150 * SAMPLING + 1]
    assert cKDTree(places).query(clear)[0].max() < 0.05
    assert places[:, 1].min() > 150 * SAMPLING - 0.2


@pytest.mark.parametrize("value", [0, 5.5, np.nan, np.inf])
def test_constant_and_all_bad_frames_have_no_sites(network, value):
    frames = np.full((1, 60, 80), value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert find_sites(frames, SAMPLING, network)[0].shape == (0, 5)
        assert probability_maps(frames, SAMPLING, network).max() < 0.05


@pytest.mark.parametrize("shape", [(0, 0), (0, 9), (1, 1)])
@pytest.mark.parametrize("classes", [("column",), ("Mo", "S")])
def test_frames_without_room_for_an_atom(shape, classes):
    network = BlobNetwork(classes=classes)
    frames = np.ones((2, *shape))
    columns = 5 if len(classes) == 1 else 6 + len(classes)
    assert [found.shape for found in find_sites(frames, 0.1, network)] == [(0, columns)] * 2
    expected = frames.shape if len(classes) == 1 else (*frames.shape, 2)
    assert probability_maps(frames, 0.1, network).shape == expected


@pytest.mark.parametrize("shape", [(1, 2), (2, 1), (1, 500), (3, 4), (500, 2)])
def test_tiny_frames(network, shape):
    frame = np.random.default_rng(0).random(shape)
    (sites,) = find_sites(frame[np.newaxis], SAMPLING, network)
    assert sites.shape[1] == 5
    assert probability_maps(frame[np.newaxis], SAMPLING, network).shape == (1, *shape)


def test_no_frames(network):
    assert find_sites(np.empty((0, 30, 40)), 0.1, network) == []
    assert probability_maps(np.empty((0, 30, 40)), 0.1, network).shape == (0, 30, 40)


def test_frame_smaller_than_the_receptive_field():
    frame, truth = frame_of(extent=(6.0, 6.0))
    network = BlobNetwork(receptive_radius=240)
    (sites,) = find_sites(frame[np.newaxis], SAMPLING, network)
    assert_same_places(sites[:, :2] * SAMPLING, truth, atol=0.02)


def test_tiles_give_every_site_once():
    extent = (60.0, 75.0)
    frame, truth = frame_of(extent, sampling=0.2)
    network = BlobNetwork(receptive_radius=32)
    (whole,) = find_sites(frame[np.newaxis], 0.2, network)
    assert len(set(network.shapes)) == 1 and network.shapes[0][0] == 1
    (tiled,) = find_sites(frame[np.newaxis], 0.2, network, batch_pixels=128**2)
    assert network.shapes[-1][1] <= 128 and network.shapes[-1][2] <= 128
    assert_same_places(whole[:, :2] * 0.2, truth, atol=0.005)
    np.testing.assert_allclose(tiled, whole, atol=1e-5)


def test_tiles_of_an_ensemble_give_what_the_whole_gives():
    frame, truth = frame_of((60.0, 75.0), sampling=0.2)
    network = AtomEnsemble([BlobNetwork(), BlobNetwork(receptive_radius=48, blur=0.7)])
    (whole,) = find_sites(frame[np.newaxis], 0.2, network)
    (tiled,) = find_sites(frame[np.newaxis], 0.2, network, batch_pixels=160**2)
    assert all(len(set(member.shapes)) == 2 for member in network.members)
    assert network.members[0].shapes == network.members[1].shapes
    assert_same_places(whole[:, :2] * 0.2, truth, atol=0.02)
    np.testing.assert_allclose(tiled, whole, atol=1e-5)


def test_members_may_differ_in_threshold_and_distance():
    frame, truth = frame_of()
    timid, bold = BlobNetwork(), BlobNetwork()
    timid.card = replace(timid.card, threshold=0.98, minimum_distance=1.4)
    network = AtomEnsemble([timid, bold])
    (sites,) = find_sites(frame[np.newaxis], SAMPLING, network)
    assert len(sites) == len(truth) and set(sites[:, 5]) == {0.5}
    np.testing.assert_allclose(sites[:, 2], 0.97, atol=1e-6)
    (sites,) = find_sites(frame[np.newaxis], SAMPLING, network, threshold=0.9)
    assert len(sites) == len(truth) and set(sites[:, 5]) == {1.0}


def test_an_ensemble_may_have_a_threshold_of_its_own():
    frame, truth = frame_of()
    # Each gives its sites a probability of 0.97.
    for threshold, number in [(0.96, len(truth)), (0.98, 0)]:
        network = AtomEnsemble([BlobNetwork(), BlobNetwork()], threshold=threshold)
        assert network.card.threshold == threshold
        (sites,) = find_sites(frame[np.newaxis], SAMPLING, network)
        assert len(sites) == number
        (sites,) = find_sites(frame[np.newaxis], SAMPLING, network, threshold=0.9)
        assert len(sites) == len(truth)
        (sites,) = find_sites(frame[np.newaxis], SAMPLING, network, minimum_agreement=1.0)
        assert len(sites) == len(truth)


@pytest.mark.parametrize("least", [-0.1, 1.1, np.nan])
def test_refuses_an_agreement_that_is_no_fraction(network, least):
    with pytest.raises(ValueError, match="least agreement"):
        find_sites(np.zeros((1, 5, 5)), 0.1, network, minimum_agreement=least)


def test_agreement_of_one_network(network):
    with pytest.raises(TypeError, match="'blobs' is a single network"):
        agreement_maps(np.zeros((1, 5, 5)), 0.1, network)


class Judge:
    """Takes note of what it is shown."""

    def __init__(self):
        self.shown = []

    def score(self, **shown):
        self.shown.append(shown)
        return DomainScore(len(self.shown), ())


class KnowingNetwork(BlobNetwork):
    """Has a domain; its features are the means of blocks of 16 x 16 working pixels."""

    def __init__(self, **arguments):
        super().__init__(**arguments)
        self.domain = Judge()

    def infer(self, batch):
        n, h, w = batch.shape
        features = batch.reshape(n, h // 16, 16, w // 16, 16).mean(axis=(2, 4))
        return self.maps(batch), features[..., np.newaxis]


@pytest.mark.parametrize("batch_pixels", [128**2, 1536**2])
def test_domain_is_shown_each_place_of_each_frame_once(batch_pixels):
    network = KnowingNetwork()
    frames = np.stack([frame_of((60.0, 69.0), sampling=0.2, seed=seed)[0] for seed in range(2)])
    found = detect(frames, 0.2, network, batch_pixels=batch_pixels)
    assert [one.domain.score for one in found] == [1, 2]
    for shown, frame in zip(network.domain.shown, frames, strict=True):
        assert shown["sampling"] == 0.2
        assert np.corrcoef(shown["working"].ravel(), frame.ravel())[0, 1] > 0.9
        padded = np.pad(shown["working"], [(0, 20), (0, 7)], mode="symmetric")
        blocks = padded.reshape(20, 16, 22, 16).mean(axis=(1, 3))[:19]
        assert shown["features"].shape == (19 * 22, 1)
        np.testing.assert_allclose(
            np.sort(shown["features"][:, 0]), np.sort(blocks.ravel()), atol=1e-6
        )


def test_site_on_a_seam_is_reported_once_wherever_it_lies():
    network = BlobNetwork(receptive_radius=32)
    for place in np.linspace(12.0, 14.0, 21):
        # Cores of 64 working px: the first seam is at 96 px, 19.2 Å.
        truth = np.array([[place + 6.2, place + 6.2], [5.0, 8.0], [31.0, 30.0]])
        frame = blobs((192, 192), 0.2, truth)
        (sites,) = find_sites(frame[np.newaxis], 0.2, network, batch_pixels=128**2)
        assert_same_places(sites[:, :2] * 0.2, truth, atol=0.02)


def test_maps_show_the_sites_on_the_pixels_of_the_frame(network):
    frame, truth = frame_of()
    maps = probability_maps(frame[np.newaxis], SAMPLING, network)
    assert maps.dtype == np.float32 and maps.shape == (1, *frame.shape)
    y, x = np.mgrid[: frame.shape[0], : frame.shape[1]] * SAMPLING
    distance = cKDTree(truth).query(np.stack([y, x], axis=-1))[0]
    inside = (slice(None), *([slice(10, -10)] * 2))
    near, far = distance < 0.1, distance > 1.2
    assert maps[0][near].min() > 0.6 and maps[0][near].mean() > 0.9
    assert maps[inside][far[10:-10, 10:-10][np.newaxis]].max() < 0.05


def test_maps_of_tiles_are_those_of_the_whole():
    frame, _ = frame_of((60.0, 75.0), sampling=0.2, heights=1.0)
    network = BlobNetwork(classes=("S", "Mo"))
    whole = probability_maps(frame[np.newaxis], 0.2, network)
    assert whole.shape == (1, *frame.shape, 2)
    assert whole[..., 0].max() > 0.9
    single = BlobNetwork()
    whole = probability_maps(frame[np.newaxis], 0.2, single)
    tiled = probability_maps(frame[np.newaxis], 0.2, single, batch_pixels=128**2)
    np.testing.assert_allclose(tiled, whole, atol=1e-5)


@pytest.mark.parametrize("size", [(1, 700), (500, 700)])
def test_tiling_equals_the_whole_frame_with_a_real_network(size):
    import keras

    from hyperspy_dlatoms.networks.architecture import build

    arguments = {"widths": [8, 8, 8], "dilations": [1, 2]}
    card = ModelCard(
        name="random",
        version="1",
        architecture="unet",
        arguments=arguments,
        classes=("column",),
        sampling=0.2,
        radius=0.5,
        minimum_distance=1.0,
        threshold=0.5,
    )
    keras.utils.set_random_seed(0)
    network = AtomNetwork.from_model(card, build(arguments, 1))
    frame = np.random.default_rng(0).poisson(5, size)
    whole = probability_maps(frame[np.newaxis], 0.2, network)
    tiled = probability_maps(frame[np.newaxis], 0.2, network, batch_pixels=256**2)
    assert np.ptp(whole) > 0.1
    np.testing.assert_allclose(tiled, whole, atol=1e-4)
    (all_at_once,) = find_sites(frame[np.newaxis], 0.2, network)
    (in_tiles,) = find_sites(frame[np.newaxis], 0.2, network, batch_pixels=256**2)
    np.testing.assert_allclose(in_tiles, all_at_once, atol=1e-3)


def test_sampling_outside_the_domain_is_said():
    network = BlobNetwork(domain={"sampling": [0.05, 0.25]})
    frame, _ = frame_of(extent=(10.0, 10.0))
    find_sites(frame[np.newaxis], SAMPLING, network)
    for one in (network, KnowingNetwork(domain={"sampling": [0.05, 0.25]})):
        with pytest.warns(SamplingWarning, match="0.008 Å/px.*trained on images of 0.05 to 0.25"):
            find_sites(frame[np.newaxis], 0.008, one)
    detect(frame[np.newaxis], 0.008, one)


@pytest.mark.parametrize("call", [find_sites, probability_maps])
@pytest.mark.parametrize(
    ("frames", "sampling", "error", "message"),
    [
        (np.zeros((1, 5, 5), complex), 0.1, TypeError, "complex128"),
        (np.zeros((1, 5, 5), object), 0.1, TypeError, "object"),
        (np.zeros((5, 5)), 0.1, ValueError, "expected .n, H, W."),
        (np.zeros((1, 5, 5)), 0.0, ValueError, "sampling is 0.0"),
        (np.zeros((1, 5, 5)), np.nan, ValueError, "sampling is nan"),
        (np.zeros((1, 5, 5)), 2.0, ValueError, "too coarse"),
    ],
)
def test_refuses(network, call, frames, sampling, error, message):
    with pytest.raises(error, match=message):
        call(frames, sampling, network)


@pytest.mark.parametrize("threshold", [0.0, 1.0, -3, np.nan])
def test_refuses_a_threshold_that_is_no_probability(network, threshold):
    with pytest.raises(ValueError, match="threshold"):
        find_sites(np.zeros((1, 5, 5)), 0.1, network, threshold)


def test_resampling_on_an_accelerator_finds_the_same(monkeypatch):
    example = nanoparticle()
    network = registry.load("metal-nanoparticle")
    y, x = (np.array(example.counts.shape) - 200) // 2
    frames = np.stack([example.counts[y : y + 200, x : x + 210]] * 3)
    here = find_sites(frames, example.sampling, network)
    for module in (pipeline, _inference):
        monkeypatch.setattr(module, "has_accelerator", lambda: True)
    there = find_sites(frames, example.sampling, network)
    for ours, expected in zip(there, here, strict=True):
        assert len(expected) > 10
        np.testing.assert_allclose(ours[:, :2], expected[:, :2], atol=0.05)
