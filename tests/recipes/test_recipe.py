# SPDX-License-Identifier: GPL-3.0-or-later
import dataclasses
import re
from pathlib import Path

import pytest

from hyperspy_dlatoms import registry
from hyperspy_dlatoms.recipes import Curriculum, parse_recipe, read_recipe

RECIPES = Path(__file__).parents[2] / "recipes"
GOOD = """
name: none
seed: 1
structures:
  - {structure: graphene, kind: perfect, mark_vacancies: true}
  - {structure: vacuum, share: 0.5}
waves: {count: 10, energy: {choice: [80.0e+3, 60.0e+3], weights: [9, 1]}}
images: {per_wave: 0}
imaging:
  defocus: [0, 50]
  dose: {log: [100, 1.0e+4]}
  sampling: {choice: [0.1, [0.1, 0.2]]}
network: {classes: [C], decoys: [C vacancy], widths: [8, 16]}
training: {steps: 5, curriculum: {dose: 1000, until: 0.5}}
"""


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_recipes_of_the_repository_are_valid(path):
    recipe = read_recipe(path)
    assert recipe.name == path.stem
    assert recipe.training.start is None or recipe.training.start in registry.names()


def test_defaults_are_filled_in():
    recipe = parse_recipe(GOOD)
    assert recipe.text == GOOD
    assert recipe.waves.count == 10 and recipe.waves.size == 60
    assert recipe.network.classes == ("C",) and recipe.network.dilations == (1, 2)
    assert recipe.training.batch == 8 and recipe.training.steps == 5
    assert recipe.training.curriculum == Curriculum(dose=1000, until=0.5)
    assert recipe.frame_images == 1


def test_numbers_that_yaml_reads_as_text_are_numbers():
    recipe = parse_recipe(GOOD.replace("[80.0e+3, 60.0e+3]", "[80e3, 60e3]"))
    assert recipe.waves.energy["choice"] == [80e3, 60e3]


def test_ranges_keep_their_order_which_is_that_of_the_draws():
    assert list(parse_recipe(GOOD).imaging) == ["defocus", "dose", "sampling"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name: none", "name: [none", "my.yaml is not valid YAML"),
        ("name: none", "name: 2001-99-99", "my.yaml is not valid YAML: month must be in 1..12"),
        (GOOD, "[1, 2]", "my.yaml: the content is [1, 2], expected names and their values"),
        ("seed: 1", "", "my.yaml: the recipe lacks 'seed'"),
        ("seed: 1", "seed: 1\ncolour: 2", "my.yaml: colour is unknown; expected one of name, seed"),
        ("seed: 1", "seed: one", "seed is 'one', expected a whole number from 0"),
        ("images:", "image:", "image is unknown; did you mean 'images'?"),
        ("graphene,", "diamond,", "structures[0].structure is 'diamond', expected one of metal-"),
        ("perfect", "prefect", "structures[0] (graphene).kind is 'prefect', expected one of perf"),
        ("mark_v", "mark_w", "(graphene).mark_wacancies is unknown; did you mean 'mark_vacancies'"),
        ("share: 0.5", "share: -1", "structures[1] (vacuum).share is -1, expected a number from 0"),
        ("count: 10", "count: 2.5", "waves.count is 2.5, expected a whole number from 1"),
        ("count: 10", "cuont: 10", "waves.cuont is unknown; did you mean 'count'?"),
        ("60.0e+3]", "-1]", "waves.energy.choice[1] is -1, expected a number above 0"),
        ("[9, 1]", "[9]", "waves.energy.weights is [9], expected a list of at least 2"),
        ("[9, 1]", "[9, 1, 1]", "waves.energy.weights is [9, 1, 1], expected 2 numbers"),
        (
            "[9, 1]",
            "[0, 0]",
            "weights is [0, 0], expected 2 numbers, one for each of waves.energy.",
        ),
        ("defocus:", "defocuss:", "imaging.defocuss is unknown; did you mean 'defocus'?"),
        ("[0, 50]", "[50, 0]", "imaging.defocus is [50, 0], expected a rising range"),
        ("[0, 50]", "[0, 50, 70]", "imaging.defocus is [0, 50, 70], expected a range of two"),
        ("[0, 50]", "{lin: [0, 50]}", "imaging.defocus is {'lin': [0, 50]}, expected [low, high],"),
        ("[0, 50]", "far", "imaging.defocus is 'far', expected a number"),
        ("log: [100", "log: [-100", "imaging.dose.log is -100, expected a number above 0"),
        ("0.1, [0.1", "0.1, [0", "imaging.sampling.choice[1] is 0, expected a number above 0"),
        ("defocus: [", "drift: [", "imaging.drift is for a focal series; give images"),
        ("defocus: [0, 50]", "images: 1.5", "imaging.images is 1.5, expected a whole number"),
        ("defocus: [0, 50]", "noise_transfer: 2", "noise_transfer is 2, expected one of 0, 1"),
        ("defocus: [0, 50]", "mtf_curve: [[0, 1], [0, 2]]", "imaging.mtf_curve is .* rising freq"),
        ("classes: [C]", "classes: []", "network.classes is [], expected a list of at least 1"),
        ("classes: [C]", "classes: [N]", "expected kinds among C, C vacancy, or a single class"),
        ("classes: [C]", "classes: [C vacancy]", "['C vacancy', 'C vacancy'], expected different"),
        ("widths: [8, 16]", "heights: 1", "network.heights is 1, expected true or false"),
        (
            "widths: [8, 16]",
            "threshold: 1",
            "threshold is 1, expected a number above 0 and below 1",
        ),
        ("widths: [8, 16]", "anchor: 1", "network.anchor is 1, expected a number above 0 and bel"),
        ("widths: [8, 16]", "anchor: 0.4", "network.anchor is 0.4, expected at least the thresh"),
        (
            "count: 10,",
            "count: 10, size: 50.05,",
            "waves.size is 50.05, expected a multiple of waves.sampling, 0.2 Å, for instance 50.",
        ),
        ("[80.0e+3, 60.0e+3]", "[80, 60]", "waves.energy.choice[0] is 80, expected eV, at least"),
        ("defocus: [0, 50]", "Cs: 1.2", "imaging.Cs is 1.2, expected 0 or at least 100 Å: 1 mm is"),
        ("[0.1, 0.2]", "[0.005, 0.02]", "imaging.sampling.choice[1] is 0.005, expected Å/px, at"),
        ("count: 10,", "count: 10, size: 6,", "waves.size is 6, expected a number in Å from 16"),
        ("count: 10,", "count: 10, size: .inf,", "waves.size is inf, expected a number in Å from"),
        ("count: 10", "count: .inf", "waves.count is inf, expected a finite number"),
        ("seed: 1", "seed: 1e400", "seed is inf, expected a finite number"),
        ("[0, 50]", ".inf", "imaging.defocus is inf, expected a finite number"),
        (
            "graphene, kind: perfect, mark_vacancies: true",
            "two-dimensional, formula: null",
            "structures[0] (two-dimensional).formula is None, expected a formula, or a file",
        ),
        ("count: 10,", "count: 10, displacement: 7,", "waves.displacement is 7, expected a number"),
        (
            "{log: [100, 1.0e+4]}",
            "[100, .inf]",
            "imaging.dose is [100, inf], expected a range of f",
        ),
        (
            "defocus: [0, 50]",
            "noise_transfer: [0, 1]",
            "noise_transfer is [0, 1], expected one val",
        ),
        (
            "kind: perfect",
            "kind: [perfect, random]",
            "expected one value, or {choice: [...]} to dr",
        ),
        ("name: none", "name: ../none", "name is '../none', expected a name for files"),
        ("name: none", "name: ''", "name is '', expected a name for files"),
        (
            "name: none",
            "name: 'Au:300kV'",
            "name is 'Au:300kV', expected a name for files: a letter or digit",
        ),
        ("name: none", "name: 'what?'", "name is 'what?', expected a name for files"),
        ("name: none", "name: 'Au <110>'", "name is 'Au <110>', expected a name for files"),
        ("name: none", "name: 'none.'", "name is 'none.', expected a name for files"),
        (
            "seed: 1",
            "seed: 1\nseed: 2",
            "my.yaml is not valid YAML: seed is given twice, in lines 3 and 4",
        ),
        (
            "[0, 50]",
            "&a {choice: [*a, 1]}",
            "my.yaml is not valid YAML: its anchors make more than 20000 values",
        ),
        ("steps: 5", "crop: 63", "training.crop is 63, expected a multiple of 2"),
        ("steps: 5", "precision: float64", "training.precision is 'float64', expected one of"),
        ("until: 0.5", "until: 2", "training.curriculum.until is 2, expected a number from 0 up"),
        ("per_wave: 0", "per_wave: 1, pixels: 400", "gives 300 px at 0.2 Å/px, fewer than the 400"),
    ],
)
def test_a_wrong_recipe_is_refused_with_its_place(old, new, message):
    assert old in GOOD
    pattern = ".*".join(map(re.escape, message.split(".*")))
    with pytest.raises(ValueError, match=pattern):
        parse_recipe(GOOD.replace(old, new), "my.yaml")


@pytest.mark.parametrize("zone", ["'000'", "[100, 110]"])
def test_zones_are_directions_and_no_ranges(zone):
    text = GOOD.replace("graphene, kind: perfect, mark_vacancies: true", f"crystal, zone: {zone}")
    with pytest.raises(ValueError, match=r"structures\[0\] \(crystal\).zone is"):
        parse_recipe(text)


def test_recipes_of_another_encoding_are_named(tmp_path):
    path = tmp_path / "latin.yaml"
    path.write_bytes("name: möglich".encode("latin-1"))
    with pytest.raises(ValueError, match="latin.yaml is not UTF-8 text"):
        read_recipe(path)


def test_all_that_is_wrong_is_named_at_once():
    text = GOOD.replace("seed: 1", "colour: 2").replace("perfect", "prefect")
    text = text.replace("share: 0.5", "share: -1").replace("[C]", "[]")
    with pytest.raises(ValueError) as raised:
        parse_recipe(text, "my.yaml")
    first = [line.split()[0] for line in str(raised.value).removeprefix("my.yaml:\n").splitlines()]
    assert first == ["the", "colour", "structures[0]", "structures[1]", "network.classes"]


def test_sites_that_are_not_told_apart_have_one_class():
    text = GOOD.replace(", mark_vacancies: true", "")
    with pytest.raises(ValueError, match="expected one class, since the structures do not tell"):
        parse_recipe(text)


WAVES = GOOD.replace("network: {classes: [C], decoys: [C vacancy],", "network: {wave: true,")


def test_exit_waves_are_learnt_on_their_own_grid():
    assert parse_recipe(WAVES).network.wave
    with pytest.raises(ValueError, match=r"waves.sampling is 0.1, expected the 0.2 Å/px"):
        parse_recipe(WAVES.replace("count: 10", "count: 10, sampling: 0.1"))
    with pytest.raises(ValueError, match=r"imaging.sampling is .*, expected no more than the 0.2"):
        parse_recipe(WAVES.replace("[0.1, 0.2]", "[0.1, 0.3]"))


def test_layers_of_a_file_are_not_read_before_their_time(tmp_path):
    file = tmp_path / "layer.cif"
    text = GOOD.replace(
        "{structure: graphene, kind: perfect, mark_vacancies: true}",
        f"{{structure: two-dimensional, file: {file}}}",
    )
    with pytest.raises(ValueError, match=r"layer.cif', expected a file that exists"):
        parse_recipe(text)
    file.touch()
    assert parse_recipe(text).network.classes == ("C",)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="no recipe"):
        read_recipe(tmp_path / "none.yaml")


def test_images_matter_to_the_data_only_if_they_are_stored():
    recipe = parse_recipe(GOOD)
    other = parse_recipe(GOOD.replace("[0, 50]", "[0, 60]"))
    assert recipe.makes_same_data(other)
    images = dataclasses.replace(recipe.images, per_wave=1)
    assert not dataclasses.replace(recipe, images=images).makes_same_data(other)
    assert not recipe.makes_same_data(dataclasses.replace(recipe, seed=2))


def test_data_are_others_if_their_ranges_are_drawn_in_another_order():
    text = GOOD.replace("perfect,", "perfect, ripple_amplitude: [0, 1], coverage: [0, 0.1],")
    turned = GOOD.replace("perfect,", "perfect, coverage: [0, 0.1], ripple_amplitude: [0, 1],")
    assert not parse_recipe(text).makes_same_data(parse_recipe(turned))
    text = GOOD.replace("per_wave: 0", "per_wave: 1, pixels: 100")
    turned = text.replace("  defocus: [0, 50]\n", "")
    turned = turned.replace("network:", "  defocus: [0, 50]\nnetwork:")
    assert parse_recipe(text).imaging == parse_recipe(turned).imaging
    assert not parse_recipe(text).makes_same_data(parse_recipe(turned))
    # What is not drawn may stand anywhere.
    assert parse_recipe(text).makes_same_data(
        parse_recipe(
            text.replace("{structure: vacuum, share: 0.5}", "{share: 0.5, structure: vacuum}")
        )
    )


def test_a_dose_and_a_time_may_be_infinite():
    text = GOOD.replace("{log: [100, 1.0e+4]}", "{choice: [.inf, [10, 20]]}")
    recipe = parse_recipe(text.replace("steps: 5", "minutes: .inf"))
    assert recipe.imaging["dose"]["choice"][0] == recipe.training.minutes == float("inf")


SCANNED = """
name: none
seed: 1
structures: [{structure: graphene}]
waves: {count: 10, method: incoherent}
imaging: {detector: {choice: [ADF, ABF]}, semiangle: [20, 30], shear: [-0.1, 0.1], dose: 1000}
network: {classes: [column]}
"""


def test_scanned_images_may_be_of_cells_of_crystals():
    text = SCANNED.replace("incoherent", "{choice: [incoherent, cells]}")
    recipe = parse_recipe(text.replace("structure: graphene", "structure: crystal"))
    assert recipe.modality == "STEM"
    with pytest.raises(ValueError, match="waves.method is 'cells', expected multislice or"):
        parse_recipe(GOOD.replace("count: 10,", "count: 10, method: cells,"))


def test_a_detector_makes_scanned_images():
    recipe = parse_recipe(SCANNED)
    assert recipe.modality == "STEM" and recipe.frame_images == 1
    assert parse_recipe(GOOD).modality == "HRTEM"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("ABF]", "SE]", "imaging.detector.choice[1] is 'SE', expected one of ADF, ABF, BF"),
        ("shear:", "sheer:", "imaging.sheer is unknown; did you mean 'shear'?"),
        ("[-0.1", "[-0.8", "imaging.shear is -0.8, expected a number from -0.5 up to 0.5"),
        ("dose: 1000", "bits: 17", "imaging.bits is 17, expected a whole number from 1 up to 16"),
        ("shear:", "mtf_c1:", "imaging.mtf_c1 is unknown"),
        ("shear:", "images:", "imaging.images is unknown"),
        ("detector: {choice: [ADF, ABF]},", "", "imaging.semiangle is for scanned images (STEM)"),
        (", method: incoherent", "", "waves.method is 'multislice', expected incoherent, since"),
        ("incoherent", "{choice: [incoherent, projected]}", "expected incoherent, since imaging"),
        (
            "incoherent",
            "cells",
            "waves.method is 'cells', expected incoherent: there is no crystal",
        ),
        ("{classes: [column]}", "{wave: true}", "network.wave is True, expected false: scanned"),
    ],
)
def test_what_is_wrong_with_scanned_images_is_named(old, new, message):
    assert old in SCANNED
    with pytest.raises(ValueError, match=re.escape(message)):
        parse_recipe(SCANNED.replace(old, new))


def test_cameras_take_no_images_of_scattering_maps():
    with pytest.raises(ValueError, match="waves.method is 'incoherent', expected multislice or"):
        parse_recipe(GOOD.replace("count: 10,", "count: 10, method: incoherent,"))
