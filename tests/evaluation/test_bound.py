# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from hyperspy_dlatoms.data.benchmark.specimens import wulff_particle
from hyperspy_dlatoms.data.benchmark.waves import SAMPLING, displaced, resting_wave
from hyperspy_dlatoms.evaluation import bound
from hyperspy_dlatoms.evaluation.bound import (
    FOOTPRINT,
    colour,
    deviations,
    fisher,
    frame_bounds,
    load_sensitivity,
    site_bounds,
)
from hyperspy_dlatoms.simulation.imaging.camera import Camera, record
from hyperspy_dlatoms.simulation.imaging.conditions import Conditions
from hyperspy_dlatoms.simulation.imaging.image import image_intensity
from hyperspy_dlatoms.simulation.imaging.lens import Lens

LENS = Lens(defocus=60.0, Cs=-1e5, focal_spread=30.0)
CONDITIONS = Conditions(LENS, Camera(sampling=0.2, dose=1000.0, blur=0.15))


def gaussians(centres, dose=100.0, contrast=0.05, width=0.6):
    """Mean of an image of Gaussian columns, and its derivatives by their y and x."""
    pixel = 0.1
    y, x = pixel * np.mgrid[:160, :160]
    columns = [np.exp(-((y - a) ** 2 + (x - b) ** 2) / (2 * width**2)) for a, b in centres]
    scale = dose * pixel**2
    mean = scale * (1 + contrast * np.sum(columns, axis=0))
    slopes = [
        scale * contrast * column * (along - at) / width**2
        for column, centre in zip(columns, centres, strict=True)
        for along, at in zip((y, x), centre, strict=True)
    ]
    return mean.ravel(), np.reshape(slopes, (len(slopes), -1))


@pytest.mark.parametrize("width", [0.4, 0.9])
@pytest.mark.parametrize("dose", [10.0, 1000.0])
def test_an_isolated_column(width, dose):
    mean, slopes = gaussians([(8.0, 8.03)], dose, 0.05, width)
    own, joint = deviations(fisher(mean, slopes))
    np.testing.assert_allclose(own, np.sqrt(2 / (np.pi * dose)) / 0.05, rtol=0.03)
    np.testing.assert_allclose(joint, own, rtol=1e-6)


def test_an_efficient_estimator_reaches_it():
    mean, slopes = gaussians([(8.0, 8.0)], dose=1e4, contrast=0.5)
    rng = np.random.default_rng(0)
    information = fisher(mean, slopes)
    # One step of scoring from the true position.
    excess = rng.poisson(mean, (200, mean.size)) - mean
    estimates = np.linalg.solve(information, slopes @ (excess / mean).T)
    own, _ = deviations(information)
    np.testing.assert_allclose(estimates.std(axis=1), own[0], rtol=0.15)


def test_a_near_neighbour_costs_only_if_it_is_unknown():
    alone = deviations(fisher(*gaussians([(8.0, 8.0)])))[0]
    own, joint = deviations(fisher(*gaussians([(8.0, 8.0), (8.0, 8.5)])))
    np.testing.assert_allclose(own[0], alone[0], rtol=0.05)
    assert joint[0, 1] > 1.1 * own[0, 1]
    far, far_joint = deviations(fisher(*gaussians([(4.0, 4.0), (12.0, 12.0)])))
    np.testing.assert_allclose(far, far_joint, rtol=1e-4)


def test_the_information_of_a_series_adds_up():
    mean, slopes = gaussians([(8.0, 8.0)])
    both = fisher(np.tile(mean, 2), np.tile(slopes, 2))
    np.testing.assert_allclose(both, 2 * fisher(mean, slopes), atol=1e-9 * both.max())
    np.testing.assert_allclose(deviations(both)[0], deviations(both / 2)[0] / np.sqrt(2))


def test_where_there_is_no_contrast():
    mean, slopes = gaussians([(8.0, 8.0)], contrast=0.0)
    own, joint = deviations(fisher(mean, slopes))
    assert np.isinf(own).all() and np.isinf(joint).all()


def test_a_site_without_contrast_leaves_the_others_known():
    information = np.diag([4.0, 4.0, 9.0, 9.0, 0.0, 0.0])
    for bounds in deviations(information):
        np.testing.assert_allclose(bounds, [[1 / 2] * 2, [1 / 3] * 2, [np.inf] * 2])


def test_empty_pixels_are_refused():
    with pytest.raises(ValueError, match="positive"):
        fisher(np.array([1.0, 0.0]), np.ones((2, 2)))


def test_colours_keep_their_distance():
    row = np.column_stack([np.arange(5.0), np.zeros(5)])
    assert colour(row, 2.0, np.ones(5, dtype=bool)).tolist() == [0, 1, 0, 1, 0]
    points = np.random.default_rng(1).uniform(0, 20, (150, 2))
    colours = colour(points, 4.0, points[:, 0] < 15)
    np.testing.assert_array_equal(colours >= 0, points[:, 0] < 15)
    for one in range(colours.max() + 1):
        assert pdist(points[colours == one]).min(initial=np.inf) >= 4.0


def test_sites_against_columns_moved_one_by_one(particle, particle_sensitivity):
    specimen = wulff_particle(np.random.default_rng(particle.seed), **particle.arguments)
    bounds = site_bounds(particle_sensitivity, particle.energy, CONDITIONS)
    assert bounds.shape == (len(specimen.sites()), 4)

    def image(of):
        wave = resting_wave(of, particle.energy)
        intensity = image_intensity(wave, SAMPLING, particle.energy, LENS)
        camera = CONDITIONS.camera
        return record(intensity, SAMPLING, camera, 0.2).ravel() * camera.dose * 0.2**2

    mean = image(specimen).astype(float)
    for site in (0, len(bounds) // 2):
        slopes = []
        for axis in ([0, 1, 0], [1, 0, 0]):
            move = 0.02 * np.outer(specimen.column == site, axis)
            ahead, behind = (image(displaced(specimen, way * move)) for way in (1, -1))
            slopes.append((ahead - behind) / 0.04)
        own, _ = deviations(fisher(mean, np.array(slopes, dtype=float)))
        np.testing.assert_allclose(bounds[site, :2], own[0], rtol=0.05)


def test_bounds_of_a_particle(particle, particle_waves, particle_sensitivity):
    bounds = site_bounds(particle_sensitivity, particle.energy, CONDITIONS)
    assert (bounds[:, 2:] >= bounds[:, :2] * (1 - 1e-6)).all()
    stronger = replace(CONDITIONS, camera=replace(CONDITIONS.camera, dose=4000.0))
    quarter = site_bounds(particle_sensitivity, particle.energy, stronger)
    np.testing.assert_allclose(quarter, bounds / 2, rtol=1e-6)
    high = particle_waves.truth.heights >= 3
    assert np.median(bounds[high, :2]) < np.median(bounds[~high, :2])
    alike = particle_waves.truth.positions[particle_sensitivity.colours == 0]
    assert pdist(alike).min(initial=np.inf) >= 2 * FOOTPRINT


def test_noise_of_a_scintillator_is_refused(particle, particle_sensitivity):
    scintillator = replace(CONDITIONS, camera=replace(CONDITIONS.camera, noise_transfer=1))
    with pytest.raises(ValueError, match="noise_transfer"):
        site_bounds(particle_sensitivity, particle.energy, scintillator)


def test_a_sensitivity_is_computed_once(particle, particle_sensitivity, wave_folder, monkeypatch):
    monkeypatch.setattr(bound, "sensitivity", lambda *_: pytest.fail("computed again"))
    again = load_sensitivity(particle, wave_folder)
    for name, value in vars(particle_sensitivity).items():
        np.testing.assert_array_equal(getattr(again, name), value)


def test_bounds_of_frames_where_they_are_known(particle, particle_sensitivity):
    def bounds(conditions):
        return frame_bounds(particle_sensitivity, particle.energy, conditions)

    weaker = replace(CONDITIONS, camera=replace(CONDITIONS.camera, dose=10.0))
    np.testing.assert_allclose(bounds(weaker), 10 * bounds(CONDITIONS), rtol=1e-6)
    for change in ({"dose": np.inf}, {"readout": 1.0}):
        assert bounds(replace(CONDITIONS, camera=replace(CONDITIONS.camera, **change))) is None
    assert bounds(replace(CONDITIONS, defocus_ramp=200.0)) is None
