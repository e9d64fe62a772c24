# SPDX-License-Identifier: GPL-3.0-or-later
"""Warnings by what they are about, at the line of the user."""

from __future__ import annotations

import inspect
import re
import warnings

import dask
import numpy as np
import pytest

import hyperspy_dlatoms
from hyperspy_dlatoms import (
    DLAtomsWarning,
    DriftWarning,
    ExtrapolationError,
    ExtrapolationWarning,
    MaskedPixelsWarning,
    NothingFoundWarning,
    SamplingWarning,
)
from hyperspy_dlatoms.detection.alignment import Drift
from hyperspy_dlatoms.detection.contradiction import UNREAD
from hyperspy_dlatoms.networks.domain import DomainScore
from hyperspy_dlatoms.signals import _quality


def line():
    """The number of the line that this is called from."""
    return inspect.currentframe().f_back.f_lineno


def test_every_category_is_public_and_a_user_warning():
    categories = [
        one
        for name, one in inspect.getmembers(hyperspy_dlatoms, inspect.isclass)
        if name.endswith("Warning")
    ]
    assert len(categories) == 8
    assert all(issubclass(one, DLAtomsWarning) for one in categories)
    assert issubclass(DLAtomsWarning, UserWarning)


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("scheduler", ["threads", "synchronous"])
def test_they_point_at_the_line_of_the_user(spot_network, spot_images, lazy, scheduler):
    signal, _ = spot_images(3)
    signal.data[1, 5, 5] = np.nan
    signal = signal.as_lazy() if lazy else signal
    with dask.config.set(scheduler=scheduler), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        atoms, called = signal.find_atoms_nn("spots"), line()
        if lazy:
            assert not caught
            called = line() + 1
            atoms.compute()
    (said,) = caught
    assert said.category is MaskedPixelsWarning
    assert (said.filename, said.lineno) == (__file__, called)


def test_one_image_is_this_image(spot_network, spot_images):
    signal, _ = spot_images()
    signal.data[5, 5] = np.nan
    with pytest.warns(MaskedPixelsWarning, match="masked: 1 in this image"):
        signal.find_atoms_nn("spots")


def scores(*values):
    result = np.empty(len(values), object)
    result[:] = [DomainScore(value, ("the texture",) if value > 1 else ()) for value in values]
    return result


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((2.0,), "This image is outside what 'spots' was trained on: the texture. Check what was "),
        ((0.5, 2.0), r"1 of 2 images are outside what 'spots' was trained on \(index 1\)"),
    ],
)
def test_images_unlike_the_training(spot_network, spot_images, values, expected):
    atoms = spot_images()[0].find_atoms_nn("spots")
    vectors = atoms.metadata.VectorMetadata
    vectors.model = "spots"
    with pytest.warns(ExtrapolationWarning, match=expected):
        _quality.record_quality(vectors, atoms.data, domain=scores(*values))


def blank(spot_images, *navigation):
    signal, _ = spot_images(*navigation)
    signal.data = np.full_like(signal.data, 5.0)
    return signal


@pytest.mark.parametrize("lazy", [False, True])
def test_where_nothing_is_found_a_short_line_says_so(spot_network, spot_images, lazy):
    for navigation, where in {(): "this image", (3,): "any of 3 images"}.items():
        signal = blank(spot_images, *navigation)
        signal = signal.as_lazy() if lazy else signal
        with pytest.warns(NothingFoundWarning) as caught:
            atoms = signal.find_atoms_nn("spots")
            if lazy:
                atoms.compute()
        assert [str(one.message) for one in caught] == [
            f"'spots' found nothing in {where}: check the pixel size (0.1 Å/px), try another "
            "network, or pass a lower threshold."
        ]
    with warnings.catch_warnings(action="error"):
        blank(spot_images).find_atoms_nn("spots", on_extrapolation="ignore")


def test_nothing_is_found_in_an_image_narrower_than_a_cell(spot_network, spot_images):
    signal = blank(spot_images).isig[:, :32]
    with pytest.warns(NothingFoundWarning) as caught:
        signal.find_atoms_nn("spots")
    assert str(caught[-1].message) == (
        "'spots' found nothing in this image: the image is only 3.2 Å wide (0.1 Å/px), take a "
        "larger one."
    )


def test_nothing_is_found_where_all_is_masked(spot_network, spot_images):
    signal, _ = spot_images()
    signal.data = np.full(signal.data.shape, np.nan)
    with pytest.warns() as caught:
        signal.find_atoms_nn("spots")
    assert str(caught[-1].message) == (
        "'spots' found nothing in this image: all pixels were masked, as in a focal series of "
        "which one image is blank."
    )


def test_one_frame_with_atoms_is_something(spot_network, spot_images):
    signal, _ = spot_images(3)
    signal.data[1:] = blank(spot_images).data
    with warnings.catch_warnings(action="error"):
        atoms = signal.find_atoms_nn("spots")
    assert [len(one) > 0 for one in atoms.data] == [True, False, False]


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("mode", ["STEM", "Scanning"])
def test_scanned_images_for_a_network_of_others(spot_network, spot_images, mode, lazy):
    for signal in (spot_images(2)[0], blank(spot_images)):
        signal.metadata.set_item("Acquisition_instrument.TEM.acquisition_mode", mode)
        signal = signal.as_lazy() if lazy else signal
        # Once, at the call, and nothing else of what may follow from it.
        with pytest.warns(ExtrapolationWarning) as caught:
            atoms = signal.find_atoms_nn("spots")
            if lazy:
                atoms.compute()
        (said,) = (str(one.message) for one in caught)
        assert f"The metadata says {mode}, but 'spots' was trained on HRTEM images" in said
        with pytest.warns(ExtrapolationWarning, match=f"says {mode}"):
            signal.predict_atoms_nn("spots")
        with pytest.raises(ExtrapolationError, match=f"says {mode}.*or on_extrapolation=.warn"):
            signal.find_atoms_nn("spots", on_extrapolation="raise")


@pytest.mark.parametrize("mode", ["TEM", "imaging", None, 3])
def test_other_modes_are_no_matter(spot_network, spot_images, mode):
    signal = spot_images()[0]
    signal.metadata.set_item("Acquisition_instrument.TEM.acquisition_mode", mode)
    with warnings.catch_warnings(action="error"):
        signal.find_atoms_nn("spots")


def vectors_of(spot_images, *navigation):
    atoms = spot_images(*navigation)[0].find_atoms_nn("spots")
    vectors = atoms.metadata.VectorMetadata
    vectors.model = "spots"
    return atoms.data, vectors


def shown(vectors, *texts):
    """What the frames of a movie show beside the sites found in them."""
    result = np.empty(len(texts), object)
    result[:] = texts
    vectors.shown = result
    return result


def test_one_warning_tells_the_most(spot_network, spot_images):
    sites, vectors = vectors_of(spot_images, 3)
    fits = "a lattice, [110], at 0.1 Å/px for Au"
    for texts, category, expected in (
        ((fits, fits, ""), SamplingWarning, f"In 2 of 3 images 'spots' finds {fits}; with the "),
        ((UNREAD,) * 3, ExtrapolationWarning, "^1 of 3.*them. The spectrum of 3 of 3 images shows"),
        (("", fits, ""), ExtrapolationWarning, "^1 of 3 images are outside.*Check .* in them.$"),
    ):
        reports = {"domain": scores(0.5, 2.0, 0.5), "shown": shown(vectors, *texts)}
        with pytest.warns(DLAtomsWarning) as caught:
            _quality.record_quality(vectors, sites, **reports)
        (one,) = caught
        assert one.category is category
        assert re.search(expected.replace("[110]", ".110."), str(one.message))
        assert vectors.domain == [0.5, 2.0, 0.5]
        assert not vectors.has_item("shown")


def test_a_lattice_that_is_not_read_may_be_an_error(spot_network, spot_images):
    sites, vectors = vectors_of(spot_images)
    vectors.on_extrapolation = "raise"
    with pytest.raises(ExtrapolationError, match="spectrum of this image shows a lattice"):
        _quality.record_quality(vectors, sites, shown=shown(vectors, UNREAD))


@pytest.mark.parametrize(("number", "named"), [(1, "this focal series"), (2, "2 of 2 focal")])
def test_misaligned_series(number, named):
    drifts = number * [Drift(np.array([[0.0, 9.0], [0.0, 0.0], [0.0, 0.0]]), True)]
    with pytest.warns(DriftWarning, match=f"The images of {named}"):
        _quality.check_drift(drifts, 0.5, align=False)


def test_a_series_misaligned_by_no_lattice_vector():
    drift = Drift(np.array([[0.0, 3.2], [0.0, 0.0], [0.0, 0.0]]), False)
    with pytest.warns(DriftWarning, match=r"misaligned, by at least 1\.6 Å: use align"):
        _quality.check_drift([drift], 0.5, align=False)


def test_a_category_can_be_an_error(spot_network, spot_images):
    signal, _ = spot_images()
    signal.data[5, 5] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error", SamplingWarning)
        with pytest.warns(MaskedPixelsWarning):
            signal.find_atoms_nn("spots")
        warnings.simplefilter("error", MaskedPixelsWarning)
        with pytest.raises(MaskedPixelsWarning):
            signal.find_atoms_nn("spots")
