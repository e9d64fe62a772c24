# SPDX-License-Identifier: GPL-3.0-or-later
from types import SimpleNamespace

import numpy as np
import pytest

from hyperspy_dlatoms.networks.domain import BANDS
from hyperspy_dlatoms.training.domain import fit_domain
from tools import modality
from tools.modality import describe_images, fit_scanned

SIZE = 12 + 2 * BANDS


def images(rng, number, texture):
    """Descriptions with a texture in some numbers, and sites."""
    out = rng.normal(size=(number, SIZE)) * 0.3
    out[:, :5] += texture
    out[:, -2 * BANDS - 1] = rng.uniform(0, 1, number)
    return out


def drawn(seed, number, scanned):
    """Descriptions that tell how an image was made by one of their numbers, mostly."""
    rng = np.random.default_rng(seed)
    out = images(rng, number, 0)
    out[:, 7] += 0.9 * scanned
    return out


@pytest.fixture(scope="module")
def domain():
    rng = np.random.default_rng(0)
    inside, outside = images(rng, 200, 0), images(rng, 200, 1.5)
    return fit_domain(inside, outside, inside, (0.03, 0.26))


def test_scanned_images_are_told_from_those_of_a_camera(domain):
    # There are four times as many of a camera, which does not make them likelier.
    fitted = fit_scanned(domain, drawn(1, 800, False), drawn(2, 200, True))
    assert fitted.scanned.shape == (SIZE + 1,)
    np.testing.assert_array_equal(fitted.scanned.astype(np.float16), fitted.scanned)
    camera = fitted.rate_scanned(drawn(3, 1000, False))
    scanned = fitted.rate_scanned(drawn(4, 1000, True))
    # The two are three standard deviations apart: 0.067 are wrong at best.
    wrong = np.array([np.mean(camera > 0.5), np.mean(scanned < 0.5)])
    assert (wrong > 0.03).all() and (wrong < 0.15).all()
    # It is calibrated: of those that are given 0.8, about so many are right.
    every, truth = np.concatenate([camera, scanned]), np.repeat([0, 1], 1000)
    doubtful = (every > 0.6) & (every < 0.95)
    assert truth[doubtful].mean() == pytest.approx(every[doubtful].mean(), abs=0.12)


def test_where_nothing_tells_all_is_open(domain):
    fitted = fit_scanned(domain, drawn(1, 300, False), drawn(2, 300, False))
    told = fitted.rate_scanned(drawn(3, 300, False))
    assert np.median(told) == pytest.approx(0.5, abs=0.1)


def test_too_few_images_are_refused(domain):
    with pytest.raises(ValueError, match="19 images 'scanned', at least 20"):
        fit_scanned(domain, drawn(1, 100, False), drawn(2, 19, True))


def test_images_of_waves_with_sites_are_described(tiny_scanned, tiny_scanned_data, monkeypatch):
    seen = []

    def see(network, picture):
        seen.append(picture)
        size = 8 * (min(picture.image.shape) // 8)
        image = picture.image[:size, :size]
        return (image - image.mean()) / image.std(), np.full((4, network.channels), 0.5)

    monkeypatch.setattr(modality, "see", see)
    monkeypatch.setattr(modality, "FEWEST_SITES", 5)
    networks = [SimpleNamespace(channels=n) for n in (7, 9)]
    rng = np.random.default_rng(0)
    first, second = describe_images(
        networks, tiny_scanned, tiny_scanned_data.__getitem__, range(4), 3, rng
    )
    assert len(first) == len(second) == 3
    assert second.shape[1] == first.shape[1] + 2
    # Both saw the same images.
    assert all(a is b for a, b in zip(seen[::2], seen[1::2], strict=True))
