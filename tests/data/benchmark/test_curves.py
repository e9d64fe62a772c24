# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from hyperspy_dlatoms.data.benchmark.curves import benchmark, material_of
from hyperspy_dlatoms.recipes.imaging import IMAGING


@pytest.mark.parametrize("material", ["metal", "graphene"])
@pytest.mark.parametrize("quick", [True, False])
def test_curves_vary_one_condition(material, quick):
    made = benchmark(material, quick)
    plans = list(made.plans())
    assert len({plan.key for plan in plans}) == len(plans)
    assert any(plan.bound for plan in plans)
    for name in ("dose", "sampling", "defocus", "tilt"):
        values = [point.value for point in made.curves[name]]
        assert values == sorted(values)
    assert min(point.value for point in made.curves["defocus"]) < 0
    assert 0 in [point.value for point in made.curves["defocus"]]
    assert 0 in [point.value for point in made.curves["defocus_ramp"]]
    for points in made.curves.values():
        for point in points:
            assert set(point.changes) <= set(made.imaging) <= set(IMAGING)
            assert len(point.changes) <= 1
    assert set(made.films) >= {0.0}


def test_quick_is_quicker():
    for material in ("metal", "graphene"):
        quick, full = (
            sum(plan.snapshots for plan in benchmark(material, how).plans())
            for how in (True, False)
        )
        assert quick < full / 2


def test_metals_that_no_recipe_names(pytestconfig):
    import yaml

    recipes = (pytestconfig.rootpath / "recipes").glob("metal-nanoparticle*.yaml")
    structures = [yaml.safe_load(path.read_text())["structures"] for path in recipes]
    named = str(structures)
    elements = {plan.arguments.get("element") for plan in benchmark("metal").plans()}
    assert {"Ir", "Rh"} <= elements
    assert "Ir" not in named and "Rh" not in named


def test_material_of_a_card():
    assert material_of("mine", ("column",)) == "metal"
    with pytest.raises(ValueError, match="Mo, S"):
        material_of("mine", ("Mo", "S"))
    with pytest.raises(ValueError, match="'wood'"):
        benchmark("wood")
