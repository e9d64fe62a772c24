# SPDX-License-Identifier: GPL-3.0-or-later
import pytest

from hyperspy_dlatoms.recipes.recipe import parse_recipe
from hyperspy_dlatoms.simulation.dataset import simulate

TINY = """
name: tiny
seed: 7
waves: {count: 6, size: 24.0, sampling: 0.2, energy: 80.0e+3}
images: {per_wave: 0}
structures:
  - {structure: graphene, share: 3, kind: perfect}
  - {structure: vacuum, share: 1}
imaging: {defocus: [40, 60], coma: [0, 100], sampling: [0.15, 0.25], dose: {log: [1.0e+3, 1.0e+5]}}
network: {classes: [C], widths: [8, 16], dilations: [1], radius: 0.5, minimum_distance: 0.9}
training:
  batch: 2
  crop: 64
  steps: 12
  steps_per_epoch: 3
  validation_batches: 1
  curriculum: {dose: 10000, until: 0.5}
"""

TINY_SERIES = """
name: tiny-series
seed: 8
waves: {count: 4, size: 24.0, sampling: 0.2, energy: 80.0e+3}
images: {per_wave: 0}
structures:
  - structure: two-dimensional
    metal_vacancies: 0.1
    single_vacancies: 0.1
    double_vacancies: 0.1
    substituent: W
    substituted: 0.1
imaging:
  images: 3
  defocus: [-20, 20]
  defocus_step: {choice: [[30, 50], [-50, -30]]}
  sampling: [0.15, 0.25]
  dose: {log: [1.0e+3, 1.0e+5]}
network:
  classes: [Mo, S, Mo vacancy, S vacancy]
  heights: true
  widths: [8, 16]
  dilations: [1]
  radius: 0.5
  minimum_distance: 1.1
training: {batch: 2, crop: 64, steps: 6, steps_per_epoch: 3, validation_batches: 2}
"""

TINY_WAVE = (
    TINY_SERIES.replace("name: tiny-series", "name: tiny-wave")
    .replace("[Mo, S, Mo vacancy, S vacancy]", "[exit wave]")
    .replace("heights: true", "wave: true")
    .replace("sampling: [0.15, 0.25]", "sampling: [0.1, 0.2]")
)

TINY_SCANNED = """
name: tiny-scanned
seed: 9
waves: {count: 4, size: 24.0, sampling: 0.2, method: incoherent}
images: {per_wave: 0}
structures:
  - {structure: two-dimensional, share: 3}
  - {structure: vacuum, share: 1}
imaging:
  detector: {choice: [ADF, ABF]}
  sampling: [0.1, 0.3]
  shear: [-0.1, 0.1]
  stretch: [0, 0.05]
  dose: {log: [1.0e+4, 1.0e+5]}
network: {classes: [column], widths: [8, 16], dilations: [1], radius: 0.5, minimum_distance: 0.9}
training: {batch: 2, crop: 64, steps: 6, steps_per_epoch: 3, validation_batches: 1}
"""


@pytest.fixture(scope="session")
def tiny():
    return parse_recipe(TINY)


@pytest.fixture(scope="session")
def tiny_data(tiny, tmp_path_factory):
    directory = tmp_path_factory.mktemp("tiny") / "data"
    return simulate(tiny, directory, num_workers=1, show_progressbar=False)


@pytest.fixture(scope="session")
def tiny_series():
    return parse_recipe(TINY_SERIES)


@pytest.fixture(scope="session")
def tiny_series_data(tiny_series, tmp_path_factory):
    directory = tmp_path_factory.mktemp("tiny-series") / "data"
    return simulate(tiny_series, directory, num_workers=1, show_progressbar=False)


@pytest.fixture(scope="session")
def tiny_wave():
    """A recipe of the same waves as `tiny_series`."""
    return parse_recipe(TINY_WAVE)


@pytest.fixture(scope="session")
def tiny_scanned():
    return parse_recipe(TINY_SCANNED)


@pytest.fixture(scope="session")
def tiny_scanned_data(tiny_scanned, tmp_path_factory):
    directory = tmp_path_factory.mktemp("tiny-scanned") / "data"
    return simulate(tiny_scanned, directory, num_workers=1, show_progressbar=False)
