# SPDX-License-Identifier: GPL-3.0-or-later
"""A recipe: every range and setting that makes a data set and a network, in one YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hyperspy_dlatoms.recipes.draws import bounds
from hyperspy_dlatoms.simulation.imaging.conditions import KNOWN, images_of
from hyperspy_dlatoms.simulation.specimens.builders import check_structure

WAVES: dict[str, Any] = {
    "count": 100,
    "size": 60.0,
    "sampling": 0.2,
    "energy": 300e3,
    "displacement": 0.07,
    "slice_thickness": 2.0,
    "parametrization": "lobato",
    "method": "multislice",
    "sites": "snapshot",
    "least_height": 1,
    "motion": "snapshot",
}
IMAGES: dict[str, Any] = {"per_wave": 1, "pixels": 512}
REQUIRED = ("name", "seed", "structures", "imaging")
PARTS = (*REQUIRED, "description", "waves", "images", "network", "training")


@dataclass(frozen=True)
class Recipe:
    """
    A recipe as read from its file, checked, with the defaults filled in.

    Parameters
    ----------
    name : str
        Of the network or data set.
    seed : int
        Everything drawn follows from it.
    structures : list of dict
        See :func:`hyperspy_dlatoms.simulation.specimens.builders.build_specimen`.
    imaging : dict
        See :func:`hyperspy_dlatoms.simulation.imaging.conditions.draw_conditions`.
    waves : dict
        ``count``; ``size`` of the box (Å); ``sampling`` of the waves kept (Å/px); ``energy`` (eV),
        ``displacement`` (Å), ``slice_thickness`` (Å), ``parametrization``, ``method``, ``sites``,
        ``least_height`` and ``motion`` as :func:`hyperspy_dlatoms.simulation.wave.exit_wave` takes
        them (``sites`` is its ``label``).
    images : dict
        ``per_wave``, how many images are stored of each wave, and their ``pixels`` a side.
    network, training : dict
        What :mod:`hyperspy_dlatoms.training` reads.
    text : str
        The file itself, word for word, for the model card.
    """

    name: str
    seed: int
    structures: list[dict[str, Any]]
    imaging: dict[str, Any]
    waves: dict[str, Any] = field(default_factory=lambda: dict(WAVES))
    images: dict[str, Any] = field(default_factory=lambda: dict(IMAGES))
    network: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    text: str = ""

    def makes_same_data(self, other: Recipe) -> bool:
        """
        Tell whether another recipe makes the same data set, however its network is trained.

        Parameters
        ----------
        other : Recipe
            The other one.

        Returns
        -------
        bool

        Examples
        --------
        >>> from dataclasses import replace
        >>> from hyperspy_dlatoms.recipes.recipe import Recipe
        >>> recipe = Recipe("none", 1, [{"structure": "vacuum"}], {})
        >>> recipe.makes_same_data(replace(recipe, training={"minutes": 5}))
        True
        >>> recipe.makes_same_data(replace(recipe, seed=2))
        False
        """
        alike = ["seed", "structures", "waves"]
        if self.images["per_wave"] or other.images["per_wave"]:
            alike += ["images", "imaging"]
        return all(getattr(self, part) == getattr(other, part) for part in alike)


def read_recipe(path: str | Path) -> Recipe:
    """
    Read and check a recipe.

    Parameters
    ----------
    path : str or pathlib.Path
        A YAML file.

    Returns
    -------
    Recipe

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not YAML, lacks a part, or has an unknown one.

    Examples
    --------
    >>> from hyperspy_dlatoms.recipes.recipe import read_recipe
    >>> read_recipe("nowhere.yaml")
    Traceback (most recent call last):
        ...
    FileNotFoundError: There is no recipe nowhere.yaml.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no recipe {path}.")
    return parse_recipe(path.read_text(encoding="utf-8"), str(path))


def parse_recipe(text: str, source: str = "the recipe") -> Recipe:
    """
    Check the text of a recipe.

    Parameters
    ----------
    text : str
        YAML.
    source : str
        Where it is from, for the messages.

    Returns
    -------
    Recipe

    Raises
    ------
    ValueError
        If it is not YAML, lacks a part, or has an unknown one.

    Examples
    --------
    >>> from hyperspy_dlatoms.recipes.recipe import parse_recipe
    >>> text = "{name: none, seed: 1, structures: [{structure: vacuum}], imaging: {defocus: 50}}"
    >>> parse_recipe(text).waves["size"]
    60.0
    """
    import yaml

    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"{source} is not valid YAML: {error}") from error
    if not isinstance(content, Mapping):
        raise ValueError(f"{source} holds {type(content).__name__}, expected named parts.")
    missing = [part for part in REQUIRED if part not in content]
    unknown = sorted(set(content) - set(PARTS))
    if missing or unknown:
        wrong = f"lacks {missing[0]!r}" if missing else f"has an unknown part {unknown[0]!r}"
        raise ValueError(f"{source} {wrong}; its parts are {', '.join(PARTS)}.")
    if not isinstance(content["structures"], list) or not content["structures"]:
        raise ValueError(f"{source}: structures must be a list of at least one structure.")
    try:
        for structure in content["structures"]:
            check_structure(structure)
        for name, spec in content["imaging"].items():
            if name not in KNOWN:
                raise ValueError(f"Unknown imaging condition {name!r}.")
            if name != "mtf_curve":
                bounds(spec)
        images_of(content["imaging"])
        return Recipe(
            name=str(content["name"]),
            seed=int(content["seed"]),
            structures=content["structures"],
            imaging=content["imaging"],
            waves=_filled(content, "waves", WAVES),
            images=_filled(content, "images", IMAGES),
            network=dict(content.get("network") or {}),
            training=dict(content.get("training") or {}),
            text=text,
        )
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{source}: {error}") from error


def _filled(content: Mapping[str, Any], part: str, defaults: dict[str, Any]) -> dict[str, Any]:
    given = content.get(part) or {}
    unknown = sorted(set(given) - set(defaults))
    if unknown:
        raise ValueError(f"Unknown {part} setting {unknown[0]!r}; known are {', '.join(defaults)}.")
    return defaults | given
