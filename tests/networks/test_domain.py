# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hyperspy_dlatoms.networks.domain import Domain, DomainScore, describe
from hyperspy_dlatoms.networks.spectrum import BANDS, spectrum

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
    score, reasons = domain.score(sampling=0.1, working=NOISE, features=features(texture))
    assert score > 1
    (reason,) = reasons
    assert "texture" in reason


@pytest.mark.parametrize("sampling, ratio", [(0.02, 0.03 / 0.02), (0.52, 2.0), (0.27, 0.27 / 0.26)])
def test_sampling(domain, sampling, ratio):
    score, reasons = domain.score(sampling=sampling, working=NOISE, features=features(0.0))
    assert (score > 1) == bool(reasons) == (ratio > 1.1)
    if reasons:
        assert score == pytest.approx(ratio / 1.1)
        assert reasons == ("sampling outside 0.03-0.26 Å/px",)


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


def test_other_or_damaged_arrays_are_refused(domain):
    arrays = domain.to_arrays()
    with pytest.raises(ValueError, match="update"):
        Domain.from_arrays({name: a for name, a in arrays.items() if "votes" not in name})
    with pytest.raises(ValueError, match="update"):
        Domain.from_arrays(arrays | {"domain/colour": np.ones(1)})
    with pytest.raises(ValueError, match="damaged, the array 'votes'"):
        Domain.from_arrays(arrays | {"domain/votes": np.ones(3)})
    with pytest.raises(ValueError, match="damaged, the array 'examples'"):
        Domain.from_arrays(arrays | {"domain/examples": np.ones((2, 3))})
