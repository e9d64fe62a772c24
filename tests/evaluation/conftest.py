# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from hyperspy_dlatoms.data.benchmark.curves import Benchmark, Point
from hyperspy_dlatoms.data.benchmark.exit_waves import Plan
from hyperspy_dlatoms.evaluation.bound import load_sensitivity


@pytest.fixture(scope="session")
def tiny(particle):
    """A benchmark of one particle, one film and few conditions."""
    imaging = {"defocus": 60.0, "Cs": -1e5, "focal_spread": 30.0, "sampling": 0.2, "dose": 1e3}
    doses = tuple(Point(dose, (particle,), {"dose": dose}) for dose in (10.0, 1000.0))
    curves = {"dose": doses, "thickness": (Point(9.0, (particle,)),)}
    curves["support"] = (Point("vacuum", (particle,)),)
    film = Plan("film", 2, 300e3, {"size": 20.0, "thickness": 5.0}, snapshots=2)
    empty = Plan("vacuum", 3, 300e3, {"size": 20.0}, snapshots=2)
    return Benchmark("metal", imaging, curves, {0.0: (empty,), 5.0: (film,)}, film_doses=(1000.0,))


@pytest.fixture(scope="session")
def particle_sensitivity(particle, wave_folder):
    return load_sensitivity(particle, wave_folder)


@pytest.fixture(scope="session")
def oracle(particle_waves):
    """A finder that knows where the columns of the particle are, but for given errors.

    With a `height_shift` it gives heights, wrong by so much, with a sigma of 1.
    """

    def make(shift=(0.0, 0.0), missing=0, false=0, probability=0.9, sigma=0.1, height_shift=None):
        def find(frame, sampling, threshold=None):
            # The frames of the film and the vacuum are smaller.
            shown = len(frame) * sampling > 22
            places = particle_waves.truth.positions[missing:] + shift if shown else np.empty((0, 2))
            extra = np.column_stack([np.full(false, 5.0), 6.0 + np.arange(false)])
            places = np.concatenate([places, extra])
            sites = np.full((len(places), 5), sigma / sampling)
            sites[:, :2] = places / sampling
            sites[:, 2] = probability
            if height_shift is None:
                return sites
            told = np.ones((len(places), 2))
            if shown:
                told[: len(told) - false, 0] = particle_waves.truth.heights[missing:] + height_shift
            return np.column_stack([sites, told])

        return find

    return make
