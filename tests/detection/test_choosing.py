# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from hyperspy_dlatoms.detection.choosing import Rating, certainty, choose, rate, windows
from tests.helpers.spot_network import SpotNetwork


def rating(name="one", **more):
    usual = {
        "special": True,
        "density": 10.0,
        "probability": 0.95,
        "domain": 0.4,
        "reasons": (),
        "likeness": 0.9,
    }
    return Rating(name, **usual | more)


def test_the_network_of_the_most_merit_is_chosen():
    right = rating("right")
    for worse in ({"probability": 0.7}, {"domain": 0.9}, {"likeness": 0.7}):
        other = rating("other", **worse)
        assert choose([other, right]) is right
        assert choose([right, other]) is right
        assert certainty(right, [right, other]) < 1


def test_sites_of_another_lattice_or_another_image_do_not_count():
    right = rating("right", probability=0.6)
    assert choose([rating(likeness=0.3), rating(domain=1.2), rating(density=0.0), right]) is right
    assert certainty(right, [right, rating(likeness=0.3)]) == 1


def test_a_network_for_all_crystals_reads_what_no_other_one_does():
    general = rating("general", special=False, likeness=np.nan)
    assert choose([rating(domain=2.0), general]) is general
    assert choose([rating("right"), general]).name == "right"
    # Too few sites to see whether it is the lattice of its material.
    assert choose([rating(likeness=np.nan, probability=0.6), general]) is general


def test_of_networks_that_all_see_something_unknown_the_nearest_is_chosen():
    near = rating("near", domain=1.1)
    assert choose([rating(domain=3.0), near]) is near
    assert certainty(near, [near]) == 0


def test_where_nothing_is_found_the_general_network_is_chosen():
    none = {"density": 0.0, "probability": 0.0, "likeness": np.nan}
    general = rating("general", special=False, **none)
    assert choose([rating(**none), general]) is general


def test_a_window_is_rated(spot_images):
    signal, truth = spot_images()
    found = rate(windows(signal.data[None], 0.1), 0.1, SpotNetwork())
    area = signal.data.size * 0.01**2
    assert found.density == pytest.approx(len(truth[()]) / area)
    assert 0 < found.probability <= 1
    assert not found.special


def test_an_empty_image_has_no_sites():
    found = rate(np.zeros((1, 64, 64), np.float32), 0.1, SpotNetwork())
    assert (found.density, found.probability) == (0, 0)


def test_the_window_of_a_large_image_is_where_its_lattice_is():
    y, x = np.mgrid[:1500, :1500]
    image = np.random.default_rng(0).poisson(100, (1500, 1500)).astype(float)
    image[900:, 900:] += 50 * (np.cos(y / 3) * np.cos(x / 3))[900:, 900:]
    (part,) = windows(image[None], 0.1)
    assert part.shape == (640, 640)
    assert part.std() > 15


def test_a_surer_reading_of_another_lattice_goes_before_the_material():
    one = rating("one", probability=0.96, domain=0.7, density=9.9)
    both = rating("both", special=False, likeness=np.nan, domain=0.2, density=17.6)
    assert choose([one, both]) is both
    # The same columns, or less sure: the network of the material.
    assert choose([one, both._replace(density=10.0)]) is one
    assert choose([one, both._replace(domain=0.9)]) is one


def test_a_network_of_scanned_images_has_to_be_clearer():
    camera = rating("camera", special=False, likeness=np.nan)
    scanned = camera._replace(name="scanned", scanned=True)
    assert choose([camera, scanned]) is camera
    assert choose([camera._replace(probability=0.8), scanned]) is scanned
