# SPDX-License-Identifier: GPL-3.0-or-later
"""Warnings by what they are about, at the line of the user."""

from __future__ import annotations

import inspect
import warnings

import dask
import numpy as np
import pytest

import hyperspy_dlatoms
from hyperspy_dlatoms import (
    DLAtomsWarning,
    DriftWarning,
    ExtrapolationWarning,
    MaskedPixelsWarning,
    SamplingWarning,
)
from hyperspy_dlatoms.detection.alignment import Drift
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
    assert len(categories) == 7
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


@pytest.mark.parametrize(("number", "named"), [(1, "this focal series"), (2, "2 of 2 focal")])
def test_misaligned_series(number, named):
    drifts = number * [Drift(np.array([[0.0, 9.0], [0.0, 0.0], [0.0, 0.0]]), True)]
    with pytest.warns(DriftWarning, match=f"The images of {named}"):
        _quality.check_drift(drifts, 0.5, align=False)


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
