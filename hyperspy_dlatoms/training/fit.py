# SPDX-License-Identifier: GPL-3.0-or-later
"""Training a network from a recipe: simulate, fit, keep the best, write one model file."""

from __future__ import annotations

import math
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperspy_dlatoms import registry
from hyperspy_dlatoms.networks import architecture
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.network import AtomNetwork
from hyperspy_dlatoms.networks.running import policy
from hyperspy_dlatoms.recipes.draws import bounds
from hyperspy_dlatoms.recipes.recipe import Recipe, read_recipe
from hyperspy_dlatoms.simulation.dataset import DataSet, simulate
from hyperspy_dlatoms.simulation.imaging.conditions import images_of
from hyperspy_dlatoms.simulation.specimens.builders import site_kinds, site_materials
from hyperspy_dlatoms.training.examples import Examples

if TYPE_CHECKING:
    import keras

NETWORK: dict[str, Any] = {
    "classes": ["column"],
    "sampling": 0.2,
    "widths": architecture.DEFAULTS["widths"],
    "dilations": architecture.DEFAULTS["dilations"],
    "heights": False,
    "wave": False,
    "decoys": [],
    "radius": 0.6,
    "minimum_distance": 1.2,
    "normalisation_width": 12.0,
    "threshold": 0.5,
    "anchor": None,
    "version": "1",
}
TRAINING: dict[str, Any] = {
    "start": None,
    "seed": None,
    "batch": 8,
    "crop": 240,
    "steps": None,
    "minutes": None,
    "steps_per_epoch": 100,
    "learning_rate": 2e-3,
    "weight_decay": 1e-4,
    "averaging": 0.995,
    "precision": "float32",
    "inverted": 0.0,
    "known_defoci": 0.5,
    "curriculum": None,
    "validation_share": 0.08,
    "validation_batches": 6,
    "patience": None,
}
HEADS = ("maps/", "heights/", "wave/")
"""Weights that a training begins afresh where the network that it starts from lacks them."""

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
        settings["minutes"] = minutes
    _check_classes(recipe, network["classes"], network["decoys"])
    if settings["steps"] is None and settings["minutes"] is None:
        raise ValueError("Give the training a limit: steps or minutes in the recipe, or --minutes.")
    directory = Path(directory or Path("runs") / recipe.name)
    directory.mkdir(parents=True, exist_ok=True)
    _same_recipe(directory, recipe)
    data = data or Path("data") / recipe.name
    dataset = simulate(recipe, data, show_progressbar=show_progressbar)
    model, state = _fit(dataset, recipe, network, settings, directory, show_progressbar)
    card = card_of(recipe, network, settings, state)
    output = Path(output or directory / f"{recipe.name}.safetensors")
    AtomNetwork.from_model(card, model).save(output)
    return output


def training_examples(dataset: DataSet, recipe: Recipe, *, validation: bool = False) -> Examples:
    """
    Give the source of the training or the validation batches of a recipe.

    Parameters
    ----------
    dataset : DataSet
        The waves.
    recipe : Recipe
        The settings.
    validation : bool
        Whether to draw from the waves held out, without curriculum.

    Returns
    -------
    hyperspy_dlatoms.training.examples.Examples
        Batches of either.
    """
    network, settings = network_of(recipe), settings_of(recipe)
    first = first_held_out(len(dataset), settings)
    if first < 1:
        raise ValueError(f"{len(dataset)} waves are too few; a training needs at least 2.")
    coarsest = bounds(recipe.imaging.get("sampling", 0.1))[1]
    if network["wave"] and coarsest > network["sampling"]:
        raise ValueError(
            f"The camera's sampling is up to {coarsest} Å/px: expected no more than the "
            f"{network['sampling']} Å/px of a network of exit waves."
        )
    return Examples(
        dataset,
        recipe.imaging,
        range(first, len(dataset)) if validation else range(first),
        recipe.seed + VALIDATION if validation else _seed(recipe, settings),
        batch=settings["batch"],
        crop=settings["crop"],
        sampling=network["sampling"],
        stride=architecture.STRIDE,
        radius=network["radius"],
        width=network["normalisation_width"],
        inverted=settings["inverted"],
        curriculum=None if validation else settings["curriculum"],
        heights=network["heights"],
        classes=network["classes"],
        decoys=network["decoys"],
        known_defoci=settings["known_defoci"],
        wave=network["wave"],
    )


def _fit(
    dataset: DataSet,
    recipe: Recipe,
    network: dict[str, Any],
    settings: dict[str, Any],
    directory: Path,
    show_progressbar: bool,
) -> tuple[keras.Model, dict[str, Any]]:
    import keras

    from hyperspy_dlatoms.training._callbacks import make_callback
    from hyperspy_dlatoms.training._stream import make_stream
    from hyperspy_dlatoms.training.losses import site_loss, wave_loss

    keras.utils.set_random_seed(recipe.seed % 2**31)
    with policy(settings["precision"]):
        model = architecture.build(arguments_of(recipe, network), len(network["classes"]))
    if settings["start"] is not None:
        start_from(model, settings["start"], len(network["dilations"]))
    optimizer = keras.optimizers.AdamW(
        settings["learning_rate"],
        weight_decay=settings["weight_decay"],
        global_clipnorm=1.0,
        use_ema=True,
        ema_momentum=settings["averaging"],
    )
    model.compile(optimizer, loss=wave_loss if network["wave"] else site_loss)
    model.optimizer.build(model.trainable_variables)

    examples = training_examples(dataset, recipe)
    held_out = training_examples(dataset, recipe, validation=True)
    batches = [held_out.draw_batch(i) for i in range(settings["validation_batches"])]
    validation = _join(batches)
    callback = make_callback(directory, settings, examples, validation)
    callback.resume(model)
    if not callback.finished:
        per_epoch = settings["steps_per_epoch"]
        most = settings["steps"] if settings["steps"] is not None else 10**9
        model.fit(
            make_stream(examples, per_epoch, callback.state["epoch"]),
            initial_epoch=callback.state["epoch"],
            epochs=math.ceil(most / per_epoch),
            callbacks=[callback],
            verbose=1 if show_progressbar else 0,
        )
    callback.restore_best(model)
    return model, callback.state


def _seed(recipe: Recipe, settings: dict[str, Any]) -> int:
    """Give the seed of the examples, which need not be that of the waves."""
    return recipe.seed if settings["seed"] is None else settings["seed"]


def arguments_of(recipe: Recipe, network: dict[str, Any]) -> dict[str, Any]:
    """
    Give the arguments of the architecture.

    Parameters
    ----------
    recipe : Recipe
        What is to be trained.
    network : dict
        Its settings, see :func:`network_of`.

    Returns
    -------
    dict
        See :func:`hyperspy_dlatoms.networks.architecture.build`.
    """
    given = {name: network[name] for name in architecture.DEFAULTS if name in network}
    return given | {"images": images_of(recipe.imaging)}


def _check_classes(recipe: Recipe, classes: list[str], decoys: list[str]) -> None:
    """Refuse several classes, or decoys, where the structures do not tell sites apart so."""
    kinds = site_kinds(recipe.structures)
    classes = [*classes, *decoys]
    unknown = [name for name in classes if name not in kinds]
    if len(classes) == 1 or (classes and not unknown):
        return
    if not kinds:
        raise ValueError(
            f"The recipe names the classes {classes}; the sites of its structures have no kinds, "
            "so give one class."
        )
    raise ValueError(
        f"The recipe names the classes {classes}; the kinds of sites of its structures are "
        f"{sorted(kinds)}: give classes among them, or a single class for all sites."
    )


def _join(batches: list[tuple[Any, np.ndarray]]) -> tuple[Any, np.ndarray]:
    """Put batches together, of frames or of frames and what is known of their defoci."""
    frames, targets = zip(*batches, strict=True)
    if isinstance(frames[0], tuple):
        joined = tuple(np.concatenate(parts) for parts in zip(*frames, strict=True))
    else:
        joined = np.concatenate(frames)
    return joined, np.concatenate(targets)


def start_from(model: keras.Model, source: str, most: int) -> None:
    """
    Take the weights of another network.

    It need not tell the heights or as many classes. Where it has fewer dilations than `most`, the
    further ones begin by changing nothing, so that the training starts from what it says.

    Parameters
    ----------
    model : keras.Model
        Takes them.
    source : str
        Name of a network, or path of its file.
    most : int
        Dilations of `model`.

    Raises
    ------
    ValueError
        If the other network is of another architecture.
    """
    network = registry.load(source)
    weights = {variable.path: variable for variable in network.model.weights}
    fewer = architecture.complete(network.card.arguments)["dilations"]
    added = tuple(f"{architecture.MIDDLE}{number}_" for number in range(len(fewer), most))
    for variable in model.weights:
        taken = weights.get(variable.path)
        if taken is not None and tuple(taken.shape) == tuple(variable.shape):
            variable.assign(taken)
        elif variable.path.startswith(added):
            if variable.path.endswith(f"_second{architecture.NORM}/gamma"):
                variable.assign(np.zeros(variable.shape))
        elif not variable.path.startswith(HEADS):
            raise ValueError(
                f"The training cannot start from {source!r}: its architecture is another one, with "
                f"the arguments {network.card.arguments}."
            )


def network_of(recipe: Recipe) -> dict[str, Any]:
    """
    Give the settings of a recipe's network, filled in.

    Parameters
    ----------
    recipe : Recipe
        What is to be trained.

    Returns
    -------
    dict
        By the names of ``NETWORK``.

    Raises
    ------
    ValueError
        If one is unknown.
    """
    return _settings("network", recipe.network, NETWORK)


def settings_of(recipe: Recipe) -> dict[str, Any]:
    """
    Give the settings of a recipe's training, filled in.

    Parameters
    ----------
    recipe : Recipe
        What is to be trained.

    Returns
    -------
    dict
        By the names of ``TRAINING``.

    Raises
    ------
    ValueError
        If one is unknown.
    """
    return _settings("training", recipe.training, TRAINING)


def first_held_out(waves: int, settings: dict[str, Any]) -> int:
    """
    Give the first of the waves that are held out from a training, the last ones.

    Parameters
    ----------
    waves : int
        How many there are.
    settings : dict
        Of the training, see :func:`settings_of`.

    Returns
    -------
    int
    """
    return waves - max(1, round(settings["validation_share"] * waves))


def _settings(part: str, given: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(given) - set(defaults))
    if unknown:
        raise ValueError(
            f"Unknown {part} setting {unknown[0]!r} in the recipe; known are {', '.join(defaults)}."
        )
    return defaults | given


def _same_recipe(directory: Path, recipe: Recipe) -> None:
    kept = directory / "recipe.yaml"
    if not kept.is_file():
        kept.write_text(recipe.text, encoding="utf-8")
    elif kept.read_text(encoding="utf-8") != recipe.text:
        raise ValueError(
            f"{directory} holds a run of another recipe; give another directory, or the recipe "
            f"that is kept in {kept}."
        )


def card_of(
    recipe: Recipe, network: dict[str, Any], settings: dict[str, Any], state: dict[str, Any]
) -> ModelCard:
    """
    Write the card of a network that was trained.

    Parameters
    ----------
    recipe : Recipe
        What was trained.
    network, settings : dict
        See :func:`network_of` and :func:`settings_of`.
    state : dict
        ``minutes``, ``step`` and ``best``, the loss of these weights on images of waves held out.

    Returns
    -------
    ModelCard
        Without what calibration and evaluation add.
    """
    import keras

    energies = list(bounds(recipe.waves["energy"]))
    ranged = (
        "sampling",
        "dose",
        "defocus",
        "defocus_step",
        "Cs",
        "astigmatism",
        "coma",
        "threefold",
        "focal_spread",
    )
    domain: dict[str, Any] = {
        name: [x if math.isfinite(x) else None for x in bounds(recipe.imaging[name])]
        for name in ranged
        if name in recipe.imaging
    }
    domain["energy"] = energies
    domain["structures"] = sorted({s["structure"] for s in recipe.structures})
    return ModelCard(
        name=recipe.name,
        version=str(network["version"]),
        architecture="unet",
        arguments=arguments_of(recipe, network),
        classes=tuple(network["classes"]),
        sampling=network["sampling"],
        stride=architecture.STRIDE,
        normalisation_width=network["normalisation_width"],
        radius=network["radius"],
        minimum_distance=network["minimum_distance"],
        threshold=network["threshold"],
        anchor=network["anchor"],
        materials=site_materials(recipe.structures),
        domain=domain,
        recipe=recipe.text,
        commit=_commit(),
        training={
            "minutes": round(state["minutes"], 1),
            "steps": state["step"],
            "examples": state["step"] * settings["batch"],
            "waves": recipe.waves["count"],
            "backend": keras.backend.backend(),
        },
        scores={"validation_loss": state["best"]},
    )


def _commit() -> str:
    """Commit of the source tree that this runs from, empty outside of one."""
    answer = subprocess.run(
        ["git", "rev-parse", "HEAD"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.strip() if answer.returncode == 0 else ""
