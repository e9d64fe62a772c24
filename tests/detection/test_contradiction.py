# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from hyperspy_dlatoms.analysis.lattice import Spacing, lattices_of
from hyperspy_dlatoms.detection import contradiction as module
from hyperspy_dlatoms.detection.contradiction import (
    NOT_EXAMINED,
    UNREAD,
    contradiction,
    describe_unfound,
    examined,
    is_no_sheet,
    reexamine,
)
from hyperspy_dlatoms.detection.pipeline import find_sites
from hyperspy_dlatoms.detection.sampling import Estimate, SamplingError
from tests.helpers.blob_network import BlobNetwork, blobs
from tests.helpers.crystal import crystal

SAMPLING = 0.1
GRAPHENE = lattices_of(["graphene"])


def sites(scale=1.0, jitter=0.0, probability=1.0, radius=12.0, seed=0):
    """Sites of a sheet in px, and their probability."""
    places = crystal("honeycomb", radius, rng=np.random.default_rng(seed), jitter=jitter)
    places = places[np.lexsort(places.T[::-1])] * scale / SAMPLING
    return np.column_stack([places, np.full(len(places), probability)])


@pytest.fixture(scope="module")
def disorder():
    places = np.random.default_rng(0).uniform(0, 400, (500, 2))
    return np.column_stack([places[np.argsort(places[:, 0])], np.ones(500)])


@pytest.mark.parametrize("ratio", [0.85, 0.88, 1.12, 1.15])
@pytest.mark.parametrize("jitter", [0.0, 0.05])
def test_a_lattice_tells_its_sampling(ratio, jitter):
    found = [sites(jitter=jitter)]
    nearest = contradiction(found, ratio * SAMPLING, GRAPHENE)
    assert nearest.zone == "honeycomb"
    assert nearest.samplings["graphene"] == pytest.approx(SAMPLING, rel=0.02)


@pytest.mark.parametrize("ratio", [0.92, 1.0, 1.09])
def test_a_calibration_less_than_a_tenth_off_may_be_right(ratio):
    assert contradiction([sites(jitter=0.05)], ratio * SAMPLING, GRAPHENE) is None


def test_most_frames_decide():
    right, wrong = sites(), sites(scale=1.3)
    assert contradiction([right, right, wrong], SAMPLING, GRAPHENE) is None
    assert contradiction([right, wrong, wrong], SAMPLING, GRAPHENE) is not None


def test_sites_that_are_in_doubt_say_nothing(disorder):
    assert contradiction([sites(scale=1.3, probability=0.7)], SAMPLING, GRAPHENE) is None
    unsure = disorder * [1, 1, 0.7]
    assert not is_no_sheet([unsure], GRAPHENE)


def test_sites_without_order_are_no_sheet(disorder):
    assert is_no_sheet([disorder], GRAPHENE)
    assert contradiction([disorder], SAMPLING, GRAPHENE) is None
    assert not is_no_sheet([sites(jitter=0.05)], GRAPHENE)
    assert not is_no_sheet([disorder, sites(), sites()], GRAPHENE)
    assert not is_no_sheet([disorder[:50]], GRAPHENE)
    assert not is_no_sheet([], GRAPHENE)


def test_of_metals_nothing_is_said(disorder):
    assert not is_no_sheet([disorder], lattices_of(["Au"]))
    assert not is_no_sheet([disorder], lattices_of(["Au", "graphene"]))


@pytest.fixture
def fit(monkeypatch):
    """Make each frame a lattice of a likeness, 1.3 times as large as it should be."""
    fitted = []

    def make(likeness):
        def best_fit(positions, lattices):
            fitted.append(len(positions))
            nearest = 1.3 * min(lattices[0].nearest.values()) / SAMPLING
            return lattices[0], Spacing(nearest, likeness, 1.0)

        monkeypatch.setattr(module, "best_fit", best_fit)
        return fitted

    return make


# The numbers on both sides of each limit.
@pytest.mark.parametrize(
    ("material", "likeness", "n", "contradicts"),
    [
        ("Au", 0.92, 32, True),
        ("Au", 0.92, 28, False),
        ("Au", 0.88, 32, False),
        ("graphene", 0.82, 32, True),
        ("graphene", 0.82, 28, False),
        ("graphene", 0.78, 32, False),
    ],
)
def test_what_a_frame_must_be_to_contradict(fit, material, likeness, n, contradicts):
    fit(likeness)
    found = [np.ones((n, 3))]
    assert (contradiction(found, SAMPLING, lattices_of([material])) is not None) == contradicts


@pytest.mark.parametrize(
    ("likeness", "n", "no_sheet"),
    [(0.62, 64, True), (0.62, 56, False), (0.68, 64, False)],
)
def test_what_a_frame_must_be_to_be_no_sheet(fit, likeness, n, no_sheet):
    fit(likeness)
    assert is_no_sheet([np.ones((n, 3))], GRAPHENE) == no_sheet


def test_of_a_long_movie_ten_frames_are_compared(fit):
    fitted = fit(0.95)
    assert contradiction([np.ones((40 + n, 3)) for n in range(100)], SAMPLING, GRAPHENE)
    assert len(fitted) == 10
    assert (fitted[0], fitted[-1]) == (40, 139)


SHAPE = (300, 320)
BLANK = np.empty((0, 6))


def frame(zone="[110]", radius=12.0, noise=2.0, seed=0):
    """A crystal at 0.1 Å/px."""
    places = crystal(zone, radius, rng=np.random.default_rng(seed), jitter=0.03)
    image = blobs(SHAPE, SAMPLING, places + np.array(SHAPE) * SAMPLING / 2)
    return np.random.default_rng(seed).normal(image, noise)


@pytest.fixture
def network():
    return BlobNetwork(domain={"sampling": [0.06, 0.16]})


def reexamined(network, stated, *frames, materials=("Au",), found=None):
    frames = np.stack(frames)
    found = find_sites(frames, stated, network) if found is None else found
    return reexamine(frames, found, stated, network, materials)


@pytest.fixture
def searched(monkeypatch):
    """Count the searches at other samplings, and say what they end with."""
    searched = []

    def make(end):
        def find_lattice(frame, network, lattices):
            searched.append(frame)
            if isinstance(end, Exception):
                raise end
            return end

        monkeypatch.setattr(module, "find_lattice", find_lattice)
        return searched

    return make


AT_TRUE = Estimate("[110]", 25.0, {"Au": SAMPLING, "Ag": SAMPLING * 1.002})


@pytest.mark.parametrize("stated", [0.095, 0.1, 0.105])
def test_what_is_found_is_not_searched_again(network, searched, stated):
    seen = searched(AssertionError())
    assert reexamined(network, stated, frame(), frame(seed=1)) == ["", ""]
    assert not seen


@pytest.mark.parametrize("stated", [0.07, 0.15, 0.2])
def test_the_sampling_at_which_the_lattice_fits(network, stated):
    (shown,) = reexamined(network, stated, frame(), found=[BLANK])
    assert shown.startswith("a lattice, [110], at ")
    assert shown.endswith(" Å/px for Au")
    assert float(shown.split()[4]) == pytest.approx(SAMPLING, rel=0.01)


def test_noise_and_disorder_show_no_lattice(network, searched):
    seen = searched(AT_TRUE)
    rng = np.random.default_rng(5)
    noise = rng.normal(size=SHAPE)
    disorder = blobs(SHAPE, SAMPLING, rng.uniform(2, 28, (60, 2)))
    constant = np.full(SHAPE, 3.0)
    assert reexamined(network, 0.2, noise, disorder, constant, found=3 * [BLANK]) == 3 * [""]
    assert not seen


def test_a_block_is_searched_once_for_all_its_frames_in_doubt(network, searched):
    seen = searched(AT_TRUE)
    noise = np.random.default_rng(5).normal(size=SHAPE)
    clear, faint = frame(noise=1.0), frame(noise=6.0)
    shown = reexamined(network, 0.2, noise, faint, clear, found=3 * [BLANK])
    assert shown == ["", *2 * ["a lattice, [110], at 0.1001 Å/px for Au or Ag"]]
    (which,) = seen
    np.testing.assert_array_equal(which, clear)


def test_a_lattice_at_the_stated_sampling_is_no_contradiction(network, searched):
    searched(AT_TRUE)
    assert reexamined(network, 0.105, frame(), found=[BLANK]) == [""]
    searched(SamplingError("", suggested=(0.07, 0.102)))
    assert reexamined(network, 0.105, frame(), found=[BLANK]) == [""]


def test_several_lattices_that_fit(network, searched):
    searched(SamplingError("", suggested=(0.07, 0.1)))
    (shown,) = reexamined(network, 0.15, frame(), found=[BLANK])
    assert shown == "lattices at 0.07 or 0.1 Å/px"


def test_a_lattice_that_is_not_read(network, searched):
    searched(SamplingError("There is none."))
    assert reexamined(network, SAMPLING, frame(), found=[BLANK]) == [UNREAD]
    # Sites without any order are none of the lattice that is seen.
    rng = np.random.default_rng(0)
    disorder = np.column_stack([rng.uniform(0, 300, (200, 2)), np.ones(200)])
    assert reexamined(network, SAMPLING, frame(), found=[disorder]) == [UNREAD]
    # Those of a twinned particle, or of a strained one, are somewhat like it.
    (found,) = find_sites(frame()[None], SAMPLING, network)
    found[:, :2] += rng.normal(0, 1.2, (len(found), 2))
    assert reexamined(network, SAMPLING, frame(), found=[found]) == [""]


def test_a_finer_lattice_with_gaps_is_searched_again(network, searched):
    seen = searched(AT_TRUE)
    (found,) = find_sites(frame()[None], SAMPLING, network)
    found[:, :2] /= 1.4
    assert reexamined(network, 1.4 * SAMPLING, frame(), found=[found]) == [""]
    assert not seen
    gaps = found[np.random.default_rng(0).random(len(found)) > 0.2]
    (shown,) = reexamined(network, 1.4 * SAMPLING, frame(), found=[gaps])
    assert shown == "a lattice, [110], at 0.1001 Å/px for Au or Ag"


def test_a_network_of_unknown_lattices_is_only_asked_for_something(network, searched):
    seen = searched(AT_TRUE)
    assert reexamined(network, SAMPLING, frame(), found=[BLANK], materials=()) == [UNREAD]
    few = np.ones((1, 6))
    assert reexamined(network, SAMPLING, frame(), found=[few], materials=()) == [""]
    assert not seen


def test_narrow_images_are_not_reexamined(network, searched):
    seen = searched(AT_TRUE)
    assert reexamined(network, 0.15, frame()[:130], found=[BLANK]) == [""]
    assert not seen


def test_the_words_of_what_was_not_found():
    fits = "a lattice, [110], at 0.1 Å/px for Au"
    text, elsewhere = describe_unfound([fits], [BLANK], 0.14, "metals")
    assert elsewhere
    assert f"In this image 'metals' finds {fits}; with the 0.14 Å/px stated it finds noth" in text
    text, elsewhere = describe_unfound([fits, "", fits], [np.ones((9, 6))] * 3, 0.14, "metals")
    assert "In 2 of 3 images 'metals' finds" in text
    assert "it finds 9 sites that do not form it" in text
    text, _ = describe_unfound([fits], [np.ones((1, 6))], 0.14, "metals")
    assert "it finds 1 site that does not form it" in text
    text, elsewhere = describe_unfound([UNREAD], [BLANK], 0.1, "metals")
    assert not elsewhere
    assert "The spectrum of this image shows a lattice, in which 'metals' finds nothing" in text


def test_most_images_that_show_something_decide():
    fits = "a lattice, [110], at 0.1 Å/px for Au"
    good = np.ones((50, 6))
    assert describe_unfound([fits, "", ""], [BLANK, good, good], 0.14, "metals")[0] == ""
    # Empty ones do not count.
    assert describe_unfound([fits, "", ""], [BLANK, BLANK, BLANK], 0.14, "metals")[0]
    assert describe_unfound(["", ""], [BLANK, BLANK], 0.14, "metals") == ("", False)


@pytest.mark.parametrize(
    ("count", "numbers"), [(0, []), (1, [0]), (5, [0, 1, 2, 3, 4]), (100, [10, 30, 50, 70, 90])]
)
def test_of_a_long_movie_five_images_are_examined(count, numbers):
    assert examined(count).tolist() == numbers


def test_images_that_were_not_examined_say_nothing():
    fits = "a lattice, [110], at 0.1 Å/px for Au"
    shown = [fits, NOT_EXAMINED, "", NOT_EXAMINED, fits, NOT_EXAMINED]
    found = [np.ones((n, 6)) for n in (8, 50, 50, 50, 10, 50)]
    text, elsewhere = describe_unfound(shown, found, 0.14, "metals")
    assert elsewhere
    assert text.startswith("In 2 of 3 images examined 'metals' finds")
    assert "it finds 9 sites" in text
    assert describe_unfound([NOT_EXAMINED] * 2, found[:2], 0.14, "metals") == ("", False)


def test_the_range_of_many_materials():
    samplings = {name: 0.1 + 0.005 * n for n, name in enumerate("ABCDEFGH")}
    assert module._listed(samplings) == "0.1 to 0.135 Å/px for A, B, C, D, E, F, G, H"
