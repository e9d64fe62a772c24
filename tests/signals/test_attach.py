# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import warnings

import hyperspy.api as hs
import pytest

import hyperspy_dlatoms
from hyperspy_dlatoms.signals import methods
from hyperspy_dlatoms.signals.methods import attach_methods


def test_images_have_the_methods():
    assert {"find_atoms_nn", "classify_species", "estimate_sampling"} < set(methods.__all__)
    for name in methods.__all__:
        for kind in (hs.signals.Signal2D, hs.signals.LazySignal2D):
            assert getattr(kind, name) is getattr(methods, name)
        assert not hasattr(hs.signals.Signal1D, name)


def test_attaching_again_changes_nothing():
    before = dict(vars(hs.signals.Signal2D))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        attach_methods()
    assert dict(vars(hs.signals.Signal2D)) == before


def test_a_foreign_method_stays():
    def find_atoms_nn(self):
        """Another package's."""

    find_atoms_nn.__module__ = "other_package.methods"
    kind = type("Images", (), {"find_atoms_nn": find_atoms_nn})
    with pytest.warns(UserWarning, match="already comes from 'other_package.methods'"):
        attach_methods(kind)
    assert kind.find_atoms_nn is find_atoms_nn
    assert kind.predict_atoms_nn is methods.predict_atoms_nn


def test_public_names():
    for name in hyperspy_dlatoms.__all__:
        assert getattr(hyperspy_dlatoms, name) is not None
    assert set(hyperspy_dlatoms.__all__) <= {"__version__", *dir(hyperspy_dlatoms)}
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = hyperspy_dlatoms.no_such_name
