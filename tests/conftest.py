# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import gc
import os

# Before anything imports Matplotlib or TensorFlow.
os.environ["MPLBACKEND"] = "agg"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Each worker has a core, and tests without workers as many threads: sums of several threads end in
# other digits, and with them a training in another network.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

import numpy as np
import pytest
from hypothesis import settings

settings.register_profile("repeatable", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("repeatable")


def pytest_xdist_auto_num_workers(config):
    """Return a worker for each core, up to four, for the whole suite, and none for a part."""
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    return min(os.cpu_count() or 1, 4) if whole else 0


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Collect without the collector of garbage, which need not look again at what stays."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        # What HyperSpy makes is many small objects, of which few are garbage.
        gc.set_threshold(10_000)
        gc.enable()


def pytest_collection_modifyitems(items):
    """Put slow tests first, beside which the other workers have enough to do."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


# HyperSpy is imported where it is needed: xdist reads this file, too, and only hands out tests.


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    import hyperspy.api as hs

    monkeypatch.setattr(hs.preferences.General, "show_progressbar", False)


@pytest.fixture
def close_figures():
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


@pytest.fixture
def spot_network(monkeypatch):
    """Make every model the one that finds bright spots."""
    from hyperspy_dlatoms.signals import _blocks
    from tests.helpers.handle import Handle
    from tests.helpers.spot_network import SpotNetwork

    network = SpotNetwork()
    monkeypatch.setattr(
        _blocks, "resolve", lambda model: _blocks.Model(Handle(network), network.card)
    )
    # There is nothing to choose among.
    monkeypatch.setattr(_blocks, "AUTO", "no choice")
    return network


@pytest.fixture
def spot_images():
    """Make images of spots: (signal, object array of the true positions, y and x in px)."""
    import hyperspy.api as hs

    from tests.helpers.spots import SHAPE, calibrate, spots

    def make(*navigation_shape, lazy=False, units="nm", chunks=None):
        rng = np.random.default_rng(7)
        truth = np.empty(navigation_shape, dtype=object)
        images = np.empty((*navigation_shape, *SHAPE), np.float32)
        lattice = np.stack(np.meshgrid([20, 48, 74], [18, 40, 65, 92], indexing="ij"), -1)
        for index in np.ndindex(navigation_shape):
            number = rng.integers(0, 13)
            chosen = np.sort(rng.choice(12, number, replace=False))
            truth[index] = (lattice.reshape(-1, 2) + rng.uniform(-3, 3, (12, 2)))[chosen]
            images[index] = spots(truth[index])
        signal = hs.signals.Signal2D(images)
        if lazy:
            signal = signal.as_lazy()
        if chunks is not None:
            signal.data = signal.data.rechunk(chunks)
        signal.metadata.General.title = "spots"
        calibrate(signal, units=units)
        return signal, truth

    return make


PARTICLE = {"element": "Ir", "size": 24.0, "diameter": 11.0, "thickness": 9.0, "rounded": True}


@pytest.fixture(scope="session")
def particle():
    """A small particle of the kind that networks are tested on."""
    from hyperspy_dlatoms.data.benchmark.exit_waves import Plan

    return Plan("metal", 1, 300e3, PARTICLE, snapshots=2, bound=True)


@pytest.fixture(scope="session")
def wave_folder(tmp_path_factory):
    """The directory of the exit waves that tests share."""
    return tmp_path_factory.mktemp("waves")


@pytest.fixture(scope="session")
def particle_waves(particle, wave_folder):
    from hyperspy_dlatoms.data.benchmark.exit_waves import load_exit_waves

    return load_exit_waves(particle, wave_folder)
