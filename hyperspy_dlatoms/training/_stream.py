# SPDX-License-Identifier: GPL-3.0-or-later
"""Batches for Keras, made ahead of the steps that use them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hyperspy_dlatoms.training.examples import Examples

if TYPE_CHECKING:
    import keras

    from hyperspy_dlatoms.training._on_device import OnDevice


def make_stream(
    examples: Examples | OnDevice, per_epoch: int, epoch: int = 0
) -> keras.utils.PyDataset:
    """Wrap a source of batches for ``keras.Model.fit``."""
    # Its ``epoch`` selects the next batches, so that a resumed training continues with new ones.
    import keras

    class Stream(keras.utils.PyDataset):
        def __init__(self) -> None:
            # With one worker Keras leaves the batches to tf.data, whose threads wait for each other
            # at the start of an epoch where there is one core.
            workers = 2 if isinstance(examples, Examples) else 1
            super().__init__(workers=workers, use_multiprocessing=False, max_queue_size=4)
            self.epoch = epoch

        def __len__(self) -> int:
            return per_epoch

        def __getitem__(self, index: int) -> tuple[Any, np.ndarray]:
            return examples.draw_batch(self.epoch * per_epoch + index)

    return Stream()
