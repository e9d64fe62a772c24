# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from hyperspy_dlatoms.data.benchmark import waves
from hyperspy_dlatoms.data.benchmark.specimens import wulff_particle
from hyperspy_dlatoms.simulation.specimens.amorphous import vacuum


@pytest.fixture(scope="module")
def small():
    return wulff_particle(np.random.default_rng(3), "Au", size=20, diameter=9, thickness=6)


def test_displacements_of_a_pair_are_opposite(small, monkeypatch):
    seen = []
    monkeypatch.setattr(waves, "_wave", lambda specimen, energy: seen.append(specimen.atoms) or 0)
    waves.phonon_waves(np.random.default_rng(0), small, 300e3, 4)
    moved = [atoms.positions - small.atoms.positions for atoms in seen]
    np.testing.assert_allclose(moved[0], -moved[1], atol=1e-12)
    np.testing.assert_allclose(moved[2], -moved[3], atol=1e-12)
    assert not np.allclose(moved[0], moved[2])
    assert np.std(moved) == pytest.approx(waves.DISPLACEMENT["Au"], rel=0.15)


def test_waves_differ_and_carry_all_electrons(small):
    pair = waves.phonon_waves(np.random.default_rng(0), small, 300e3, 2)
    assert pair.shape == (2, 100, 100)
    assert pair.dtype == np.complex64
    assert np.abs(pair[0] - pair[1]).max() > 0.01
    np.testing.assert_allclose((np.abs(pair) ** 2).mean(axis=(1, 2)), 1, atol=0.02)


def test_the_resting_wave_is_the_elastic_part(small):
    mean = waves.phonon_waves(np.random.default_rng(0), small, 300e3, 16).mean(axis=0)
    resting = waves.resting_wave(small, 300e3)
    at_rest = waves._wave(small, 300e3)
    assert np.linalg.norm(resting - mean) < 0.7 * np.linalg.norm(at_rest - mean)


def test_an_odd_number_of_snapshots():
    with pytest.raises(ValueError, match="even"):
        waves.phonon_waves(np.random.default_rng(0), vacuum(10), 300e3, 3)
