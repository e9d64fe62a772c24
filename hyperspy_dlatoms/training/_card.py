# SPDX-License-Identifier: GPL-3.0-or-later
"""The card of a trained network."""

import math
import subprocess
from pathlib import Path
from typing import Any

from hyperspy_dlatoms.networks import architecture
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.recipes.draws import bounds
from hyperspy_dlatoms.recipes.recipe import Recipe
from hyperspy_dlatoms.simulation.imaging.camera import Camera
from hyperspy_dlatoms.simulation.specimens.builders import site_materials
from hyperspy_dlatoms.training._callbacks import State


def arguments_of(recipe: Recipe) -> dict[str, Any]:
    """Return the arguments of the architecture."""
    network = recipe.network
    return {
        "widths": list(network.widths),
        "dilations": list(network.dilations),
        "images": recipe.frame_images,
        "heights": network.heights,
        "wave": network.wave,
        "decoys": list(network.decoys),
        "material": network.material,
    }


def card_of(recipe: Recipe, state: State, waves: int) -> ModelCard:
    """Return the card of a trained network, without what calibration adds."""
    import keras

    network, settings = recipe.network, recipe.training
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
    # What a recipe leaves out keeps the default of a camera or scan.
    imaging = {"sampling": Camera().sampling} | recipe.imaging
    domain: dict[str, Any] = {
        name: [x if math.isfinite(x) else None for x in bounds(imaging[name])]
        for name in ranged
        if name in imaging
    }
    domain["energy"] = list(bounds(recipe.waves.energy))
    domain["structures"] = sorted({s["structure"] for s in recipe.structures})
    return ModelCard(
        name=recipe.name,
        version=network.version,
        architecture="unet",
        arguments=arguments_of(recipe),
        classes=network.classes,
        sampling=network.sampling,
        stride=architecture.STRIDE,
        normalisation_width=network.normalisation_width,
        radius=network.radius,
        minimum_distance=network.minimum_distance,
        threshold=network.threshold,
        anchor=network.anchor,
        modality=recipe.modality,
        materials=site_materials(recipe.structures),
        domain=domain,
        recipe=recipe.text,
        commit=_commit(),
        training={
            "minutes": round(state.minutes, 1),
            "steps": state.step,
            "examples": state.step * settings.batch,
            "waves": waves,
            "backend": keras.backend.backend(),
        },
        scores={"validation_loss": state.best},
    )


def _commit() -> str:
    """Return the commit of the source tree that this runs from, empty outside a repository."""
    try:
        answer = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:  # There is no git.
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""
