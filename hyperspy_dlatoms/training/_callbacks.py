# SPDX-License-Identifier: GPL-3.0-or-later
"""Training callbacks: schedule, limits, checkpoint, log, best weights."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperspy_dlatoms.recipes.recipe import TrainingSettings

if TYPE_CHECKING:
    import keras

# In a run's directory: a log with one row per epoch, and a folder of weights and optimizer state.
LOG, CHECKPOINT = "log.csv", "checkpoint"
# Steps between changes of the learning rate: with JAX, one costs as much as starting a step.
_RATE_EVERY = 10
# Steps over which the learning rate rises: about a fifth of the 1 / (1 - 0.999) steps over which
# AdamW averages squared gradients.
_WARM_UP = 200
_FINAL = 0.01  # Final learning rate, relative to the highest.


@dataclass
class State:
    """Progress of a training: what resuming it needs besides the checkpoint."""

    epoch: int = 0
    step: int = 0
    minutes: float = 0.0
    best: float = np.inf  # Lowest loss of the averaged weights on held-out waves.
    best_epoch: int = 0  # Epoch in which it was reached, or in which the curriculum ended.

    def share(self, settings: TrainingSettings) -> float:
        """Return the fraction of the training done, 0 to 1, by whichever limit comes first."""
        done = ((self.step, settings.steps), (self.minutes, settings.minutes))
        shares = [part / whole for part, whole in done if whole is not None]
        if not shares:
            raise ValueError("Give the training a limit: steps, minutes or both.")
        return min(max(shares), 1.0)

    def finished(self, settings: TrainingSettings) -> bool:
        """Return whether the limit is reached, or the patience has run out."""
        # Keras's EarlyStopping forgets its state when resumed, and knows nothing of a curriculum.
        patience = settings.patience
        waited = self.epoch - self.best_epoch
        return self.share(settings) >= 1 or (patience is not None and waited > patience)

    def add(self, loss: float, settings: TrainingSettings) -> None:
        """Record an epoch and its loss on held-out waves."""
        self.epoch += 1
        curriculum = settings.curriculum
        easy = curriculum is not None and self.share(settings) < curriculum.until
        if np.isfinite(loss) and (easy or loss < self.best):
            self.best_epoch = self.epoch
        self.best = float(np.fmin(loss, self.best))


def read_state(directory: Path, settings: TrainingSettings) -> State:
    """Read the state of a run from its log."""
    state = State()
    if (directory / LOG).is_file():
        with (directory / LOG).open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                state.step, state.minutes = int(float(row["step"])), float(row["minutes"])
                state.add(float(row["val_loss"]), settings)
    return state


def learning_rate(step: int, share: float, highest: float) -> float:
    """Return the learning rate at a step: a short rise, then a half-cosine decay."""
    # I. Loshchilov and F. Hutter, "SGDR: Stochastic gradient descent with warm restarts", ICLR
    # (2017).
    down = _FINAL + (1 - _FINAL) * (1 + math.cos(math.pi * min(share, 1.0))) / 2
    return highest * min(1.0, (step + 1) / _WARM_UP) * down


def make_callbacks(
    directory: Path,
    settings: TrainingSettings,
    state: State,
    examples: Any,
    stream: Any,
    keep_best: Callable[[], None],
    show_progressbar: bool,
) -> list[keras.callbacks.Callback]:
    """Make the callbacks of a training, in order; `keep_best` sees the averaged weights."""
    import keras
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    class Pace(keras.callbacks.Callback):
        """Learning rate and limit by the share of steps or time, unknown to Keras's schedules."""

        def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
            self.before = state.minutes - time.monotonic() / 60
            console = Console(stderr=True)
            columns = (TextColumn("{task.description}"), BarColumn(bar_width=12))
            self.bar = Progress(*columns, console=console, disable=not show_progressbar)
            self.task = self.bar.add_task(progress_text(state, settings), total=1.0)
            self.bar.start()

        def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            stream.epoch = epoch

        def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
            state.minutes = self.before + time.monotonic() / 60
            examples.progress = share = state.share(settings)
            self.bar.update(self.task, completed=share)
            if batch % _RATE_EVERY == 0:
                _synchronise(self.model)
                self.rate = learning_rate(state.step, share, settings.learning_rate)
                self.model.optimizer.learning_rate = self.rate
            state.step += 1
            self.model.stop_training = state.share(settings) >= 1

        def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
            state.minutes = self.before + time.monotonic() / 60
            self.improved = logs["val_loss"] < state.best
            state.add(logs["val_loss"], settings)
            logs |= {"step": state.step, "minutes": state.minutes, "learning_rate": self.rate}
            logs["progress"] = state.share(settings)
            losses = f"loss {logs['loss']:.3f}, held out {logs['val_loss']:.3f}"
            text = f"{progress_text(state, settings)}, {losses}"
            self.bar.update(self.task, description=text)
            if state.finished(settings):
                self.model.stop_training = True

        def on_train_end(self, logs: dict[str, float] | None = None) -> None:
            self.bar.stop()

    class Backup(keras.callbacks.BackupAndRestore):
        """Also restores the last finite weights, and continues with new batches."""

        async_safe = True  # So that Keras need not wait for every step of an accelerator.

        def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
            if np.isfinite(logs["val_loss"]):
                super().on_epoch_end(epoch, logs)
            elif any(Path(self.backup_dir).glob("*")):
                super().on_train_begin()
            else:
                raise ValueError(
                    "The loss became infinite or NaN before the first checkpoint; lower "
                    f"learning_rate in the recipe (now {settings.learning_rate:g})."
                )

    class Best(keras.callbacks.Callback):
        """Keeps the best weights in a file that is written atomically."""

        def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
            if pace.improved:
                keep_best()

    pace, folder = Pace(), directory / CHECKPOINT
    return [
        pace,
        Backup(str(folder), double_checkpoint=True, delete_checkpoint=False),
        # Validates with the averaged weights, and leaves them in place for `Best`.
        keras.callbacks.SwapEMAWeights(swap_on_epoch=True),
        Best(),
        keras.callbacks.CSVLogger(str(directory / LOG), append=True),
    ]


def progress_text(state: State, settings: TrainingSettings) -> str:
    """Return how many epochs are done, out of those that fit into the time or the steps."""
    share = state.share(settings)
    text = f"epoch {state.epoch}"
    if state.epoch and share > 0:
        text += f" of about {max(state.epoch, round(state.epoch / share))}"
    if settings.minutes is not None:
        text += f", {state.minutes:.0f} of {settings.minutes:g} min"
    if settings.steps is not None:
        text += f", step {state.step} of {settings.steps}"
    return text


def _synchronise(model: keras.Model) -> None:
    """Update the variables: within ``fit``, JAX keeps the state elsewhere."""
    if hasattr(model, "jax_state_sync"):
        model.jax_state_sync()
