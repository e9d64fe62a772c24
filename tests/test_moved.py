# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from hyperspy_dlatoms._moved import MOVED

# What docs/api.rst of the previous release named, and where it is now.
NAMES = {
    "detection.pair_distances.pair_distances": "analysis",
    "detection.prevalence.Rates": "analysis",
    "detection.prevalence.prevalence": "analysis",
    "evaluation.matching.match": "analysis.matching",
    "simulation.amorphous.amorphous_carbon": "simulation.specimens.amorphous",
    "simulation.camera.Camera": "simulation.imaging.camera",
    "simulation.cluster.metal_cluster": "simulation.specimens.cluster",
    "simulation.conditions.Conditions": "simulation.imaging.conditions",
    "simulation.graphene.graphene_sheet": "simulation.specimens.graphene",
    "simulation.lens.Lens": "simulation.imaging.lens",
    "simulation.metal.metal_nanoparticle": "simulation.specimens.metal",
    "simulation.oxide.oxide_slab": "simulation.specimens.oxide",
}


@pytest.mark.parametrize("name", NAMES)
def test_old_names_are_found_with_a_warning(name, monkeypatch):
    module, _, attribute = f"hyperspy_dlatoms.{name}".rpartition(".")
    monkeypatch.delitem(sys.modules, module, raising=False)
    now = f"hyperspy_dlatoms.{NAMES[name]}"
    with pytest.warns(DeprecationWarning, match=rf"^{module} is now {now};") as caught:
        found = importlib.import_module(module)
    assert caught[0].filename == importlib.__file__
    assert getattr(found, attribute) is getattr(importlib.import_module(now), attribute)


def test_all_that_moved_is_tested():
    assert set(MOVED) == {f"hyperspy_dlatoms.{name}".rpartition(".")[0] for name in NAMES}


def test_what_stayed_in_a_package_that_was_a_module():
    from hyperspy_dlatoms.simulation.imaging import take_image  # before: a module of this name

    assert take_image.__name__ == "take_image"


def test_what_left_the_package_says_where_it_is():
    with pytest.raises(ModuleNotFoundError, match=r"it is (\S+) in the source tree") as caught:
        importlib.import_module("hyperspy_dlatoms.evaluation.exit_waves")
    place = str(caught.value).split(" it is ")[1].split()[0]
    root = Path(__file__).parents[1]
    assert (root / place).is_file() or not (root / "benchmarks").exists()


def test_other_names_are_not_found():
    with pytest.raises(ModuleNotFoundError, match="detection.nothing"):
        importlib.import_module("hyperspy_dlatoms.detection.nothing")
