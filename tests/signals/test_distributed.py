# SPDX-License-Identifier: GPL-3.0-or-later
"""Movies on a cluster: several processes, one of which may die."""

from __future__ import annotations

import os
import signal
import threading
import time

import dask
import hyperspy.api as hs
import pytest

from hyperspy_dlatoms.signals import _axes
from tests.helpers.same_frames import same_frames
from tests.helpers.slow_network import SlowNetwork

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def client():
    config = {"distributed.worker.daemon": True, "distributed.scheduler.allowed-failures": 5}
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with (
        dask.config.set(config),
        distributed.LocalCluster(**options) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def movie(spot_network, spot_images, monkeypatch):
    monkeypatch.setattr(_axes, "_BLOCK_SIZE", 1)
    monkeypatch.setattr(spot_network, "__class__", SlowNetwork)
    signal, _ = spot_images(24, lazy=True, chunks=(1, -1, -1))
    return signal


@pytest.fixture
def expected(movie):
    with dask.config.set(scheduler="threads"):
        return movie.find_atoms_nn("spots", lazy_output=False)


def test_the_same_as_on_one_machine(expected, movie, client, tmp_path):
    atoms = movie.find_atoms_nn("spots", lazy_output=False)
    same_frames(atoms.data, expected.data)
    assert atoms.metadata.as_dictionary() == expected.metadata.as_dictionary()
    stored = movie.find_atoms_nn("spots", store=tmp_path, lazy_output=False)
    same_frames(stored.data, expected.data)


def test_a_lazy_file_of_hyperspy(expected, movie, client, tmp_path):
    with dask.config.set(scheduler="threads"):
        movie.save(tmp_path / "movie.hspy")
    lazy = hs.load(tmp_path / "movie.hspy", lazy=True)
    stored = lazy.find_atoms_nn("spots", store=tmp_path / "store", lazy_output=False)
    same_frames(stored.data, expected.data)


@pytest.mark.parametrize("store", [None, "store"])
def test_a_sound_file_that_other_processes_cannot_read(movie, client, tmp_path, store):
    with dask.config.set(scheduler="threads"):
        movie.save(tmp_path / "movie.tif")
    lazy = hs.load(tmp_path / "movie.tif", lazy=True)
    with pytest.raises(TypeError, match="cannot be sent to other processes.*scheduler='threads'"):
        lazy.find_atoms_nn("spots", store=store and tmp_path / store, lazy_output=False)


def test_a_worker_that_dies_loses_nothing(expected, movie, client, tmp_path):
    killed = []

    def kill():
        while len(list(tmp_path.glob("*.npz"))) < 4:
            time.sleep(0.01)
        pid = next(iter(client.run(os.getpid).values()))
        os.kill(pid, signal.SIGKILL)
        killed.append(pid)

    killer = threading.Thread(target=kill)
    killer.start()
    atoms = movie.find_atoms_nn("spots", store=tmp_path, lazy_output=False)
    killer.join()
    assert len(killed) == 1
    same_frames(atoms.data, expected.data)
