# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from types import SimpleNamespace

import pytest

from hyperspy_dlatoms.training._callbacks import State, progress_text


@pytest.mark.parametrize(
    ("state", "limits", "text"),
    [
        (State(), (None, 60), "epoch 0, 0 of 60 min"),
        (State(epoch=3, minutes=15), (None, 60), "epoch 3 of about 12, 15 of 60 min"),
        (State(epoch=3, step=300), (1000, None), "epoch 3 of about 10, step 300 of 1000"),
        (State(epoch=9, minutes=60.4), (None, 60), "epoch 9 of about 9, 60 of 60 min"),
    ],
)
def test_epochs_of_the_time_that_there_is(state, limits, text):
    steps, minutes = limits
    assert progress_text(state, SimpleNamespace(steps=steps, minutes=minutes)) == text
