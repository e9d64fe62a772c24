# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from hyperspy_dlatoms.data.benchmark import benchmark
from hyperspy_dlatoms.evaluation.trials import trial


def test_the_earlier_name_warns():
    with pytest.warns(DeprecationWarning, match="curves.benchmark"):
        assert trial("graphene", quick=True) == benchmark("graphene", quick=True)
