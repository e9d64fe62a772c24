# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from hyperspy_dlatoms.demo import Example, score


def test_the_embedded_example():
    example = Example.load()
    assert example.counts.dtype == np.uint16
    assert example.counts.min() >= 0
    height, width = example.counts.shape
    assert len(example.positions) > 50
    assert (example.positions >= 0).all()
    assert (example.positions < [height, width]).all()
    assert 0.05 < example.sampling < 0.3
    signal = example.to_signal()
    assert signal.axes_manager[0].units == "nm"
    assert signal.axes_manager[0].scale == pytest.approx(example.sampling / 10)


def test_score():
    true = np.array([[10.0, 10.0], [20.0, 10.0], [30.0, 10.0]])
    # In px of 0.1 Å: 0.3 and 0.4 Å off, one 0.6 Å off, and a second atom at the first column.
    found = np.array([[13.0, 10.0], [20.0, 14.0], [36.0, 10.0], [10.0, 14.0]])
    result = score(found, true, 0.1)
    assert (result.true, result.found, result.false) == (3, 2, 2)
    assert result.rms_error == pytest.approx(np.sqrt((0.3**2 + 0.4**2) / 2))


def test_score_of_nothing():
    result = score(np.empty((0, 2)), np.array([[1.0, 1.0]]), 0.1)
    assert (result.true, result.found, result.false) == (1, 0, 0)
    assert np.isnan(result.rms_error)
