# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hyperspy_dlatoms.detection._flicker import level_flicker
from hyperspy_dlatoms.detection.pipeline import working_image
from tests.helpers.blob_network import BlobNetwork

SPACING = 3.2  # Å.


def scan(side=200, sampling=0.12, angle=0.0, *, seed=0, dose=100.0, contrast=-0.25, jitter=0.0):
    """Counts of a square lattice; the rows of the scan are off by `jitter` (Å) each."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] * sampling + 0.4
    y = y + rng.normal(0, jitter, (side, 1))
    v, u = np.cos(angle) * y + np.sin(angle) * x, np.cos(angle) * x - np.sin(angle) * y
    dv, du = ((one + SPACING / 2) % SPACING - SPACING / 2 for one in (v, u))
    columns = np.exp(-(dv**2 + du**2) / (2 * 0.5**2))
    return rng.poisson(dose * (1 + contrast * columns)).astype(np.float32)


def flicker(frame, share, kind, seed=1, correlated=False):
    """A scan whose rows are brighter or darker by a share of the mean, and by how much (H,)."""
    rows = np.random.default_rng(seed).normal(0, share, (len(frame), 1)).astype(np.float32)
    if correlated:
        rows = (rows + np.roll(rows, 1) + np.roll(rows, -1)) / np.float32(np.sqrt(3))
    added = rows * (frame if kind == "multiplied" else frame.mean())
    return frame + added, added.mean(axis=1)


@pytest.mark.parametrize("kind", ["multiplied", "added"])
@pytest.mark.parametrize("angle", [0.0, 0.015, 0.3])
@pytest.mark.parametrize("side", [128, 300])
@pytest.mark.parametrize("correlated", [False, True])
def test_flicker_is_levelled_and_the_lattice_stays(kind, angle, side, correlated):
    clean = scan(side, angle=angle)
    flickering, added = flicker(clean, 0.1, kind, correlated=correlated)
    left = level_flicker(flickering, 0.12).mean(axis=1) - clean.mean(axis=1)
    slow = np.polyval(np.polyfit(np.arange(side), left, 3), np.arange(side))
    assert (left - slow).std() < 0.35 * added.std()


def test_edges_and_vacuum_stay():
    clean = scan(300, angle=0.2)
    clean[:, 200:] = np.random.default_rng(3).poisson(100, (300, 100))
    flickering, added = flicker(clean, 0.1, "added")
    left = level_flicker(flickering, 0.12) - clean
    assert left.std() < 0.35 * added.std()


@pytest.mark.parametrize("angle", [0.0, 0.015, 0.4])
@pytest.mark.parametrize("sampling", [0.05, 0.12, 0.3])
@pytest.mark.parametrize("dose", [0.05, 3, 1000])
@pytest.mark.parametrize("contrast", [-0.25, 20.0])
@pytest.mark.parametrize("jitter", [0.0, 0.08])
def test_scans_without_flicker_are_left_alone(angle, sampling, dose, contrast, jitter):
    settings = {"dose": dose, "contrast": contrast, "jitter": jitter}
    frame = scan(256, sampling, angle, **settings)
    assert level_flicker(frame, sampling) is frame


def test_a_slope_is_no_flicker():
    y, x = np.mgrid[:240, :240] / 240
    frame = scan(240, contrast=-0.02, dose=1e4, jitter=0.05) * (1 + y + x).astype(np.float32)
    assert level_flicker(frame, 0.12) is frame


@pytest.mark.parametrize("shape", [(1, 1), (2, 40), (40, 3), (300, 12)])
def test_scans_too_small_to_tell_are_left_alone(shape):
    frame = np.random.default_rng(0).normal(0, 1, shape).astype(np.float32)
    assert level_flicker(frame, 0.1) is frame


def test_one_value_is_left_alone():
    frame = np.full((100, 100), 7, np.float32)
    assert level_flicker(frame, 0.1) is frame


def test_networks_see_scans_levelled_and_camera_images_as_they_are():
    clean = scan(angle=0.3)
    flickering, _ = flicker(clean, 0.2, "added")
    card = dataclasses.replace(BlobNetwork().card, sampling=0.12)

    def unlike(modality):
        seen = (
            working_image(one, 0.12, dataclasses.replace(card, modality=modality))[0]
            for one in (flickering, clean)
        )
        return float(np.diff(next(seen).mean(axis=1) - next(seen).mean(axis=1)).std())

    assert unlike("STEM") < 0.2 * unlike("HRTEM")
