# SPDX-License-Identifier: GPL-3.0-or-later
"""A recipe: every range and setting that makes a data set and a network, in one YAML file."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

from hyperspy_dlatoms.recipes._checks import (
    Check,
    Wrong,
    at_least,
    chosen,
    count,
    drawn,
    listing,
    named,
    number,
    one_of,
    optional,
    text,
    truth,
)
from hyperspy_dlatoms.recipes.draws import bounds
from hyperspy_dlatoms.recipes.imaging import images_of, imaging, modality_of
from hyperspy_dlatoms.recipes.structures import options, site_kinds, structure

_METHOD = one_of("multislice", "projected", "incoherent", "cells")

REQUIRED = ("name", "seed", "structures", "imaging")

# Of a recipe, of which the longest have some 500, and anchors within anchors any number.
_MOST_NODES = 20_000

CELL = 2  # Working pixels a side of a cell of the networks' output.


# eV: no microscope that shows atoms has less, and 300 is meant in kV.
_energy = at_least(1e4, "eV, at least 10000: 300 kV are 300.0e+3")


def _setting(check: Check, default: Any) -> Any:
    return field(default=default, metadata={"check": check})


class _Section:
    """Settings with a check each."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @classmethod
    def read(cls, place: str, value: Any) -> Self:
        """Check settings of a recipe, and fill in the others."""
        known = {one.name: one.metadata["check"] for one in dataclasses.fields(cls)}
        return cls(**named(place, {} if value is None else value, known))

    def __or__(self, changes: Mapping[str, Any]) -> Self:
        """Return the settings with some of them replaced."""
        return dataclasses.replace(self, **changes)


@dataclass(frozen=True)
class Waves(_Section):
    """Exit waves of a data set.

    Parameters
    ----------
    count : int
        How many.
    size : float
        Edge of the box, Å.
    sampling : float
        Of the waves kept, Å/px.
    energy, displacement : float or range
        Energy of the electrons, eV, and standard deviation of the thermal displacements, Å.
    slice_thickness : float
        Of the multislice, Å.
    parametrization, method : str or range
        Potentials ("lobato", "kirkland", "peng"), and "multislice" or "projected". Scanned images
        are of scattering maps in place of exit waves: "incoherent" projects all atoms, "cells"
        makes crystals without defects of unit cells that are scanned by multislice.
    sites, least_height, motion, plane
        ``label``, ``least_height``, ``motion`` and ``plane`` of
        :func:`hyperspy_dlatoms.simulation.exit_wave`.
    """

    count: int = _setting(count(1), 100)
    size: float = _setting(number(16, 1e4, unit="Å"), 60.0)
    sampling: float = _setting(number(above=0), 0.2)
    energy: Any = _setting(drawn(_energy), 300e3)
    displacement: Any = _setting(drawn(number(0, 1, unit="Å")), 0.07)
    slice_thickness: float = _setting(number(above=0), 2.0)
    parametrization: Any = _setting(chosen(one_of("lobato", "kirkland", "peng")), "lobato")
    method: Any = _setting(chosen(_METHOD), "multislice")
    sites: str = _setting(one_of("snapshot", "rest"), "snapshot")
    least_height: float = _setting(number(0), 1)
    motion: str = _setting(one_of("snapshot", "blurred"), "snapshot")
    plane: str = _setting(one_of("exit", "middle"), "exit")


@dataclass(frozen=True)
class Images(_Section):
    """Images of a data set that are stored.

    Parameters
    ----------
    per_wave : int
        How many of each wave.
    pixels : int
        A side.
    """

    per_wave: int = _setting(count(0), 1)
    pixels: int = _setting(count(1), 512)


@dataclass(frozen=True)
class NetworkSettings(_Section):
    """A network, and what its card says.

    Parameters
    ----------
    classes, decoys : tuple of str
        Kinds of sites that it finds, and kinds of places that it learns to distinguish from them.
    sampling : float
        Working sampling, Å/px.
    widths, dilations : tuple of int
        Channels of each level, and dilations of the convolutions at the coarsest.
    heights, wave, material : bool
        Whether it counts the atoms of columns, returns exit waves in place of sites, or can be told
        the elements of a layer.
    radius, minimum_distance, normalisation_width : float
        Of the target around each site, between two sites, and of the local normalisation, Å.
    threshold, anchor : float
        Lower and upper hysteresis threshold of the probability; None for no upper one.
    version : str
        Of the network.
    """

    classes: tuple[str, ...] = _setting(listing(text, 1), ("column",))
    sampling: float = _setting(number(above=0), 0.2)
    widths: tuple[int, ...] = _setting(listing(count(1), 2), (32, 64, 96, 128))
    dilations: tuple[int, ...] = _setting(listing(count(1)), (1, 2))
    heights: bool = _setting(truth, False)
    wave: bool = _setting(truth, False)
    material: bool = _setting(truth, False)
    decoys: tuple[str, ...] = _setting(listing(text), ())
    radius: float = _setting(number(above=0), 0.6)
    minimum_distance: float = _setting(number(above=0), 1.2)
    normalisation_width: float = _setting(number(above=0), 12.0)
    threshold: float = _setting(number(above=0, below=1), 0.5)
    anchor: float | None = _setting(optional(number(above=0, below=1)), None)
    version: str = _setting(text, "1")


@dataclass(frozen=True)
class Curriculum(_Section):
    """A training that begins with easy images.

    Parameters
    ----------
    dose : float
        Lowest dose at the start, e/Å²; coma and astigmatisms widen along with it.
    until : float
        Fraction of the training after which the whole ranges are drawn from.
    """

    dose: float = _setting(number(above=0), 1.0)
    until: float = _setting(number(0, 1, above=0), 0.3)


@dataclass(frozen=True)
class TrainingSettings(_Section):
    """How a network is trained.

    Parameters
    ----------
    start : str, optional
        Name or file of the network whose weights it starts from; one with wider levels is narrowed.
    teacher : str, optional
        Name or file of a network whose output it is to learn besides the sites.
    seed : int, optional
        Of the examples, if it is not to be that of the waves.
    batch, crop : int
        Frames a step, and their working pixels a side.
    steps, minutes : float, optional
        Limits of the training.
    steps_per_epoch, validation_batches, patience : int
        Steps until the next validation, its batches, and the epochs without gain until the end.
    learning_rate, weight_decay, averaging : float
        Of the optimiser; the last is the momentum of the averaged weights.
    precision : str
        As Keras names it: "float32", "mixed_bfloat16", "mixed_float16".
    inverted : float
        Fraction of frames whose contrast is inverted.
    known_defoci : float
        Fraction of focal series whose defoci are given to the network.
    known_material : float
        Fraction of focal series of layers whose elements are given to a network that takes them.
    height_weight : float
        Weight of the heights in the loss, in which the positions have 0.5.
    curriculum : Curriculum, optional
        Easy images at the start, if any.
    validation_share : float
        Fraction of the waves that is held out.
    """

    start: str | None = _setting(optional(text), None)
    teacher: str | None = _setting(optional(text), None)
    seed: int | None = _setting(optional(count(0)), None)
    batch: int = _setting(count(1), 8)
    crop: int = _setting(count(16), 240)
    steps: int | None = _setting(optional(count(1)), None)
    minutes: float | None = _setting(optional(number(above=0, finite=False)), None)
    steps_per_epoch: int = _setting(count(1), 100)
    learning_rate: float = _setting(number(above=0), 2e-3)
    weight_decay: float = _setting(number(0), 1e-4)
    averaging: float = _setting(number(0, 1), 0.995)
    precision: str = _setting(one_of("float32", "mixed_bfloat16", "mixed_float16"), "float32")
    inverted: float = _setting(number(0, 1), 0.0)
    known_defoci: float = _setting(number(0, 1), 0.5)
    known_material: float = _setting(number(0, 1), 0.7)
    height_weight: float = _setting(number(0), 0.1)
    curriculum: Curriculum | None = _setting(optional(Curriculum.read), None)
    validation_share: float = _setting(number(0, 1, above=0), 0.08)
    validation_batches: int = _setting(count(1), 6)
    patience: int | None = _setting(optional(count(1)), None)


@dataclass(frozen=True)
class Recipe:
    """A recipe as read from its file, checked, with the defaults filled in.

    Parameters
    ----------
    name : str
        Of the network or data set.
    seed : int
        Everything drawn follows from it.
    structures : list of dict
        Each with the name of a ``structure``, its ``share``, and ranges of its arguments.
    imaging : dict
        Ranges of the imaging conditions, in the order that they are drawn in.
    waves, images : Waves, Images
        Of the data set.
    network, training : NetworkSettings, TrainingSettings
        What is trained on it, and how.
    description : str
        What it is for.
    text : str
        The file itself, word for word, for the model card.
    """

    name: str
    seed: int
    structures: list[dict[str, Any]]
    imaging: dict[str, Any]
    waves: Waves = Waves()
    images: Images = Images()
    network: NetworkSettings = NetworkSettings()
    training: TrainingSettings = TrainingSettings()
    description: str = ""
    text: str = ""

    @property
    def modality(self) -> str:
        """What takes the images, "HRTEM" or "STEM"."""
        return modality_of(self.imaging)

    @property
    def frame_images(self) -> int:
        """Images of a frame: 1, or those of a focal series."""
        return images_of(self.imaging)

    def makes_same_data(self, other: Recipe) -> bool:
        """Whether another recipe makes the same data set, however its network is trained.

        Parameters
        ----------
        other : Recipe
            The other one.

        Returns
        -------
        bool
        """
        alike, ours, theirs = ["seed", "structures", "waves"], self.structures, other.structures
        if self.images.per_wave or other.images.per_wave:
            alike += ["images", "imaging"]
            ours, theirs = [*ours, self.imaging], [*theirs, other.imaging]
        same = all(getattr(self, part) == getattr(other, part) for part in alike)
        return same and [*map(_order, ours)] == [*map(_order, theirs)]


def _order(ranges: Mapping[str, Any]) -> list[str]:
    """Return the names of ranges in the order that they are drawn in."""
    return [name for name, one in ranges.items() if isinstance(one, (Mapping, list))]


def _name(place: str, value: Any) -> str:
    """Check a name, which those of files and folders are made of."""
    # Windows takes none of these characters, and leaves out a full stop or space at the end.
    if not re.fullmatch(r'[^\W_][^<>:"/\\|?*\x00-\x1f]*(?<![ .])', text(place, value)):
        expected = 'a name for files: a letter or digit first, none of <>:"/\\|?* in it, and no '
        raise Wrong(place, value, f"{expected}full stop or space at its end")
    return str(value)


_PARTS: dict[str, Check] = {
    "name": _name,
    "seed": count(0),
    "structures": listing(structure, 1),
    "imaging": imaging,
    "waves": Waves.read,
    "images": Images.read,
    "network": NetworkSettings.read,
    "training": TrainingSettings.read,
    "description": text,
}


def read_recipe(path: str | Path) -> Recipe:
    """Read and check a recipe.

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
        If it is not YAML, lacks a part, has an unknown one, or a value is not what is expected.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no recipe {path}.")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text ({error}): save it as UTF-8.") from error
    return parse_recipe(text, str(path))


def parse_recipe(text: str, source: str = "the recipe") -> Recipe:
    """Check the text of a recipe.

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
        If it is not YAML, lacks a part, has an unknown one, or a value is not what is expected.

    Examples
    --------
    >>> from hyperspy_dlatoms.recipes import parse_recipe
    >>> text = "{name: none, seed: 1, structures: [{structure: vacuum}], imaging: {defocus: 50}}"
    >>> parse_recipe(text).waves.size
    60.0
    """
    import yaml

    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        _check_nodes(root)
        content = loader.construct_document(root) if root else None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"{source} is not valid YAML: {error}") from error
    try:
        parts = named("", content, _PARTS, REQUIRED)
        recipe = Recipe(**parts | {"structures": list(parts["structures"])}, text=text)
        _check_together(recipe)
    except ValueError as error:
        separator = "\n" if "\n" in str(error) else " "
        raise ValueError(f"{source}:{separator}{error}") from None
    return recipe


def _check_nodes(root: Any) -> None:
    """Check that no name of the YAML nodes stands twice, and that anchors do not grow beyond it."""
    nodes, number = [root] if root else [], 0
    while nodes:
        node, number = nodes.pop(), number + 1
        if number > _MOST_NODES:
            raise ValueError(f"its anchors make more than {_MOST_NODES} values: write them out.")
        if node.id == "sequence":
            nodes += node.value
        if node.id == "mapping":
            first: dict[str, int] = {}
            for key, value in node.value:
                line, name = key.start_mark.line + 1, str(key.value)
                if name in first:
                    raise ValueError(
                        f"{name} is given twice, in lines {first[name]} and {line}: keep one of "
                        "them."
                    )
                first[name] = line
                nodes.append(value)


def _check_together(recipe: Recipe) -> None:
    """Check what no part of a recipe says alone."""
    waves, images, network, crop = recipe.waves, recipe.images, recipe.network, recipe.training.crop
    if not sum(one.get("share", 1) for one in recipe.structures):
        raise ValueError("structures have no share above 0: give one of them a share.")
    pixels = waves.size / waves.sampling
    if not math.isclose(pixels, round(pixels), rel_tol=1e-6):
        nearest = round(pixels) * waves.sampling
        expected = f"a multiple of waves.sampling, {waves.sampling:g} Å, for instance {nearest:g}"
        raise Wrong("waves.size", waves.size, expected)
    coarsest = bounds(recipe.imaging.get("sampling", 0.1))[1]
    across = round(waves.size / coarsest)
    if images.per_wave and across < images.pixels:
        raise ValueError(
            f"A wave of {waves.size:g} Å gives {across} px at {coarsest:g} Å/px, fewer than the "
            f"{images.pixels} px asked for: increase waves.size, or reduce images.pixels."
        )
    methods = set(options(waves.method))
    if recipe.modality == "STEM":
        if not methods <= {"incoherent", "cells"}:
            expected = "incoherent, since imaging.detector makes scanned images (STEM), or cells"
            raise Wrong("waves.method", waves.method, expected)
        if "cells" in methods and not any(s["structure"] == "crystal" for s in recipe.structures):
            expected = "incoherent: there is no crystal among the structures to take cells of"
            raise Wrong("waves.method", waves.method, expected)
        if network.wave:
            raise Wrong("network.wave", True, "false: scanned images (STEM) have no exit wave")
    elif methods & {"incoherent", "cells"}:
        expected = "multislice or projected; scanned images (STEM) have an imaging.detector"
        raise Wrong("waves.method", waves.method, expected)
    if crop % CELL:
        raise Wrong("training.crop", crop, f"a multiple of {CELL}")
    names = [*network.classes, *network.decoys]
    if len(set(names)) < len(names):
        raise Wrong("network.classes with the decoys", names, "different names")
    if network.anchor is not None and network.anchor < network.threshold:
        raise Wrong("network.anchor", network.anchor, f"at least the threshold {network.threshold}")
    kinds = site_kinds(recipe.structures)
    if kinds is not None:
        check_classes(network, kinds)
    if network.material and recipe.frame_images == 1:
        raise Wrong("network.material", True, "false: only networks of focal series take it")
    if network.wave:
        if waves.sampling != network.sampling:
            raise Wrong(
                "waves.sampling",
                waves.sampling,
                f"the {network.sampling:g} Å/px of a network of exit waves",
            )
        if coarsest > network.sampling:
            raise Wrong(
                "imaging.sampling",
                recipe.imaging.get("sampling"),
                f"no more than the {network.sampling:g} Å/px of a network of exit waves",
            )


def check_classes(network: NetworkSettings, kinds: Collection[str]) -> None:
    """Check classes and decoys against the kinds of sites that the structures tell apart."""
    names = [*network.classes, *network.decoys]
    unknown = [name for name in names if name not in kinds]
    if len(names) == 1 or not unknown:
        return
    expected = f"kinds among {', '.join(sorted(kinds))}, or a single class for all sites"
    if not kinds:
        expected = "one class, since the structures do not tell their sites apart"
    raise Wrong("network.classes with the decoys", names, expected)
