# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os

# Before anything imports Matplotlib or TensorFlow.
os.environ["MPLBACKEND"] = "agg"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import hyperspy.api as hs
import pytest
from hypothesis import settings

settings.register_profile("repeatable", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    monkeypatch.setattr(hs.preferences.General, "show_progressbar", False)


@pytest.fixture
def close_figures():
    import matplotlib.pyplot as plt

    yield
    plt.close("all")
