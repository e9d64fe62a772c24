# SPDX-License-Identifier: GPL-3.0-or-later
"""Batches made at once, by NumPy or by JAX, are those that are made wave by wave."""

from dataclasses import replace

import numpy as np
import pytest

from hyperspy_dlatoms.simulation.imaging.conditions import as_arrays, draw_conditions, stack_arrays
from hyperspy_dlatoms.simulation.imaging.electrons import Noise
from hyperspy_dlatoms.training import examples as examples_module
from hyperspy_dlatoms.training._batches import Drawn, Turn, Waves, make_batch, select
from hyperspy_dlatoms.training._drawing import CHUNK, draw_chunk, plan_of, waves_of
from hyperspy_dlatoms.training.fit import training_examples

SILENT = Noise(lambda mean: mean, lambda level, shape: level * 0)
NOT_TURNED = Turn(np.zeros((3, 2), int), np.zeros((3, 2), bool), np.zeros(3, bool))


@pytest.fixture(params=["numpy", "jax"])
def made(request):
    """Return what makes a batch."""
    if request.param == "numpy":
        return lambda *args: make_batch(np, SILENT, *args)
    jax = pytest.importorskip("jax")

    def make(waves, drawn, plan):
        compiled = jax.jit(lambda waves, drawn: make_batch(jax.numpy, SILENT, waves, drawn, plan))
        with jax.default_matmul_precision("highest"):
            return jax.tree.map(np.asarray, compiled(waves, drawn))

    return make


def stacked(parts):
    return Waves(*(np.stack(part) for part in zip(*parts, strict=True)))


class Unturned:
    """A generator that cuts at the corner and turns nothing, and draws no electrons."""

    def integers(self, low, high):
        return np.zeros(2, int)

    def random(self):
        return 0.99

    def poisson(self, mean):
        return mean

    def standard_normal(self, shape, dtype):
        return np.zeros(shape, dtype)


@pytest.mark.parametrize(
    ("name", "imaging"),
    [
        ("tiny", {"sampling": 0.1}),
        ("tiny", {"sampling": {"choice": [0.1, 0.24]}, "noise_transfer": 1}),
        ("tiny", {"sampling": 0.22, "defocus_ramp": [40, 50]}),
        ("tiny", {"sampling": 0.1, "focal_points": 5, "focal_spread": 40.0}),
        ("tiny", {"sampling": 0.1, "mtf_curve": [[0, 1], [1, 0.3], [2, 0.2]]}),
        ("tiny_series", {"sampling": {"choice": [0.1, 0.24]}, "drift": [0, 0.5]}),
        ("tiny_wave", {"sampling": 0.1}),
    ],
    ids=["fine", "both", "ramp", "spread", "curve", "series", "wave"],
)
def test_frames_and_targets_are_those_made_one_by_one(
    request, made, name, imaging, tiny_data, tiny_series_data, monkeypatch
):
    recipe = request.getfixturevalue(name)
    data = tiny_data if name == "tiny" else tiny_series_data
    ranges = recipe.imaging | {"dose": 1e4, "readout": 2.0} | imaging
    recipe = replace(
        recipe,
        imaging=ranges,
        training=recipe.training | {"batch": 3, "curriculum": None, "inverted": 1.0},
    )
    plan, rng = plan_of(recipe), np.random.default_rng(5)
    conditions = [None] * 3
    while None in conditions:
        one = draw_conditions(rng, ranges)
        for place in range(3):
            kind = (one.is_blended, one.camera.sampling > plan.sampling)
            if conditions[place] is None and kind == (place < plan.blended, place in plan.coarse):
                conditions[place] = one
                break
    items = [data[index] for index in range(3)]
    drawn = Drawn(
        stack_arrays([as_arrays(one, 12) for one in conditions]),
        NOT_TURNED,
        np.zeros(3, bool),
        np.zeros((3, plan.images + 1), np.float32),
        np.zeros(3),
        np.zeros((3, 1), np.float32),
    )
    inputs, targets = made(stacked([waves_of(item, recipe) for item in items]), drawn, plan)
    frames = inputs if plan.images == 1 else inputs[0]
    plain = replace(recipe, training=recipe.training | {"inverted": 0.0})
    source = training_examples(data, plain)
    for row, place in enumerate([*plan.fine, *plan.coarse]):
        monkeypatch.setattr(examples_module, "draw_any", lambda *_, p=place, **__: conditions[p])
        frame, expected, _ = source.draw_example(Unturned(), items[place])
        scale = np.abs(frame).max()
        # At the very edge a coarse image is not continued.
        inner = slice(0, -4 if place in plan.coarse else None)
        np.testing.assert_allclose(
            frames[row][inner, inner], frame[inner, inner], atol=0.02 * scale
        )
        marked = (targets[row][..., 0] != 0) == (expected[..., 0] != 0)
        if plan.wave:
            np.testing.assert_allclose(targets[row], expected, atol=1e-4)
        else:
            assert marked.mean() > 0.99
            np.testing.assert_allclose(targets[row][marked], expected[marked], atol=2e-3)


def test_frames_are_turned_with_their_sites(made, tiny, tiny_data):
    recipe = replace(
        tiny, imaging={"sampling": 0.1}, training=tiny.training | {"batch": 8, "curriculum": None}
    )
    plan = plan_of(recipe)
    turn = Turn(
        np.array([[5, 9]] * 8),
        np.array([[n & 1, n & 2] for n in range(8)], bool),
        np.array([n & 4 for n in range(8)], bool),
    )
    item = next(item for item in tiny_data if len(item.sites))
    conditions = draw_conditions(np.random.default_rng(0), recipe.imaging)
    arrays = stack_arrays([as_arrays(conditions, 1)] * 8)
    inverted = np.array([False] * 7 + [True])
    drawn = Drawn(arrays, turn, inverted, np.zeros((8, 2)), np.zeros(8), np.zeros((8, 1)))
    frames, targets = made(stacked([waves_of(item, recipe)] * 8), drawn, plan)
    for n in range(8):
        frame, labels = frames[n, ..., 0], targets[n, ..., 0]
        if n & 4:
            frame, labels = frame.T, labels.T
        for axis in (0, 1):
            if n & (1, 2)[axis]:
                frame, labels = np.flip(frame, axis), np.flip(labels, axis)
        np.testing.assert_allclose(frame, (-1 if n == 7 else 1) * frames[0, ..., 0], atol=1e-4)
        assert (labels == targets[0, ..., 0]).mean() > 0.99


def test_conditions_are_of_the_kind_of_their_place(tiny):
    recipe = replace(
        tiny,
        imaging=tiny.imaging | {"defocus_ramp": {"choice": [0, [50, 90]], "weights": [3, 1]}},
        training=tiny.training | {"batch": 8, "inverted": 0.3},
    )
    plan = plan_of(recipe)
    assert (plan.batch, plan.blended, plan.coarse) == (8, 2, (1, 3, 5, 7))
    drawn = draw_chunk(recipe, plan, [1, 2], 1.0)
    values = drawn.conditions.values
    assert values["sampling"].shape == (CHUNK, 8)
    coarse = np.isin(np.arange(8), plan.coarse)
    assert ((values["sampling"] > 0.2) == coarse).all()
    assert ((values["defocus_ramp"] != 0) == (np.arange(8) < 2)).all()
    assert (drawn.turn.corner >= 0).all()
    assert (drawn.turn.corner < plan.room()[:, None]).all()
    assert drawn.turn.corner[:, ~coarse].max() == 120 - 64
    assert drawn.inverted.mean() == pytest.approx(0.3, abs=0.1)
    quartiles = np.percentile(values["defocus"], [25, 50, 75])
    assert quartiles == pytest.approx([45, 50, 55], abs=2)
    easy = draw_chunk(recipe, plan, [1, 2], 0.0)
    assert easy.conditions.values["dose"].min() > 9000 > values["dose"].min()
    assert easy.conditions.values["coma"].max() < 31 < values["coma"].max()


def test_too_many_sites_are_refused(tiny, tiny_data):
    item = next(item for item in tiny_data if len(item.sites))
    crowded = replace(item, sites=np.repeat(item.sites, 5, axis=0))
    with pytest.raises(ValueError, match="at most 248 fit"):
        waves_of(crowded, tiny)


def test_a_batch_says_what_is_known_of_the_material(made, tiny_series, tiny_series_data):
    recipe = replace(
        tiny_series,
        network=tiny_series.network | {"material": True},
        training=tiny_series.training | {"known_material": 0.5},
    )
    plan = plan_of(recipe)
    chunk = draw_chunk(recipe, plan, [1, 2], 1.0)
    assert 0.2 < chunk.material.mean() < 0.8
    turn = Turn(*(part[0] for part in chunk.turn))
    rows = (part[0] for part in chunk[2:])
    drawn = Drawn(select(chunk.conditions, 0), turn, *rows)
    items = [waves_of(tiny_series_data[n], recipe) for n in range(plan.batch)]
    (_, known), _ = made(stacked(items), drawn, plan)
    order = [*plan.fine, *plan.coarse]
    np.testing.assert_array_equal(known[:, :4], drawn.defoci[order])
    expected = stacked(items).material * drawn.material
    np.testing.assert_allclose(known[:, 4:], expected[order], rtol=1e-6)
