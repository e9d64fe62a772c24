# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace

import numpy as np
import pytest

from hyperspy_dlatoms.training.fit import training_examples


@pytest.fixture
def examples(tiny, tiny_data):
    return training_examples(tiny_data, tiny)


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
    start, end = replace(examples, progress=0.0), replace(examples, progress=0.6)
    assert start._difficulty() == {"strength": 0.3, "dose_floor": 10000}
    assert end._difficulty() == {}


@pytest.mark.parametrize("fine", [True, False])
def test_the_targets_lie_on_the_atoms(examples, fine):
    """Without noise and inversion the atoms of graphene are all bright under these lenses."""
    imaging = {"defocus": 45.0, "Cs": -1e4, "sampling": 0.1 if fine else 0.25}
    examples = replace(
        examples, imaging=imaging, curriculum=None, inverted=0.0, indices=[0, 1, 2, 3]
    )
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
        replace(examples, inverted=share).draw_example(np.random.default_rng(0), item)
        for share in (0.0, 1.0)
    )
    np.testing.assert_array_equal(plain[0], -negated[0])
    np.testing.assert_array_equal(plain[1], negated[1])
