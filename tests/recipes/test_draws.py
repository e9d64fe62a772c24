# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperspy_dlatoms.recipes.draws import bounds, draw, draw_count

numbers = st.floats(1e-3, 1e6)


@given(st.tuples(numbers, numbers).map(sorted), st.booleans(), st.integers(0, 1000))
def test_a_range_is_kept(pair, logarithmic, seed):
    spec = {"log": list(pair)} if logarithmic else list(pair)
    value = draw(np.random.default_rng(seed), spec)
    low, high = bounds(spec)
    assert low * (1 - 1e-9) <= value <= high * (1 + 1e-9)


def test_weights_decide_between_choices():
    rng = np.random.default_rng(0)
    drawn = [draw(rng, {"choice": ["a", "b"], "weights": [1, 3]}) for _ in range(2000)]
    assert drawn.count("b") / 2000 == pytest.approx(0.75, abs=0.04)


def test_choices_may_be_ranges():
    rng = np.random.default_rng(0)
    drawn = {draw(rng, {"choice": [0, [5, 6]]}) for _ in range(50)}
    assert 0 in drawn
    assert all(value == 0 or 5 <= value <= 6 for value in drawn)
    assert bounds({"choice": [0, [5, 6]]}) == (0, 6)


def test_a_logarithmic_range_is_even_in_the_logarithm():
    rng = np.random.default_rng(0)
    drawn = np.array([draw(rng, {"log": [1, 100]}) for _ in range(2000)])
    assert np.median(drawn) == pytest.approx(10, rel=0.15)


@pytest.mark.parametrize("spec", [[3, 1], {"log": [0, 1]}, ["a", "b"], [1, 2, 3], {"lin": [0, 1]}])
def test_what_is_no_range_is_refused(spec):
    with pytest.raises(ValueError, match="range"):
        bounds(spec)


def test_each_count_of_a_range_is_drawn():
    rng = np.random.default_rng(1)
    assert {draw_count(rng, (1, 4)) for _ in range(60)} == {1, 2, 3, 4}
    assert draw_count(rng, 3) == 3
    assert draw_count(rng, 2.6) == 3
    for wrong in ((3, 1), -1):
        with pytest.raises(ValueError, match="expected 0 <= low <= high"):
            draw_count(rng, wrong)
