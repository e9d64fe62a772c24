# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
import os
import pickle
import threading

import numpy as np
import pytest
from scipy.special import softmax

from hyperspy_dlatoms.networks.architecture import HEIGHT_UNIT, LOG_SIGMA
from hyperspy_dlatoms.networks.domain import BANDS
from hyperspy_dlatoms.networks.maps import read_output
from hyperspy_dlatoms.networks.model_file import ModelFileError, read_model, write_model
from hyperspy_dlatoms.networks.network import AtomNetwork
from hyperspy_dlatoms.training.domain import fit_domain

# Filled in anew from the arguments.
OF_ARCHITECTURE = {"kind": None, "images": None, "heights": None}


@pytest.fixture(scope="module")
def network(card):
    import keras

    from hyperspy_dlatoms.networks.architecture import build

    keras.utils.set_random_seed(1)
    return AtomNetwork.from_model(card, build(card.arguments, len(card.classes)))


@pytest.fixture
def file(network, tmp_path):
    path = tmp_path / "example.safetensors"
    network.save(path)
    return path


@pytest.fixture(scope="module")
def batch():
    return np.random.default_rng(0).normal(size=(3, 64, 32)).astype(np.float32)


def test_output_is_split_into_maps():
    raw = np.random.default_rng(0).normal(0, 1, (2, 4, 5, 8)).astype(np.float32)
    maps = read_output(raw, n_classes=3)
    np.testing.assert_allclose(maps.probability, softmax(raw[..., :4], axis=-1)[..., 1:], rtol=1e-5)
    np.testing.assert_array_equal(maps.offset, raw[..., 4:6])
    sigma = np.exp(np.clip(raw[..., 6:8], *LOG_SIGMA))
    np.testing.assert_allclose(maps.sigma, sigma, rtol=1e-6)


def test_decoys_take_their_share_of_the_probability():
    raw = np.random.default_rng(0).normal(0, 1, (2, 4, 5, 9)).astype(np.float32)
    maps = read_output(raw, n_classes=2, n_decoys=2)
    right = softmax(raw[..., :5], axis=-1)[..., 1:3]
    np.testing.assert_allclose(maps.probability, right, rtol=1e-5)
    np.testing.assert_array_equal(maps.offset, raw[..., 5:7])


def test_a_network_with_decoys(card, batch, tmp_path):
    from hyperspy_dlatoms.networks.architecture import build

    arguments = card.arguments | {"decoys": ["vacancy"]}
    card = dataclasses.replace(card, arguments=arguments, **OF_ARCHITECTURE)
    model = build(arguments, 1)
    network = AtomNetwork.from_model(card, model)
    raw = np.asarray(model(batch[..., np.newaxis], training=False))
    assert raw.shape[-1] == 7
    probability = network.maps(batch).probability
    np.testing.assert_allclose(probability, softmax(raw[..., :3], axis=-1)[..., 1:2], atol=1e-5)
    network.save(tmp_path / "decoys.safetensors")
    again = AtomNetwork.load(tmp_path / "decoys.safetensors")
    np.testing.assert_allclose(again.maps(batch).probability, probability, atol=0.02)


def test_extreme_output_stays_finite():
    maps = read_output(np.array([[[[1e30, -1e30, 0, 0, 1e30, -1e30]]]], np.float32), 1)
    assert all(np.isfinite(part).all() for part in maps[:3])
    assert maps.probability == 0


def test_heights_are_the_last_two_channels():
    raw = np.random.default_rng(0).normal(0, 0.5, (1, 4, 5, 8)).astype(np.float32)
    maps = read_output(raw, n_classes=1)
    np.testing.assert_allclose(maps.height[..., 0], HEIGHT_UNIT * np.maximum(raw[..., 6], 0))
    np.testing.assert_allclose(maps.height[..., 1], HEIGHT_UNIT * np.exp(raw[..., 7]), rtol=1e-5)
    for ours, plain in zip(maps[:3], read_output(raw[..., :6], n_classes=1)[:3], strict=True):
        np.testing.assert_array_equal(ours, plain)


def test_focal_series_and_their_defoci(card, tmp_path):
    keras = pytest.importorskip("keras")
    from hyperspy_dlatoms.networks.architecture import build

    keras.utils.set_random_seed(1)
    arguments = card.arguments | {"images": 3, "heights": True}
    card = dataclasses.replace(card, arguments=arguments, **OF_ARCHITECTURE)
    network = AtomNetwork.from_model(card, build(arguments, 1))
    series = np.random.default_rng(0).normal(size=(2, 3, 32, 48)).astype(np.float32)
    known, unknown = network.maps(series, [-50, 0, 50]), network.maps(series)
    assert known.probability.shape == (2, 16, 24, 1) and known.height.shape == (2, 16, 24, 2)
    assert np.abs(known.probability - unknown.probability).max() > 1e-4
    with pytest.raises(ValueError, match=r"\(n, 3, h, w\)"):
        network.maps(series[:, 0])
    with pytest.raises(ValueError, match="expected 3 numbers"):
        network.maps(series, [0, 50])
    network.save(tmp_path / "series.safetensors")
    again = AtomNetwork.load(tmp_path / "series.safetensors")
    np.testing.assert_allclose(again.maps(series).probability, unknown.probability, atol=0.02)


def test_single_images_have_no_defoci(network, batch):
    with pytest.raises(ValueError, match="single images"):
        network.maps(batch, [50])


def test_wrong_number_of_channels_is_refused():
    with pytest.raises(ValueError, match="6 channels, expected 7 for 2 classes and 0 decoys"):
        read_output(np.zeros((1, 2, 2, 6)), n_classes=2)


def test_maps_are_the_models_output(network, batch):
    raw = np.asarray(network.model(batch[..., np.newaxis], training=False))
    maps, expected = network.maps(batch), read_output(raw, 1)
    assert maps.probability.shape == (3, 32, 16, 1)
    assert maps.offset.shape == maps.sigma.shape == (3, 32, 16, 2)
    for part, right in zip(maps[:3], expected[:3], strict=True):
        assert part.dtype == np.float32
        np.testing.assert_allclose(part, right, atol=1e-5)


@pytest.mark.parametrize("shape", [(16, 16), (1, 17, 16), (1, 16, 18)])
def test_shape_that_does_not_fit_is_refused(network, shape):
    with pytest.raises(ValueError, match="multiples of"):
        network.maps(np.zeros(shape, np.float32))


def test_threads_get_their_own_answers(network):
    rng = np.random.default_rng(0)
    batches = [rng.normal(size=(1, 32, 32)).astype(np.float32) for _ in range(6)]
    expected = [network.maps(batch).probability for batch in batches]
    answers = [None] * len(batches)

    def ask(index):
        answers[index] = network.maps(batches[index]).probability

    threads = [threading.Thread(target=ask, args=(index,)) for index in range(len(batches))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for answer, right in zip(answers, expected, strict=True):
        np.testing.assert_allclose(answer, right, atol=1e-6)


def test_saved_and_loaded_gives_the_same_maps(network, file, batch):
    loaded = AtomNetwork.load(file)
    assert loaded.card == network.card
    assert loaded.path == file
    for part, right in zip(loaded.maps(batch)[:3], network.maps(batch)[:3], strict=True):
        np.testing.assert_allclose(part, right, atol=0.02)


def test_loaded_once_until_the_file_changes(file):
    first = AtomNetwork.load(file)
    assert AtomNetwork.load(str(file)) is first
    os.utime(file, (1, 1))
    assert AtomNetwork.load(file) is first
    card, arrays = read_model(file)
    write_model(file, dataclasses.replace(card, version="2"), arrays)
    assert AtomNetwork.load(file).card.version == "2"


def test_network_of_a_file_is_pickled_by_its_path(network, file):
    loaded = AtomNetwork.load(file)
    assert len(pickle.dumps(loaded)) < 1000
    assert pickle.loads(pickle.dumps(loaded)) is loaded
    with pytest.raises(ValueError, match="only in memory"):
        pickle.dumps(network)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no model file"):
        AtomNetwork.load(tmp_path / "none.safetensors")


def test_weights_that_do_not_fit_are_refused(file, card):
    _, arrays = read_model(file)
    name = "stem/kernel"

    def load(changed, card=card):
        write_model(file, card, changed)
        return AtomNetwork.load(file)

    with pytest.raises(ModelFileError, match=f"{name} missing, none too many"):
        load({key: array for key, array in arrays.items() if key != name})
    with pytest.raises(ModelFileError, match="none missing, foreign too many"):
        load(arrays | {"foreign": np.zeros(3)})
    with pytest.raises(ModelFileError, match=f"'{name}' has shape"):
        load(arrays | {name: arrays[name][:1]})
    with pytest.raises(ModelFileError, match="architecture 'transformer'.*update"):
        load(arrays, dataclasses.replace(card, architecture="transformer"))
    with pytest.raises(ModelFileError, match="can be built"):
        load(arrays, dataclasses.replace(card, arguments={"colour": 3}))


def test_a_negative_variance_is_refused(file, card):
    _, arrays = read_model(file)
    name = next(name for name in arrays if name.endswith("moving_variance"))
    write_model(file, card, arrays | {name: -arrays[name]})
    with pytest.raises(ModelFileError, match=f"{name}'.*negative.*again"):
        AtomNetwork.load(file)


def test_another_stride_than_that_of_the_architecture_is_refused(file, card):
    _, arrays = read_model(file)
    write_model(file, dataclasses.replace(card, stride=4), arrays)
    with pytest.raises(ModelFileError, match="stride 4.*expected 2"):
        AtomNetwork.load(file)


def test_weights_are_named_the_same_for_every_model(network, card):
    from hyperspy_dlatoms.networks.architecture import build

    names = [variable.path for variable in network.model.weights]
    assert len(set(names)) == len(names)
    assert [variable.path for variable in build(card.arguments, 1).weights] == names


@pytest.mark.parametrize(
    "arguments",
    [
        {"widths": [10**6, 10**6]},
        {"widths": [8] * 9},
        {"dilations": [10**9]},
        {"images": 10**9},
        {"widths": [8] * 3000},
    ],
)
def test_a_card_that_asks_for_more_than_the_file_holds_is_refused(file, card, arguments):
    _, arrays = read_model(file)
    card = dataclasses.replace(card, arguments=card.arguments | arguments, **OF_ARCHITECTURE)
    write_model(file, card, arrays)
    with pytest.raises(ModelFileError, match="does not match its card"):
        AtomNetwork.load(file)


def test_look_gives_the_maps_and_the_features_of_each_coarse_cell(network, batch):
    maps, features = network.infer(batch)
    for part, right in zip(maps[:3], network.maps(batch)[:3], strict=True):
        np.testing.assert_array_equal(part, right)
    assert features.dtype == np.float32
    assert features.shape[:3] == (3, 64 // network.grid_multiple, 32 // network.grid_multiple)
    again = network.infer(batch[1:2])[1]
    np.testing.assert_allclose(again[0], features[1], atol=1e-5)


def test_domain_is_kept_in_the_file(network, card, batch, tmp_path):
    rng = np.random.default_rng(0)
    size = network.infer(batch)[1].shape[-1] + 3 + 2 * BANDS
    inside, outside = rng.uniform(0, 1, (60, size)), rng.uniform(2, 3, (60, size))
    domain = fit_domain(inside, outside, inside, (0.05, 0.25))
    assert network.domain is None
    path = tmp_path / "with-domain.safetensors"
    AtomNetwork.from_model(card, network.model, domain).save(path)
    loaded = AtomNetwork.load(path)
    np.testing.assert_allclose(loaded.domain.rate(outside), domain.rate(outside), rtol=1e-6)
    loaded.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()
    frame = batch[0]
    features = network.infer(frame[None])[1].reshape(-1, size - 3 - 2 * BANDS)
    shown = {"sampling": 0.1, "working": frame, "features": features}
    assert loaded.domain.score(**shown).score == pytest.approx(domain.score(**shown).score)


def test_domain_of_a_newer_or_damaged_file_is_refused(file, card):
    _, arrays = read_model(file)
    write_model(file, card, arrays | {"domain/votes": np.ones(3)})
    with pytest.raises(ModelFileError, match="domain has the arrays.*update"):
        AtomNetwork.load(file)


def test_an_unknown_precision(file):
    with pytest.raises(ValueError, match="'half': expected one of float32, bfloat16"):
        AtomNetwork.load(file, "half")
