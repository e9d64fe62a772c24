# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from types import SimpleNamespace

import pytest

from hyperspy_dlatoms.training._callbacks import State, learning_rate, progress_text


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


def test_the_rate_rises_then_falls():
    rates = [learning_rate(step, step / 2000, 1.0) for step in range(2000)]
    top = rates.index(max(rates))
    assert 100 < top < 300
    assert rates[:top] == sorted(rates[:top])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[-1] < 0.02


@pytest.mark.parametrize(
    ("state", "limits", "share"),
    [
        (State(step=10, minutes=9.0), (100, 10.0), 0.9),
        (State(step=95, minutes=1.0), (100, 10.0), 0.95),
        (State(step=200, minutes=1.0), (100, None), 1),
    ],
)
def test_whichever_limit_comes_first(state, limits, share):
    steps, minutes = limits
    assert state.share(SimpleNamespace(steps=steps, minutes=minutes)) == share


def test_a_training_without_limit_is_refused():
    with pytest.raises(ValueError, match="steps, minutes or both"):
        State(step=1, minutes=1.0).share(SimpleNamespace(steps=None, minutes=None))
