# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from hyperspy_dlatoms.detection.choosing import (
    Rating,
    certainty,
    choose,
    evidence,
    rate,
    weigh_modality,
    windows,
)
from hyperspy_dlatoms.networks.domain import DomainScore
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


def lattice(spacing, shift=0.0):
    """Sites (Å) of a square lattice in a square of 40 Å, as those of one window."""
    y, x = np.mgrid[0:40:spacing, 0:40:spacing]
    return (np.column_stack([y.ravel(), x.ravel()]) + shift,)


def test_a_surer_reading_of_another_lattice_goes_before_the_material():
    one = rating("one", probability=0.96, domain=0.7, density=9.9, sites=lattice(3.0))
    both = rating("both", special=False, likeness=np.nan, domain=0.2)
    more = {"density": 17.6, "sites": lattice(1.5)}
    elsewhere = {"density": 10.0, "sites": lattice(3.0, shift=1.5)}
    for reading in (more, elsewhere):
        assert choose([one, both._replace(**reading)]).name == "both"
        # Less sure.
        assert choose([one, both._replace(**reading, domain=0.9)]) is one
    # The same columns.
    assert choose([one, both._replace(density=10.0, sites=lattice(3.0, shift=0.1))]) is one
    # But they are hardly like the lattice of the material.
    one = one._replace(likeness=0.7)
    assert choose([one, both._replace(density=10.0, sites=lattice(3.0, shift=0.1))]) is not one


def test_hollows_that_one_network_alone_sees_are_no_sheet():
    sheet = rating("sheet", probability=0.97, domain=0.4, density=44.0, sites=lattice(1.5, 0.75))
    crystal = rating("crystal", special=False, likeness=np.nan, density=11.0, sites=lattice(3.0))
    assert sheet.merit > crystal.merit
    assert choose([sheet, crystal]) is sheet
    metal = rating("metal", likeness=0.75, density=10.8, sites=lattice(3.0, 0.1))
    assert choose([sheet, crystal, metal]) is crystal
    assert choose([sheet, metal, crystal]) is crystal


def test_evidence_is_what_networks_have_in_common():
    one = rating(likeness=1.0, sites=lattice(3.0))
    alone = evidence(one, [one])
    assert alone == pytest.approx(one.clarity)
    same = rating("same", sites=lattice(3.0, 0.2))
    assert evidence(one, [one, same]) == pytest.approx(alone + same.clarity)
    assert evidence(one, [one, same._replace(sites=lattice(3.0, 1.0))]) == pytest.approx(alone)
    finer = rating("finer", sites=lattice(1.5))
    assert alone < evidence(one, [one, finer]) < alone + 0.3 * finer.clarity
    # Of a network that knows no such images, or for images made in another way.
    for other in (same._replace(domain=1.1), same._replace(likely=0.05)):
        assert evidence(one, [one, other]) == pytest.approx(alone)


@pytest.mark.parametrize(("missed", "chosen"), [("columns", "crystal"), ("support", "metals")])
def test_a_network_that_misses_half_of_its_material_is_not_chosen(missed, chosen):
    # Columns of gold along [110], 2.88 by 4.08 Å with one in the middle. What only the network for
    # all crystals finds continues them, or is false, on a support beside a particle.
    corners = np.mgrid[:16, :16].reshape(2, -1).T * [2.884, 4.078]
    columns = np.concatenate([corners, corners + [1.442, 2.039]])
    part, rest = columns[columns[:, 0] < 20], columns[columns[:, 0] >= 20]
    if missed == "support":
        rest = np.random.default_rng(0).uniform([20, 0], [48, 66], rest.shape)
    crystal = rating(
        "crystal",
        special=False,
        likeness=np.nan,
        probability=0.7,
        sites=(np.concatenate([part, rest]),),
    )
    metals = rating("metals", likeness=0.99, sites=(part,), materials=("Au",))
    assert evidence(metals, [crystal, metals]) > evidence(crystal, [crystal, metals])
    assert choose([crystal, metals]).name == chosen
    both = metals._replace(sites=crystal.sites)
    assert choose([crystal, both]) is both


def test_a_few_sure_sites_are_no_other_lattice():
    sheet = rating("sheet", probability=0.9, domain=0.5, density=36.0, sites=lattice(1.5))
    few = rating("few", special=False, likeness=np.nan, density=11.0, sites=lattice(4.5))
    assert few.clarity > sheet.clarity
    assert choose([sheet, few]) is sheet
    assert choose([sheet, few._replace(density=0.0, sites=(np.empty((0, 2)),))]) is sheet


def test_networks_for_images_made_in_another_way_are_left_out():
    camera = rating("camera", special=False, likeness=np.nan, probability=0.7)
    scanned = camera._replace(name="scanned", scanned=True, probability=0.95)
    # Nothing is known of how the image was made.
    assert choose(weigh_modality([camera, scanned])) == scanned
    told = weigh_modality([camera, scanned._replace(seen_scanned=0.02)])
    assert [one.likely for one in told] == pytest.approx([0.98, 0.02])
    assert choose(told) is told[0]
    # Both networks may know: the mean of 2 to 98 and 98 to 2.
    told = weigh_modality([camera._replace(seen_scanned=0.98), told[1]])
    assert [one.likely for one in told] == pytest.approx([0.5, 0.5])
    assert choose(told) is told[1]
    # Networks of one way alone are those that the metadata leave.
    alone = weigh_modality([scanned._replace(seen_scanned=0.02)])
    assert [one.likely for one in alone] == [1.0]
    # A particle that a camera took is outside, and no reason for a network of scanned images.
    outside = [camera._replace(domain=1.2, likely=0.95), scanned._replace(likely=0.05)]
    assert choose(outside) is outside[0]


def test_a_doubt_of_how_an_image_was_made_weighs_in():
    camera = rating("camera", special=False, likeness=np.nan)
    scanned = camera._replace(name="scanned", scanned=True, seen_scanned=0.6)
    assert choose(weigh_modality([camera, scanned])).name == "scanned"
    assert choose(weigh_modality([camera, scanned._replace(seen_scanned=0.4)])).name == "camera"
    assert choose(weigh_modality([camera, scanned._replace(probability=0.5)])).name == "camera"


def test_a_network_says_how_windows_were_made(spot_images):
    class Scored(SpotNetwork):
        grid_multiple = 32

        class domain:  # noqa: N801
            @staticmethod
            def score(**_):
                return DomainScore(0.4, (), 0.9)

        def infer(self, batch):
            return self.maps(batch), np.zeros((*(n // 32 for n in batch.shape[1:]), 1))[None]

    signal, truth = spot_images()
    found = rate(windows(signal.data[None], 0.1), 0.1, Scored())
    assert (found.domain, found.seen_scanned) == (0.4, 0.9)
    assert len(found.sites[0]) == len(truth[()])
    assert np.isnan(rate(windows(signal.data[None], 0.1), 0.1, SpotNetwork()).seen_scanned)
