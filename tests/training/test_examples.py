# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace

import numpy as np
import pytest

from hyperspy_dlatoms.networks._scattering import encode_material
from hyperspy_dlatoms.training.examples import difficulty, labels_of
from hyperspy_dlatoms.training.fit import training_examples


@pytest.fixture
def examples(tiny, tiny_data):
    return training_examples(tiny_data, tiny)


def changed(examples, imaging=None, network=(), **settings):
    """The examples of a recipe with other conditions or settings."""
    recipe = examples.recipe
    recipe = replace(
        recipe,
        imaging=imaging or recipe.imaging,
        network=recipe.network | dict(network),
        training=recipe.training | settings,
    )
    return replace(examples, recipe=recipe)


def test_a_batch_follows_from_its_number(examples):
    frames, targets = examples.draw_batch(3)
    again = examples.draw_batch(3)
    np.testing.assert_array_equal(frames, again[0])
    np.testing.assert_array_equal(targets, again[1])
    assert np.any(examples.draw_batch(4)[0] != frames)
    assert frames.shape == (2, 64, 64, 1)
    assert targets.shape == (2, 32, 32, 3)
    assert frames.dtype == targets.dtype == np.float32


def test_held_out_waves_are_never_trained_on(tiny, tiny_data, examples):
    held_out = training_examples(tiny_data, tiny, validation=True)
    assert not set(held_out.indices) & set(examples.indices)
    assert held_out.seed != examples.seed
    assert len(held_out.indices) + len(examples.indices) == len(tiny_data)


def test_the_curriculum_raises_the_dose_at_the_start(examples):
    assert difficulty(examples.curriculum, 0.0) == {"strength": 0.3, "dose_floor": 10000}
    assert difficulty(examples.curriculum, 0.6) == {}


@pytest.mark.parametrize("fine", [True, False])
def test_the_targets_lie_on_the_atoms(examples, fine):
    """Without noise and inversion the atoms of graphene are all bright under these lenses."""
    imaging = {"defocus": 45.0, "Cs": -1e4, "sampling": 0.1 if fine else 0.25}
    examples = changed(examples, imaging, inverted=0.0)
    examples = replace(examples, curriculum=None, indices=[0, 1, 2, 3])
    rng = np.random.default_rng(0)
    items = [examples.data[i] for i in range(4) if len(examples.data[i].sites)]
    assert items
    for item in items:
        frame, targets, _ = examples.draw_example(rng, item)
        cells = frame.reshape(32, 2, 32, 2).mean((1, 3))
        near = (targets[..., 0] > 0) & (np.hypot(targets[..., 1], targets[..., 2]) < 0.8)
        away = targets[..., 0] == 0
        inner = (slice(4, -4), slice(4, -4))
        contrast = cells[inner][near[inner]].mean() - cells[inner][away[inner]].mean()
        # Half a spacing away there are as many bonds and ring centres as atoms: no contrast.
        shifted = np.roll(near, 2, axis=0), np.roll(near, 2, axis=1)
        elsewhere = [
            cells[inner][s[inner]].mean() - cells[inner][away[inner]].mean() for s in shifted
        ]
        assert contrast > 0.2
        assert contrast > max(elsewhere) + 0.1


def test_inversion_negates(examples):
    item = next(i for i in examples.data if len(i.sites))
    plain, negated = (
        changed(examples, inverted=share).draw_example(np.random.default_rng(0), item)
        for share in (0.0, 1.0)
    )
    np.testing.assert_array_equal(plain[0], -negated[0])
    np.testing.assert_array_equal(plain[1], negated[1])


@pytest.fixture
def series(tiny_series, tiny_series_data):
    return training_examples(tiny_series_data, tiny_series)


def test_a_batch_of_focal_series_says_what_is_known_of_their_defoci(series):
    (frames, defoci), targets = series.draw_batch(3)
    again = series.draw_batch(3)
    np.testing.assert_array_equal(frames, again[0][0])
    np.testing.assert_array_equal(defoci, again[0][1])
    assert frames.shape == (2, 64, 64, 3)
    assert defoci.shape == (2, 4)
    assert targets.shape == (2, 32, 32, 4)
    assert frames.dtype == defoci.dtype == targets.dtype == np.float32


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_defoci_are_known_of_a_share_of_the_series_and_about_right(series, share):
    imaging = series.recipe.imaging | {"defocus_step": 40.0}
    series = changed(series, imaging, known_defoci=share)
    rng = np.random.default_rng(0)
    told = np.array([series.draw_example(rng, series.data[0])[2] for _ in range(24)])
    known = told[:, -1] == 1
    assert known.mean() == pytest.approx(share, abs=0.3 * (0 < share < 1))
    assert not told[~known].any()
    if share == 1:
        steps = 100 * np.diff(told[:, :3], axis=1)
        assert 0.5 < np.std(steps) < 6
        assert steps.mean() == pytest.approx(40, abs=3)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_material_is_known_of_a_share_of_the_series(series, share):
    series = changed(series, network={"material": True}, known_material=share)
    rng = np.random.default_rng(0)
    item = series.data[0]
    specimen = item.record["specimen"] | {"elements": ["W", "Se"]}
    item = replace(item, record=item.record | {"specimen": specimen})
    told = np.array([series.draw_example(rng, item)[2] for _ in range(24)])
    assert told.shape == (24, 6)
    known = told[:, -1] == 1
    assert known.mean() == pytest.approx(share, abs=0.3 * (0 < share < 1))
    assert not told[~known, 4:].any()
    np.testing.assert_array_equal(told[known, 4], encode_material(("W", "Se"))[0])


def test_targets_tell_the_kinds_apart_and_leave_others_open(series):
    rng = np.random.default_rng(0)
    series = changed(series, crop=112)
    seen = set()
    for item in series.data:
        _, targets, _ = series.draw_example(rng, item)
        classes, heights = targets[..., 0], targets[..., 3]
        seen |= {(int(c), int(h)) for c, h in zip(classes.ravel(), heights.ravel(), strict=True)}
    assert {(0, 0), (1, 1), (2, 2), (3, 0), (4, 0), (4, 1)} <= seen
    assert any(kind == -1 for kind, _ in seen)
    assert not seen - {(0, 0), (1, 1), (2, 2), (3, 0), (4, 0), (4, 1), (-1, 0), (-1, 1), (-1, 2)}


def test_a_single_class_takes_every_site_that_holds_an_atom(series):
    item = series.data[0]
    species = labels_of(item, ("atom",))
    np.testing.assert_array_equal(species, item.sites[:, 2] > 0)
    assert 0 in species


def test_decoys_are_classes_of_their_own(series):
    item = series.data[0]
    kinds = np.array(item.record["kinds"])[item.species]
    expected = np.select([kinds == "Mo", kinds == "Mo vacancy"], [1, 2], -1)
    np.testing.assert_array_equal(labels_of(item, ("Mo",), ("Mo vacancy",)), expected)
    assert {1, 2} <= set(expected)


def test_the_targets_of_a_series_lie_on_its_columns(series):
    """In the middle image, in focus behind a lens without aberrations, no column is dark."""
    imaging = {"images": 3, "defocus": -25.0, "defocus_step": 25.0, "drift": 1.0, "sampling": 0.2}
    series = changed(series, imaging, crop=96)
    for item in series.data:
        frame, targets, _ = series.draw_example(np.random.default_rng(1), item)
        cells = frame.reshape(48, 2, 48, 2, 3).mean((1, 3))
        near = (targets[..., 0] > 0) & (np.hypot(targets[..., 1], targets[..., 2]) < 0.8)
        full = near & (targets[..., 0] <= 2)
        inner = np.zeros_like(near)
        inner[6:-6, 6:-6] = True
        contrast = [
            cells[full & inner, i].mean() - cells[(targets[..., 0] == 0) & inner, i].mean()
            for i in range(3)
        ]
        empty = near & (targets[..., 0] > 2) & (targets[..., 3] == 0)
        assert contrast[1] > 0.5
        assert cells[full & inner, 1].mean() > cells[empty & inner, 1].mean() + 0.5
        # The others have drifted away from the sites, by more than half of their width.
        assert contrast[1] > max(contrast[0], 0)


@pytest.mark.parametrize("sampling", [0.1, 0.3])
def test_the_targets_of_scanned_images_move_with_the_scan(
    tiny_scanned, tiny_scanned_data, sampling
):
    imaging = {"detector": "ADF", "shear": 0.1, "stretch": 0.05, "sampling": sampling}
    examples = changed(training_examples(tiny_scanned_data, tiny_scanned), imaging)
    rng = np.random.default_rng(0)
    items = [item for item in tiny_scanned_data if len(item.sites)]
    assert items
    for item in items:
        frame, targets, _ = examples.draw_example(rng, item)
        cells = frame.reshape(32, 2, 32, 2).mean((1, 3))[4:-4, 4:-4]
        there = targets[4:-4, 4:-4, 0] > 0
        near = there & (np.hypot(*np.moveaxis(targets[4:-4, 4:-4, 1:], -1, 0)) < 0.8)
        assert cells[near].mean() > cells[~there].mean() + 0.8
