# SPDX-License-Identifier: GPL-3.0-or-later
"""Training a network from a recipe: simulate, fit, keep the best, write one model file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperspy_dlatoms.networks import architecture
from hyperspy_dlatoms.networks.model_file import read_model, write_model
from hyperspy_dlatoms.networks.running import policy
from hyperspy_dlatoms.recipes.recipe import (
    NetworkSettings,
    Recipe,
    TrainingSettings,
    check_classes,
    read_recipe,
)
from hyperspy_dlatoms.simulation.dataset import DataSet, simulate
from hyperspy_dlatoms.simulation.specimens.builders import site_kinds
from hyperspy_dlatoms.training._callbacks import State, make_callbacks, read_state
from hyperspy_dlatoms.training._card import arguments_of, card_of
from hyperspy_dlatoms.training._start import load_start, start_from
from hyperspy_dlatoms.training._stream import make_stream
from hyperspy_dlatoms.training.examples import Examples

if TYPE_CHECKING:
    from hyperspy_dlatoms.networks.network import AtomNetwork

BEST = "best.safetensors"
"""Of the directory of a run: the averaged weights of the best epoch yet, a model file."""

_ENDLESS = 10**9
"""Epochs: the limits are steps and minutes."""

VALIDATION = 2**32 - 1
"""Added to the seed, so that no validation image is ever a training image."""


def train(
    recipe: str | Path | Recipe,
    *,
    data: str | Path | None = None,
    directory: str | Path | None = None,
    minutes: float | None = None,
    output: str | Path | None = None,
    show_progressbar: bool = True,
) -> Path:
    """
    Train the network of a recipe, or go on where a training was cut short.

    The exit waves are simulated first, if they are not there yet. The state is written after every
    epoch (``steps_per_epoch`` steps); started again with the same recipe and directory, the
    training goes on from it with what is left of its time.

    Parameters
    ----------
    recipe : str, pathlib.Path or Recipe
        What to train.
    data : str or pathlib.Path, optional
        Directory of the data set, by default ``data/NAME``.
    directory : str or pathlib.Path, optional
        Directory of the run: checkpoint, best weights, and ``log.csv``; by default ``runs/NAME``.
    minutes : float, optional
        Time budget of the fit, in place of the recipe's, over all the times it is started.
    output : str or pathlib.Path, optional
        The model file, by default ``NAME.safetensors`` in `directory`.
    show_progressbar : bool
        Whether to show progress.

    Returns
    -------
    pathlib.Path
        The model file, with the averaged weights of the epoch that did best on validation images.

    Raises
    ------
    ValueError
        If a setting is unknown, a class is not among the kinds of sites of the recipe's structures,
        nothing limits the training, or the directory holds the run of another recipe.
    """
    recipe = recipe if isinstance(recipe, Recipe) else read_recipe(recipe)
    network, settings = network_of(recipe), settings_of(recipe)
    if minutes is not None:
        settings = settings | {"minutes": minutes}
    check_classes(network, site_kinds(recipe.structures))
    if settings.steps is None and settings.minutes is None:
        raise ValueError("Give the training a limit: steps or minutes in the recipe, or --minutes.")
    directory = Path(directory or Path("runs") / recipe.name)
    directory.mkdir(parents=True, exist_ok=True)
    _same_recipe(directory, recipe)
    start = None if settings.start is None else load_start(settings.start)
    dataset = simulate(
        recipe, data or Path("data") / recipe.name, show_progressbar=show_progressbar
    )
    state = _fit(dataset, recipe, network, settings, start, directory, show_progressbar)
    output = Path(output or directory / f"{recipe.name}.safetensors")
    write_model(output, card_of(recipe, network, settings, state), read_model(directory / BEST)[1])
    return output


def training_examples(dataset: DataSet, recipe: Recipe, *, validation: bool = False) -> Examples:
    """Return the source of the training batches of a recipe, or of those of held-out waves."""
    network, settings = network_of(recipe), settings_of(recipe)
    first = first_held_out(len(dataset), settings)
    if first < 1:
        raise ValueError(f"{len(dataset)} waves are too few; a training needs at least 2.")
    return Examples(
        dataset,
        recipe.imaging,
        range(first, len(dataset)) if validation else range(first),
        recipe.seed + VALIDATION if validation else _seed(recipe, settings),
        batch=settings.batch,
        crop=settings.crop,
        sampling=network.sampling,
        stride=architecture.STRIDE,
        radius=network.radius,
        width=network.normalisation_width,
        inverted=settings.inverted,
        curriculum=None if validation else settings.curriculum,
        heights=network.heights,
        classes=network.classes,
        decoys=network.decoys,
        known_defoci=settings.known_defoci,
        wave=network.wave,
    )


def _fit(
    dataset: DataSet,
    recipe: Recipe,
    network: NetworkSettings,
    settings: TrainingSettings,
    start: AtomNetwork | None,
    directory: Path,
    show_progressbar: bool,
) -> State:
    """Train, or go on, and leave the best weights in a model file."""
    import keras

    from hyperspy_dlatoms.training.losses import site_loss, wave_loss

    state = read_state(directory, settings)
    if state.finished(settings):
        return state
    keras.utils.set_random_seed(recipe.seed % 2**31)
    with policy(settings.precision):
        model = architecture.build(arguments_of(recipe, network), len(network.classes))
    if start is not None:
        start_from(model, start, len(network.dilations))
    optimizer = keras.optimizers.AdamW(
        settings.learning_rate,
        weight_decay=settings.weight_decay,
        global_clipnorm=1.0,
        use_ema=True,
        ema_momentum=settings.averaging,
    )
    model.compile(optimizer, loss=wave_loss if network.wave else site_loss)
    model.optimizer.build(model.trainable_variables)

    examples = training_examples(dataset, recipe)
    held_out = training_examples(dataset, recipe, validation=True)
    stream = make_stream(examples, settings.steps_per_epoch, state.epoch)

    def keep_best() -> None:
        arrays = {v.path: keras.ops.convert_to_numpy(v) for v in model.weights}
        write_model(directory / BEST, card_of(recipe, network, settings, state), arrays)

    model.fit(
        stream,
        epochs=_ENDLESS,
        validation_data=_join([held_out.draw_batch(i) for i in range(settings.validation_batches)]),
        validation_batch_size=settings.batch,
        callbacks=make_callbacks(
            directory, settings, state, examples, stream, keep_best, show_progressbar
        ),
        verbose=0,
    )
    return state


def _seed(recipe: Recipe, settings: TrainingSettings) -> int:
    """Return the seed of the examples, which need not be that of the waves."""
    return recipe.seed if settings.seed is None else settings.seed


def _join(batches: list[tuple[Any, np.ndarray]]) -> tuple[Any, np.ndarray]:
    """Concatenate batches, of frames or of frames and what is known of their defoci."""
    frames, targets = zip(*batches, strict=True)
    if isinstance(frames[0], tuple):
        joined = tuple(np.concatenate(parts) for parts in zip(*frames, strict=True))
    else:
        joined = np.concatenate(frames)
    return joined, np.concatenate(targets)


def network_of(recipe: Recipe) -> NetworkSettings:
    """Return the settings of a recipe's network."""
    return recipe.network


def settings_of(recipe: Recipe) -> TrainingSettings:
    """Return the settings of a recipe's training."""
    return recipe.training


def first_held_out(waves: int, settings: TrainingSettings) -> int:
    """Return the first of the waves that are held out from a training, the last ones."""
    return waves - max(1, round(settings.validation_share * waves))


def _same_recipe(directory: Path, recipe: Recipe) -> None:
    """Check that a directory has the run of no other recipe, nor one of an earlier version."""
    if (directory / "checkpoint.safetensors").is_file():
        raise ValueError(
            f"{directory} holds a run of an earlier version, which this one cannot go on with; "
            "give another directory."
        )
    kept = directory / "recipe.yaml"
    if not kept.is_file():
        kept.write_text(recipe.text, encoding="utf-8")
    elif kept.read_text(encoding="utf-8") != recipe.text:
        raise ValueError(
            f"{directory} holds a run of another recipe; give another directory, or the recipe "
            f"that is kept in {kept}."
        )
