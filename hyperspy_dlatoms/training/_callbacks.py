# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens around the steps of a training: schedule, validation, checkpoint, log, stop."""

from __future__ import annotations

import csv
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperspy_dlatoms.training._schedule import learning_rate, progress
from hyperspy_dlatoms.training.checkpoint import load_state, save_state

if TYPE_CHECKING:
    import keras

    from hyperspy_dlatoms.training.examples import Examples

COLUMNS = ("epoch", "step", "minutes", "progress", "learning_rate", "loss", "validation_loss")


def make_callback(
    directory: Path,
    settings: dict[str, Any],
    examples: Examples,
    validation: tuple[Any, np.ndarray],
) -> keras.callbacks.Callback:
    """
    Make the callback that carries a training.

    Parameters
    ----------
    directory : pathlib.Path
        Of the run.
    settings : dict
        The training settings of the recipe, filled in.
    examples : Examples
        Told of the progress, so that they get harder with it.
    validation : tuple of numpy.ndarray
        Frames (with what is known of the defoci of focal series) and targets.

    Returns
    -------
    keras.callbacks.Callback
        With ``resume(model)``, ``restore_best(model)``, ``finished`` and ``state``.
    """
    import keras

    class Training(keras.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.state = {"epoch": 0, "step": 0, "minutes": 0.0, "best": np.inf, "best_epoch": 0}
            self.checkpoint = directory / "checkpoint.safetensors"
            self.best = directory / "best.safetensors"
            self.clock = time.monotonic()

        @property
        def share(self) -> float:
            return progress(
                self.state["step"], self.state["minutes"], settings["steps"], settings["minutes"]
            )

        @property
        def finished(self) -> bool:
            patience = settings["patience"]
            waited = self.state["epoch"] - self.state["best_epoch"]
            return self.share >= 1 or (patience is not None and waited > patience)

        def resume(self, model: keras.Model) -> None:
            """Put back the state of a run that was cut short."""
            if self.checkpoint.is_file():
                self.state = load_state(self.checkpoint, _variables(model))
                examples.progress = self.share

        def restore_best(self, model: keras.Model) -> None:
            """Put the weights of the best epoch into the model."""
            if self.best.is_file():
                load_state(self.best, model.variables)

        def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
            self.clock = time.monotonic()

        def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
            _synchronise(self.model)
            rate = learning_rate(self.state["step"], self.share, settings["learning_rate"])
            self.model.optimizer.learning_rate = rate

        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            now = time.monotonic()
            self.state["step"] += 1
            self.state["minutes"] += (now - self.clock) / 60
            self.clock = now
            examples.progress = self.share
            if self.share >= 1:
                self.model.stop_training = True

        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            _synchronise(self.model)
            loss = self._validate()
            self.state["epoch"] = epoch + 1
            if not np.isfinite(loss):
                self._go_back()
                return
            improved = loss < self.state["best"]
            hard = settings["curriculum"] is None or self.share >= settings["curriculum"]["until"]
            if improved or not hard:
                self.state["best_epoch"] = epoch + 1
            self.state["best"] = min(loss, self.state["best"])
            save_state(self.checkpoint, _variables(self.model), self.state)
            self._log((logs or {}).get("loss", np.nan), loss)
            if self.finished:
                self.model.stop_training = True
            self.clock = time.monotonic()

        def _go_back(self) -> None:
            """Take up the last weights that were sound; the batches ahead are others."""
            if not self.checkpoint.is_file():
                raise ValueError(
                    "The loss is no longer finite before the first checkpoint; lower learning_rate "
                    f"in the recipe (now {settings['learning_rate']:g})."
                )
            load_state(self.checkpoint, _variables(self.model))
            self._log(np.nan, np.nan)
            self.clock = time.monotonic()

        def _validate(self) -> float:
            """Loss of the averaged weights, which are kept if they are the best so far."""
            weights = self.model.trainable_variables
            trained = [_copy(variable) for variable in weights]
            self.model.optimizer.finalize_variable_values(weights)
            # An array of its own: JAX frees what it is given, and the optimizer keeps its averages.
            for variable in weights:
                variable.assign(_copy(variable))
            frames, targets = validation
            loss = float(
                self.model.evaluate(frames, targets, batch_size=settings["batch"], verbose=0)
            )
            if loss < self.state["best"]:
                save_state(self.best, self.model.variables, {"validation_loss": loss})
            for variable, value in zip(weights, trained, strict=True):
                variable.assign(value)
            return loss

        def _log(self, loss: float, validation_loss: float) -> None:
            rate = learning_rate(self.state["step"], self.share, settings["learning_rate"])
            row = (
                self.state["epoch"],
                self.state["step"],
                f"{self.state['minutes']:.2f}",
                f"{self.share:.4f}",
                f"{rate:.2e}",
                f"{loss:.4f}",
                f"{validation_loss:.4f}",
            )
            path = directory / "log.csv"
            new = not path.is_file()
            with path.open("a", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                if new:
                    writer.writerow(COLUMNS)
                writer.writerow(row)

    return Training()


def _synchronise(model: keras.Model) -> None:
    """Bring the variables up to date: within ``fit``, JAX keeps the state elsewhere."""
    if hasattr(model, "jax_state_sync"):
        model.jax_state_sync()


def _copy(variable: keras.Variable) -> np.ndarray:
    from keras import ops

    return np.array(ops.convert_to_numpy(variable))


def _variables(model: keras.Model) -> list[keras.Variable]:
    return [*model.variables, *model.optimizer.variables]
