# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks of exit waves that come with the package, on sheets that no recipe can draw."""

import numpy as np
import pytest
from peers import baselines
from peers.focal_series import take_series
from peers.species_comparison import as_signal
from peers.wave_comparison import wave_errors

from hyperspy_dlatoms.data.benchmark.exit_waves import Plan, make_exit_waves
from hyperspy_dlatoms.networks.waves import band_limited
from hyperspy_dlatoms.registry import catalogue
from hyperspy_dlatoms.simulation.imaging.camera import Camera
from hyperspy_dlatoms.simulation.imaging.conditions import Conditions
from hyperspy_dlatoms.simulation.imaging.lens import Lens

MATERIALS = {"mos2-exit-wave": "MoS2", "mx2-exit-wave": "WSe2"}
SEED = 6110
INNER = (slice(20, -20), slice(20, -20))


@pytest.fixture(scope="module", params=MATERIALS)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def specimen(name):
    arguments = {"formula": MATERIALS[name], "size": 44.0, "tilt": 0.5, "single_vacancies": 0.06}
    return make_exit_waves(Plan("dichalcogenide", SEED, 80e3, arguments, snapshots=2))


def series_of(specimen, dose=1e4):
    lens = Lens(Cs=-8e4, focal_spread=28.0, coma=200.0, astigmatism=10.0)
    camera = Camera(sampling=0.1, dose=dose, blur=0.15, mtf=(1.0, 0.03, 0.45, 2.5))
    rng = np.random.default_rng(SEED)
    conditions = Conditions(lens=lens, camera=camera)
    return take_series(rng, specimen, conditions, np.array([0.0, 50.0, 100.0]))


def test_the_card_says_what_it_is(name):
    card = catalogue.load(name).card
    assert catalogue.path(name).stat().st_size < 4e6
    assert card.arguments["wave"] and card.arguments["images"] == 3
    assert card.recipe.startswith(f"name: {name}\n")
    errors = card.scores["relative error"]
    assert set(errors) == {"defoci known", "images alone"}


@pytest.mark.parametrize("told", [True, False])
def test_the_wave_is_nearer_than_the_iterative_reconstruction(name, specimen, told):
    series = series_of(specimen)
    signal = as_signal(series)
    if not told:
        signal.axes_manager.navigation_axes[0].name = "number"
    wave = signal.reconstruct_exit_wave_nn(name, show_progressbar=False)
    assert wave.metadata.VectorMetadata.has_item("defoci") == told
    true = band_limited(specimen.waves.mean(axis=0), 0.2)[INNER]
    ours = wave_errors(band_limited(wave.data, 0.2)[INNER], true)
    classical = wave_errors(band_limited(baselines.wave_image(series, "all")[0], 0.2)[INNER], true)
    assert ours.relative < 0.4
    assert ours.relative < 0.8 * classical.relative
    assert ours.phase < classical.phase


def test_a_vacuum_is_a_plane_wave(name):
    nothing = make_exit_waves(Plan("vacuum", 1, 80e3, {"size": 44.0}, 2))
    wave = as_signal(series_of(nothing)).reconstruct_exit_wave_nn(name, show_progressbar=False)
    assert np.abs(wave.data[INNER] - 1).max() < 0.15
