# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from hyperspy_dlatoms.cli.demo import score


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
