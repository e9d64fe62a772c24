# SPDX-License-Identifier: GPL-3.0-or-later
import pytest

from hyperspy_dlatoms.training._schedule import learning_rate, share_done


def test_the_rate_rises_then_falls():
    rates = [learning_rate(step, step / 2000, 1.0) for step in range(2000)]
    top = rates.index(max(rates))
    assert 100 < top < 300
    assert rates[:top] == sorted(rates[:top])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[-1] < 0.02


def test_whichever_limit_comes_first():
    assert share_done(10, 9.0, 100, 10.0) == 0.9
    assert share_done(95, 1.0, 100, 10.0) == 0.95
    assert share_done(200, 1.0, 100, None) == 1


def test_a_training_without_limit_is_refused():
    with pytest.raises(ValueError, match="steps, minutes or both"):
        share_done(1, 1.0, None, None)
