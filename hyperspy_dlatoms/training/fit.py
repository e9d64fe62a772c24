# SPDX-License-Identifier: GPL-3.0-or-later
"""Training a network from a recipe: simulate, fit, keep the best, write one model file."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperspy_dlatoms import registry
from hyperspy_dlatoms.networks import architecture
from hyperspy_dlatoms.networks._backend import import_backend
from hyperspy_dlatoms.networks._narrowing import can_narrow, narrowed
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.model_file import read_model, write_model
from hyperspy_dlatoms.networks.network import AtomNetwork
from hyperspy_dlatoms.networks.running import policy
from hyperspy_dlatoms.recipes._checks import number
from hyperspy_dlatoms.recipes.recipe import Recipe, check_classes, read_recipe
from hyperspy_dlatoms.simulation.dataset import DataSet, simulate
from hyperspy_dlatoms.simulation.specimens.builders import check_structures, site_kinds
from hyperspy_dlatoms.training._callbacks import State, make_callbacks, read_state
from hyperspy_dlatoms.training._card import arguments_of, card_of
from hyperspy_dlatoms.training._on_device import OnDevice
from hyperspy_dlatoms.training.examples import Examples, first_held_out, seed_of

if TYPE_CHECKING:
    import keras

# Weights that are initialised if the network that a training starts from lacks them.
_HEADS = ("maps/", "heights/", "wave/")
# Of the directory of a run: the averaged weights of the best epoch yet, a model file.
BEST = "best.safetensors"
_ENDLESS = 10**9  # Epochs: the limits are steps and minutes.
_VALIDATION = 2**32 - 1  # Added to the seed, so that no validation image is ever a training image.


def train(
    recipe: str | Path | Recipe,
    *,
    data: str | Path | None = None,
    directory: str | Path | None = None,
    minutes: float | None = None,
    output: str | Path | None = None,
    on_device: bool | None = None,
    show_progressbar: bool = True,
) -> Path:
    """Train the network of a recipe, or continue an interrupted training.

    The recipe is checked, and missing exit waves are simulated first. The state is written after
    every epoch (``steps_per_epoch`` steps); started again with the same recipe and directory, the
    training continues from it with the rest of its time.

    Parameters
    ----------
    recipe : str, pathlib.Path or Recipe
        What to train.
    data : str or pathlib.Path, optional
        Directory of the data set, by default ``data/NAME``.
    directory : str or pathlib.Path, optional
        Directory of the run: checkpoint, best weights, and ``log.csv``; by default ``runs/NAME``.
    minutes : float, optional
        Time limit of the fit, in place of the recipe's, summed over all starts.
    output : str or pathlib.Path, optional
        The model file, by default ``NAME.safetensors`` in `directory`.
    on_device : bool, optional
        Whether batches are made by JAX on the device of the network, while missing exit waves are
        simulated; by default if Keras runs on JAX with an accelerator.
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
    if minutes is not None:
        number(above=0, finite=False)("minutes", minutes)
        recipe = dataclasses.replace(recipe, training=recipe.training | {"minutes": minutes})
    start, teacher = _check(recipe, on_device)
    directory = Path(directory or Path("runs") / recipe.name)
    directory.mkdir(parents=True, exist_ok=True)
    _same_recipe(directory, recipe)
    state = read_state(directory, recipe.training)
    if not state.finished(recipe.training):
        data = Path(data or Path("data") / recipe.name)
        with _source(recipe, data, on_device, show_progressbar) as source:
            _fit(recipe, start, teacher, source, directory, state, show_progressbar)
    output = Path(output or directory / f"{recipe.name}.safetensors")
    best, arrays = read_model(directory / BEST)
    write_model(output, card_of(recipe, state, best.training["waves"]), arrays)
    return output


def training_examples(dataset: DataSet, recipe: Recipe, *, validation: bool = False) -> Examples:
    """Return the source of the training batches of a recipe, or of those of held-out waves."""
    first = first_held_out(recipe)
    if validation:
        return Examples(dataset, recipe, range(first, len(dataset)), recipe.seed + _VALIDATION)
    return Examples(dataset, recipe, range(first), seed_of(recipe), recipe.training.curriculum)


def _check(recipe: Recipe, on_device: bool | None) -> tuple[AtomNetwork | None, AtomNetwork | None]:
    """Check all that can be in advance, and return the network to start from and the teacher."""
    settings = recipe.training
    check_classes(recipe.network, site_kinds(recipe.structures))
    check_structures(recipe.structures, recipe.waves.size)
    if settings.steps is None and settings.minutes is None:
        raise ValueError("Give the training a limit: steps or minutes in the recipe, or --minutes.")
    if first_held_out(recipe) < 1:
        raise ValueError(
            f"With waves.count {recipe.waves.count} and training.validation_share "
            f"{settings.validation_share:g}, no wave is left to train on: expected 2 or more "
            "waves, and a share below 1."
        )
    across = round(recipe.waves.size / recipe.network.sampling)
    if settings.crop > across:
        raise ValueError(
            f"training.crop is {settings.crop} px, but a wave of {recipe.waves.size:g} Å gives "
            f"{across} px at {recipe.network.sampling:g} Å/px: reduce it, or increase waves.size."
        )
    if on_device:
        from hyperspy_dlatoms.training import _on_device

        _on_device.check(recipe)
    return (
        _load(settings.start, recipe, _unfit_to_start_from, "The training cannot start from {!r}"),
        _load(settings.teacher, recipe, _unfit_to_teach, "{!r} cannot be the teacher"),
    )


def _load(
    source: str | None, recipe: Recipe, unfit: Callable[[ModelCard, Recipe], str], problem: str
) -> AtomNetwork | None:
    """Load the network of a name or a file, unless something makes it unfit for a recipe."""
    if source is None:
        return None
    try:
        network = registry.load(source)
        if not isinstance(network, AtomNetwork):
            raise ValueError("it is an ensemble: name one of its networks.")
        if reason := unfit(network.card, recipe):
            raise ValueError(reason)
    except (ValueError, OSError) as error:
        raise ValueError(f"{problem.format(source)}: {error}") from error
    return network


def _unfit_to_start_from(card: ModelCard, recipe: Recipe) -> str:
    """Say what keeps a training from starting from a network, if anything does."""
    has, wanted = architecture.complete(card.arguments), arguments_of(recipe)
    name = "images" if can_narrow(has["widths"], wanted["widths"]) else "widths"
    if name == "images" and has[name] == wanted[name]:
        return ""
    return f"its architecture is another one: {name} is {has[name]}, in the recipe {wanted[name]}."


def _unfit_to_teach(card: ModelCard, recipe: Recipe) -> str:
    """Say what keeps a network from learning from another one, if anything does."""
    if card.kind != "sites":
        return "it returns exit waves: only networks of sites learn from another."
    has, wanted = architecture.complete(card.arguments), arguments_of(recipe)
    for name in ("images", "heights", "wave", "decoys", "material"):
        if has[name] != wanted[name]:
            return f"{name} is {has[name]}, in the recipe {wanted[name]}."
    if card.classes != recipe.network.classes:
        return f"its classes are {card.classes}, in the recipe {recipe.network.classes}."
    return ""


def start_from(model: keras.Model, network: AtomNetwork, dilations: int) -> None:
    """Copy the weights of another network, which may be wider, without heights or some classes."""
    # If it has fewer dilations than the model, the additional ones start as the identity.
    weights = {one.path: np.asarray(one) for one in network.model.weights}
    has = architecture.complete(network.card.arguments)
    coarsest = len(has["widths"]) - 1
    levels = [*(f"down{level}" for level in range(coarsest)), f"{architecture.MIDDLE}0"]
    widths = [model.get_layer(f"{level}_second").filters for level in levels]
    if widths != has["widths"]:
        weights = narrowed(weights, has, widths)
    fewer = has["dilations"]
    added = tuple(f"{architecture.MIDDLE}{number}_" for number in range(len(fewer), dilations))
    for variable in model.weights:
        taken = weights.get(variable.path)
        if variable.path == architecture.FOCUS and taken is not None:
            # What else the model can be told of changes nothing at first; what it cannot be told of
            # any more, a material, stands after the defoci.
            more = variable.shape[0] - taken.shape[0]
            if variable.shape[1] == taken.shape[1] and more:
                kept = taken[: variable.shape[0]]
                variable.assign(np.pad(kept, [(0, max(more, 0)), (0, 0)]))
                continue
        if taken is not None and tuple(taken.shape) == tuple(variable.shape):
            variable.assign(taken)
        elif variable.path.startswith(added):
            if variable.path.endswith(f"_second{architecture.NORM}/gamma"):
                variable.assign(np.zeros(variable.shape))
        elif variable.path == architecture.MATERIAL:
            variable.assign(np.zeros(variable.shape))
        elif not variable.path.startswith(_HEADS):
            raise ValueError(
                f"The training cannot start from {network.card.name!r}: its architecture is "
                f"another one, with the arguments {network.card.arguments}."
            )


@contextlib.contextmanager
def _source(recipe: Recipe, data: Path, on_device: bool | None, show_progressbar: bool) -> Any:
    """Provide where the batches come from."""
    from hyperspy_dlatoms.training import _on_device

    if on_device is None:
        on_device = _on_device.is_due() and recipe.modality == "HRTEM"
    if not on_device:
        dataset = simulate(recipe, data, show_progressbar=show_progressbar)
        yield training_examples(dataset, recipe)
        return
    with (
        contextlib.closing(_on_device.Supply(recipe, data)) as supply,
        contextlib.closing(_on_device.OnDevice(recipe, supply)) as source,
    ):
        yield source


def _fit(
    recipe: Recipe,
    start: AtomNetwork | None,
    teacher: AtomNetwork | None,
    examples: Examples | OnDevice,
    directory: Path,
    state: State,
    show_progressbar: bool,
) -> None:
    """Train, or continue from a state, and leave the best weights in a model file."""
    import_backend()
    import keras

    from hyperspy_dlatoms.training.losses import site_loss, wave_loss

    network, settings = recipe.network, recipe.training
    keras.utils.set_random_seed(recipe.seed % 2**31)
    with policy(settings.precision):
        model = architecture.build(arguments_of(recipe), len(network.classes))
        if teacher is not None:
            model = _taught(model, teacher.model, settings.height_weight)
    if start is not None:
        start_from(model, start, len(network.dilations))
    optimizer = keras.optimizers.AdamW(
        settings.learning_rate,
        weight_decay=settings.weight_decay,
        global_clipnorm=1.0,
        use_ema=True,
        ema_momentum=settings.averaging,
    )

    def of_sites(targets: Any, maps: Any) -> Any:
        return site_loss(targets, maps, settings.height_weight)

    model.compile(optimizer, loss=wave_loss if network.wave else of_sites)
    model.optimizer.build(model.trainable_variables)
    held_out = examples.validation(recipe.seed + _VALIDATION, settings.validation_batches)
    stream = make_stream(examples, settings.steps_per_epoch, state.epoch)

    def keep_best() -> None:
        arrays = {v.path: keras.ops.convert_to_numpy(v) for v in model.weights}
        write_model(directory / BEST, card_of(recipe, state, examples.waves), arrays)

    model.fit(
        stream,
        epochs=_ENDLESS,
        validation_data=_join(held_out),
        validation_batch_size=settings.batch,
        callbacks=make_callbacks(
            directory, settings, state, examples, stream, keep_best, show_progressbar
        ),
        verbose=0,
    )


def _taught(model: keras.Model, teacher: keras.Model, height_weight: float) -> keras.Model:
    """Return the model with what it is to learn from another one added to the loss in training."""
    import keras

    from hyperspy_dlatoms.training.losses import teacher_loss

    class Taught(keras.Model):
        def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):
            loss = super().compute_loss(x, y, y_pred, sample_weight, training)
            if training:
                taught = teacher(x, training=False)
                loss += teacher_loss(taught, y_pred, y.shape[-1] > 3, height_weight)
            return loss

    return Taught(model.inputs, model.outputs, name=model.name)


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


def _join(batches: list[tuple[Any, np.ndarray]]) -> tuple[Any, np.ndarray]:
    """Concatenate batches, of frames or of frames and what is known of their defoci."""
    frames, targets = zip(*batches, strict=True)
    if isinstance(frames[0], tuple):
        joined = tuple(np.concatenate(parts) for parts in zip(*frames, strict=True))
    else:
        joined = np.concatenate(frames)
    return joined, np.concatenate(targets)


def _same_recipe(directory: Path, recipe: Recipe) -> None:
    """Check that a directory has the run of no other recipe."""
    kept = directory / "recipe.yaml"
    if not kept.is_file():
        kept.write_text(recipe.text, encoding="utf-8")
    elif kept.read_text(encoding="utf-8") != recipe.text:
        raise ValueError(
            f"{directory} holds a run of another recipe; give another directory, or the recipe "
            f"that is kept in {kept}."
        )
