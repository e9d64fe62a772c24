# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hyperspy_dlatoms.networks.domain import (
    BANDS,
    Domain,
    DomainScore,
    _beyond_recorded,
    describe,
    signal_to_noise,
    spectrum,
)
from hyperspy_dlatoms.networks.resampling import resample

CHANNELS = 6
SIZE = CHANNELS + 3 + 2 * BANDS
NOISE = np.random.default_rng(0).normal(size=(160, 160)).astype(np.float32)


def features(texture, site=0.8, cells=100):
    """Cells of an image: the texture in the first channel, sites seen in the last three."""
    out = np.random.default_rng(1).normal(0, 0.1, (cells, CHANNELS)).astype(np.float32)
    out[:, 0] += texture
    out[:, -3:] = site / 4, site * (1 - site) / 4, site
    return out


@pytest.fixture
def domain():
    """Know images of texture 0, and that those of texture 1 are outside."""
    centre = describe(NOISE, features(0.0))
    projection = np.zeros((SIZE, 2), np.float32)
    projection[0, 0] = 1
    return Domain(
        sampling=np.array([0.03, 0.26]),
        centre=centre,
        scale=np.ones(SIZE),
        projection=projection,
        examples=np.array([[0.0, 0.0], [1.0, 0.0]]),
        votes=np.array([-1.0, 1.0]),
        reach=np.array([0.2]),
        whitening=np.eye(2 * BANDS),
        usual=np.array([-0.5, -3.0, -2.0, -9.0]),
        limits=np.array([0.0, 1.0, 1.0, 9.0]),
    )


def test_an_image_like_those_inside_is_inside(domain):
    verdict = domain.score(sampling=0.1, working=NOISE, features=features(0.0))
    assert 0 < verdict.score < 1
    assert verdict.reasons == ()


@pytest.mark.parametrize("texture", [1.0, 4.0], ids=["known to be outside", "unlike all"])
def test_texture(domain, texture):
    score, reasons, _ = domain.score(sampling=0.1, working=NOISE, features=features(texture))
    assert score > 1
    (reason,) = reasons
    assert "texture" in reason


def recorded(sampling):
    """Noise as it is recorded at some sampling, on the grid of the network."""
    pixels = np.random.default_rng(2).normal(size=(round(40 / sampling),) * 2).astype(np.float32)
    working = resample(pixels, sampling, 0.2)[0] if sampling > 0.2 else NOISE
    return working / working.std()


@pytest.mark.parametrize("sampling, ratio", [(0.02, 0.03 / 0.02), (0.52, 2.0), (0.27, 0.27 / 0.26)])
def test_sampling(domain, sampling, ratio):
    working = recorded(sampling)
    score, reasons, _ = domain.score(sampling=sampling, working=working, features=features(0.0))
    assert (score > 1) == bool(reasons) == (ratio > 1.1)
    if reasons:
        assert score == pytest.approx(ratio / 1.1)
        assert reasons == ("sampling outside 0.03-0.26 Å/px",)


@pytest.mark.parametrize("sampling", [0.3, 0.4, 0.55])
def test_coarse_noise_is_like_fine_noise(sampling):
    power, spots = np.split(_beyond_recorded(spectrum(recorded(sampling)), sampling), 2)
    assert power == pytest.approx(np.zeros(BANDS), abs=0.4)
    assert spots[3:] == pytest.approx(np.full(BANDS - 3, np.log(2) / 2), abs=0.15)
    assert np.ptp(spectrum(recorded(sampling))[:BANDS]) > 2


def test_the_spectrum_of_a_fine_image_is_its_own():
    own = spectrum(NOISE)
    assert _beyond_recorded(own, 0.1) is own


def test_contrast_transfer(domain):
    blurred = np.cumsum(np.cumsum(NOISE, axis=0), axis=1).astype(np.float32)
    reasons = domain.score(sampling=0.1, working=blurred, features=features(0.0)).reasons
    assert any("contrast transfer" in reason for reason in reasons)


def test_sites_where_nothing_can_be_seen(domain):
    domain = replace(domain, limits=np.array([0.0, 1.0, 1.0, 2.0]))
    seen = domain.score(sampling=0.1, working=NOISE, features=features(0.0, site=0.8))
    unseen = domain.score(sampling=0.1, working=NOISE, features=features(0.0, site=0.0))
    assert any("too little signal" in reason for reason in seen.reasons)
    assert not any("too little signal" in reason for reason in unseen.reasons)


def test_of_a_blank_image_only_the_sampling_is_judged(domain):
    blank = np.zeros((32, 32), np.float32)
    verdict = domain.score(sampling=0.1, working=blank, features=features(9.0))
    assert verdict == DomainScore(0.0, ())
    assert domain.score(sampling=0.9, working=blank, features=features(9.0)).score > 1


def test_features_of_another_network_are_refused(domain):
    with pytest.raises(ValueError, match="another network"):
        domain.score(sampling=0.1, working=NOISE, features=np.ones((4, CHANNELS + 1)))


def test_cells_with_sites_describe_an_image():
    empty, full = features(0.0, site=0.0), features(1.0, site=1.0, cells=5)
    described = describe(NOISE, np.concatenate([empty, full]))
    assert described.shape == (SIZE,)
    # Five cells of a hundred and five, but 5.1 of the weight of 7.1.
    assert described[0] == pytest.approx(5.1 / 7.1, abs=0.1)
    assert described[CHANNELS + 2] == pytest.approx(5 / 105)
    np.testing.assert_array_equal(described[-2 * BANDS :], spectrum(NOISE))


def test_arrays_of_a_file(domain):
    arrays = domain.to_arrays()
    assert all(name.startswith("domain/") for name in arrays)
    again = Domain.from_arrays({"kernel": np.ones(3)} | arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(again.to_arrays()[name], array)
    assert Domain.from_arrays({"kernel": np.ones(3)}) is None


def test_whether_an_image_was_scanned(domain):
    shown = {"sampling": 0.1, "working": NOISE}
    assert domain.score(**shown, features=features(0.0)).scanned is None
    weights = np.zeros(SIZE + 1)
    weights[0], weights[-1] = 2.0, -1.0
    told = Domain.from_arrays(domain.to_arrays() | {"domain/scanned": weights})
    assert told.score(**shown, features=features(0.0)).scanned == pytest.approx(1 / (1 + np.e))
    # Of one texture more, the odds are e² times that.
    scanned = told.score(**shown, features=features(1.0)).scanned
    assert scanned == pytest.approx(np.e / (1 + np.e), abs=0.02)
    assert told.score(sampling=0.1, working=0 * NOISE, features=features(0.0)).scanned is None


def test_other_or_damaged_arrays_are_refused(domain):
    arrays = domain.to_arrays()
    with pytest.raises(ValueError, match="update"):
        Domain.from_arrays({name: a for name, a in arrays.items() if "votes" not in name})
    with pytest.raises(ValueError, match="update"):
        Domain.from_arrays(arrays | {"domain/colour": np.ones(1)})
    with pytest.raises(ValueError, match="damaged, the array 'votes'"):
        Domain.from_arrays(arrays | {"domain/votes": np.ones(3)})
    with pytest.raises(ValueError, match="damaged, the array 'scanned'"):
        Domain.from_arrays(arrays | {"domain/scanned": np.ones(3)})
    with pytest.raises(ValueError, match="damaged, the array 'examples'"):
        Domain.from_arrays(arrays | {"domain/examples": np.ones((2, 3))})


def white(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def grating(shape, frequency, angle=0.5):
    y, x = np.indices(shape)
    phase = 2 * np.pi * frequency * (x * np.cos(angle) + y * np.sin(angle))
    return (np.sqrt(2) * np.sin(phase)).astype(np.float32)


def series_of_lattices(strengths=(1.0, 0.7, 1.0), noise=(1.0, 1.0, 1.0), side=240):
    lattice = sum(grating((side, side), 0.13, angle) for angle in (0.5, 1.55, 2.6))
    return np.stack(
        [
            0.2 * strength * lattice + level * white((side, side), seed)
            for seed, (strength, level) in enumerate(zip(strengths, noise, strict=True))
        ]
    )


def reasons(domain, series):
    return domain.score(sampling=0.1, working=series, features=features(0.0)).reasons


def test_an_image_of_noise_in_a_series_is_outside(domain):
    closed = "image {} of the series (counted from 0) shows noise alone, as with a closed shutter"
    for strengths in ((1.0, 0.7, 1.0), (1.0, 0.35, 1.0), (0.0, 0.0, 0.0)):
        said = reasons(domain, series_of_lattices(strengths))
        assert not any(closed.format(n) in said for n in range(3))
    for number in range(3):
        strengths = np.delete([0.0, 1.0, 0.5, 1.0], 0)
        strengths[number] = 0
        said = reasons(domain, series_of_lattices(strengths))
        assert [n for n in range(3) if closed.format(n) in said] == [number]


def test_images_that_were_scaled_unlike_are_outside(domain):
    scaled = "scaled unequally"
    assert scaled not in str(reasons(domain, series_of_lattices(noise=(1.0, 1.5, 1.2))))
    for factor in (3.0, 2.0, 0.5):
        series = series_of_lattices() * np.array([1.0, factor, 1.0], np.float32)[:, None, None]
        assert scaled in str(reasons(domain, series))


@pytest.mark.parametrize("ring", [4, 9, 17])
def test_a_grating_is_in_its_ring_and_is_a_spot(ring):
    frequency = (ring + 0.5) / (2 * BANDS)
    power, spots = np.split(spectrum(grating((300, 280), frequency) + 0.1 * white((300, 280))), 2)
    assert power.argmax() == ring
    assert spots[ring] > np.log(3)
    assert spots[ring + 5] == pytest.approx(np.log(2) / 2, abs=0.1)


@pytest.mark.parametrize("shape", [(300, 300), (200, 640), (2000, 150)])
def test_white_noise_is_flat_whatever_the_size(shape):
    power, spots = np.split(spectrum(2 * white(shape)), 2)
    np.testing.assert_allclose(power[3:], np.log(4), atol=0.15)
    np.testing.assert_allclose(spots[3:], np.log(2) / 2, atol=0.15)


@pytest.mark.parametrize("shape", [(1, 2), (3, 3), (5, 400), (17, 20)])
def test_small_images_have_a_finite_spectrum(shape):
    assert np.isfinite(spectrum(white(shape))).all()
    assert np.isfinite(spectrum(np.zeros(shape, np.float32))).all()


def test_signal_to_noise_grows_with_the_signal():
    noise = white((256, 256))
    images = [contrast * grating((256, 256), 0.12) + noise for contrast in (0, 0.3, 1, 3)]
    ratios = signal_to_noise(np.array([spectrum(image) for image in images]))
    assert ratios[0] < 0.05
    # Twice the contrast is four times the power.
    assert ratios[3] / ratios[2] == pytest.approx(9, rel=0.1)
    assert (np.diff(ratios) > 0).all()


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("projection", np.zeros(SIZE)),
        ("sampling", np.full((2, 2), 0.1)),
        ("sampling", np.array(0.1)),
        ("whitening", np.ones((2 * BANDS, 2, 2))),
        ("reach", np.zeros(1)),
        ("scale", np.zeros(SIZE)),
        ("limits", np.array([-0.5, 1.0, 1.0, 9.0])),
    ],
)
def test_a_damaged_array_is_refused(domain, name, array):
    with pytest.raises(ValueError, match=f"domain is damaged, the array '{name}'"):
        replace(domain, **{name: array})
