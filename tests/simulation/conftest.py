# SPDX-License-Identifier: GPL-3.0-or-later
import pytest

SMALL = """
name: small
seed: 5
waves: {count: 6, size: 20.0, sampling: 0.25, energy: 80.0e+3}
images: {per_wave: 2, pixels: 48}
structures:
  - {structure: graphene, share: 3, kind: perfect}
  - {structure: vacuum, share: 1}
imaging: {defocus: [40, 60], sampling: [0.15, 0.3], dose: {log: [1.0e+3, 1.0e+5]}}
"""


@pytest.fixture(scope="session")
def small_recipe_text():
    return SMALL


@pytest.fixture
def small_recipe(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    return path
