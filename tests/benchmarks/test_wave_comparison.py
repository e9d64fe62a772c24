# SPDX-License-Identifier: GPL-3.0-or-later
import dataclasses

import numpy as np
import pytest
from peers import species_comparison, wave_comparison
from peers.wave_comparison import compare_waves, in_the_middle, plane_of, wave_errors

from hyperspy_dlatoms.data.benchmark.exit_waves import load_exit_waves
from tests.helpers.copier import Copier

SHEET = {"size": 34.0, "metal_vacancies": 0.05, "single_vacancies": 0.1, "tilt": 0.5}
RECIPE = """
name: layer
seed: 1
waves: {{plane: {}}}
structures: [{{structure: vacuum}}]
imaging: {{defocus: 50}}
"""


class Vacuum(Copier):
    """Sees nothing."""

    def waves(self, batch, defoci=None):
        return np.ones((len(batch), *batch.shape[2:]), np.complex64)


def test_errors_of_known_size():
    rng = np.random.default_rng(0)
    phase, more = rng.normal(0, 0.05, (2, 200, 200))
    errors = wave_errors(np.exp(1j * (phase + more)), np.exp(1j * phase))
    assert errors.relative == pytest.approx(1, abs=0.05)
    assert errors.phase == pytest.approx(0.05, abs=0.005)
    assert errors.amplitude < 0.005
    stronger = wave_errors(1 + 0.1 * more, np.ones_like(more) + 1e-3 * phase)
    assert stronger.phase < 1e-9
    assert stronger.amplitude == pytest.approx(0.005, rel=0.05)


def test_shapes_that_differ():
    with pytest.raises(ValueError, match="shapes"):
        wave_errors(np.ones((2, 2)), np.ones((3, 2)))


def test_the_more_is_known_the_better_the_wave(wave_folder, monkeypatch):
    monkeypatch.setattr(species_comparison, "UNSEEN", (SHEET,))
    monkeypatch.setattr(wave_comparison, "UNSEEN", (SHEET,))
    table = compare_waves(wave_folder, {"vacuum": Vacuum()}, doses=(1e4,), lenses=2)
    errors = table.set_index("method").relative
    assert list(errors.index) == [
        "vacuum, defoci known",
        "vacuum, images alone",
        "IWFR, all aberrations known",
        "IWFR, defoci and Cs known",
        "IWFR, nominal lens",
    ]
    np.testing.assert_allclose(errors.iloc[:2], 1, atol=1e-5)
    assert errors.iloc[2] < errors.iloc[3] < errors.iloc[4]
    assert errors.iloc[2] < 0.9
    assert (table.seconds > 0).any()


def test_waves_are_compared_in_the_plane_that_the_network_gives_them_in(wave_folder, monkeypatch):
    monkeypatch.setattr(species_comparison, "UNSEEN", (SHEET,))
    plan = species_comparison.plan_of(SHEET, "MoS2")
    at_the_exit = load_exit_waves(plan, wave_folder)
    middle = in_the_middle(plan, at_the_exit)
    # A thin layer turns the phase; what changes the amplitude comes with the way behind it.
    contrast = [np.abs(one.waves).std() for one in (middle, at_the_exit)]
    assert contrast[0] < 0.6 * contrast[1]

    of_plane = [with_recipe(RECIPE.format(plane)) for plane in ("exit", "middle")]
    assert [plane_of([one]) for one in (*of_plane, Vacuum())] == ["exit", "middle", "exit"]
    with pytest.raises(ValueError, match="different planes"):
        plane_of(of_plane)


def with_recipe(recipe):
    network = Vacuum()
    network.card = dataclasses.replace(network.card, recipe=recipe)
    return network
