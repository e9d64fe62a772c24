# SPDX-License-Identifier: GPL-3.0-or-later
"""The model card: everything about a network but its weights."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hyperspy_dlatoms import _rows

# The newest card format that this version of the package reads, and the one it writes.
FORMAT = 3
NEEDS = "0.3.0"  # The oldest version of the package that reads cards of that format.
MODALITIES = ("HRTEM", "STEM")  # Images that networks read.


class ModelCardError(ValueError):
    """A model card that does not describe a usable network."""


@dataclass(frozen=True, repr=False)
class ModelCard:
    """Description of a network: its input and output, and how it was made.

    Parameters
    ----------
    name, version : str
        Name of the network and its version. The name has no slashes.
    architecture : str
        Name of the architecture, ``"unet"``.
    arguments : dict
        Arguments of the architecture, sufficient to build it again.
    classes : tuple of str
        Kinds of sites that the network distinguishes, not counting the background.
    sampling : float
        Pixel size that the network works at, in Å/px.
    radius : float
        Radius in Å within which the probability of a site counts.
    minimum_distance : float
        Minimum distance of two sites in Å.
    threshold : float
        Lowest probability of a site that is reported, between 0 and 1.
    anchor : float, optional
        Upper hysteresis threshold, from `threshold` to 1: a site is kept only if it is connected to
        at least one of this probability. By default only `threshold` applies.
    reach : float, optional
        Distance in Å up to which two sites are connected; by default twice `minimum_distance`.
    modality : {"HRTEM", "STEM"}, optional
        Images that it reads: recorded by a camera, or scanned.
    kind : {"sites", "exit wave"}, optional
        Output of the network; by default from `arguments`, as are the next two.
    images : int, optional
        Number of images in the focal series that it takes; 1 for single images.
    heights : bool, optional
        Whether it counts the atoms in a column.
    materials : tuple of str
        Materials whose sites it was trained to find: chemical symbols of fcc metals, and names of
        two-dimensional materials.
    stride : int
        Working pixels per cell of the output.
    normalisation_width : float
        Standard deviation in Å of the Gaussian of the local normalisation.
    domain : dict
        Ranges ``[low, high]`` of the training: ``dose`` (e/Å²), ``energy`` (eV) and so on;
        ``sampling`` (Å/px) may be wider, if measured to work.
    recipe, commit : str
        The recipe (YAML text) and the commit of the code that made the network.
    training : dict
        Minutes, examples, steps, backend.
    scores : dict
        Measured performance, from calibration, evaluation and benchmarks.
    licence : str
        SPDX identifier of the licence of the weights.
    format : int
        Format of the card.
    needs : str
        The oldest version of the package that reads this format.

    Raises
    ------
    ModelCardError
        If a field has the wrong type or is out of range.

    Examples
    --------
    >>> from hyperspy_dlatoms import ModelCard
    >>> card = ModelCard(
    ...     name="example", version="1", architecture="unet", arguments={}, classes=("C",),
    ...     sampling=0.2, radius=0.5, minimum_distance=1.0, threshold=0.5,
    ... )
    >>> ModelCard.from_json(card.to_json()) == card
    True
    """

    name: str
    version: str
    architecture: str
    arguments: dict[str, Any]
    classes: tuple[str, ...]
    sampling: float
    radius: float
    minimum_distance: float
    threshold: float
    anchor: float | None = None
    reach: float | None = None
    modality: str = "HRTEM"
    kind: str = None  # type: ignore[assignment]
    # None stands for what the arguments of the architecture say.
    images: int = None  # type: ignore[assignment]
    heights: bool = None  # type: ignore[assignment]
    materials: tuple[str, ...] = ()
    stride: int = 2
    normalisation_width: float = 12.0
    domain: dict[str, Any] = field(default_factory=dict)
    recipe: str = ""
    commit: str = ""
    training: dict[str, Any] = field(default_factory=dict)
    scores: dict[str, Any] = field(default_factory=dict)
    licence: str = "GPL-3.0-or-later"
    format: int = FORMAT
    needs: str = NEEDS

    def __post_init__(self) -> None:
        for name in ("classes", "materials"):
            if isinstance(getattr(self, name), list):
                object.__setattr__(self, name, tuple(getattr(self, name)))
        self._check("format", _is_integer(self.format) and self.format >= 1, "a whole number >= 1")
        _refuse_newer(self.format, self.needs)
        for name in ("name", "version", "architecture", "recipe", "commit", "licence", "needs"):
            self._check(name, isinstance(getattr(self, name), str), "a string")
        for name in ("name", "architecture"):
            self._check(name, getattr(self, name) != "", "a string that is not empty")
        # Folders are made after it, which a slash would put elsewhere.
        self._check("name", not set(self.name) & {"/", "\\"}, "a name without slashes")
        for name in ("arguments", "domain", "training", "scores"):
            self._check(name, isinstance(getattr(self, name), dict), "a mapping")
        for name, value in self.domain.items():
            if name in _OF_DOMAIN and not _OF_DOMAIN[name][0](value):
                raise ModelCardError(
                    f"The model card has {name!r} = {value!r} in its domain, expected "
                    f"{_OF_DOMAIN[name][1]}."
                )
        self._check("classes", _are_names(self.classes) and bool(self.classes), "different names")
        self._check("materials", _are_names(self.materials), "different names")
        for name in ("sampling", "radius", "normalisation_width"):
            value = getattr(self, name)
            self._check(name, _is_number(value) and value > 0, "a positive number in Å")
        apart, least, upper = self.minimum_distance, self.threshold, self.anchor
        self._check(
            "minimum_distance", _is_number(apart) and apart >= 0, "a number in Å, 0 or more"
        )
        self._check(
            "threshold", _is_number(least) and 0 < least < 1, "a probability between 0 and 1"
        )
        right = upper is None or (_is_number(upper) and least <= upper < 1)
        self._check("anchor", right, f"a probability from the threshold, {least!r}, to 1")
        right = self.reach is None or (_is_number(self.reach) and self.reach > 0)
        self._check("reach", right, "a positive number in Å")
        right = _is_integer(self.stride) and self.stride >= 1
        self._check("stride", right, "a whole number, 1 or more")
        self._check("modality", self.modality in MODALITIES, f"one of {MODALITIES}")
        of_architecture = {
            "kind": "exit wave" if self.arguments.get("wave") else "sites",
            "images": self.arguments.get("images", 1),
            "heights": bool(self.arguments.get("heights", False)),
        }
        for name, value in of_architecture.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
            self._check(name, getattr(self, name) == value, f"{value!r}, as its arguments have it")

    def _check(self, name: str, right: bool, expected: str) -> None:
        if not right:
            raise ModelCardError(
                f"The model card has {name} = {getattr(self, name)!r}, expected {expected}."
            )

    def __repr__(self) -> str:
        from hyperspy_dlatoms.networks import _card_summary

        text = _rows.to_text(f"<ModelCard {self.name} {self.version}>", _card_summary.rows_of(self))
        scores = "\n".join(_card_summary.scores_of(self))
        return _rows.plain("\n\n".join(filter(None, [text, scores])))

    def _repr_html_(self) -> str:
        from hyperspy_dlatoms.networks import _card_summary

        title, scores = f"ModelCard {self.name} {self.version}", _card_summary.scores_of(self)
        return _rows.to_html(title, _card_summary.rows_of(self), "\n".join(scores))

    def to_json(self) -> str:
        """Return the card as JSON.

        Raises
        ------
        ModelCardError
            If `arguments`, `domain`, `training` or `scores` hold what JSON cannot.
        """
        try:
            return json.dumps(dataclasses.asdict(self), allow_nan=False, ensure_ascii=False)
        except (TypeError, ValueError) as error:
            raise ModelCardError(
                f"The model card of {self.name!r} cannot be written as JSON ({error}): use plain "
                "numbers, strings, lists and mappings."
            ) from error

    @classmethod
    def from_json(cls, text: str) -> ModelCard:
        """Read a card from JSON, also one in an earlier format.

        Parameters
        ----------
        text : str
            What `to_json` returned.

        Returns
        -------
        ModelCard
            In the present format.

        Raises
        ------
        ModelCardError
            If `text` is not a card, or is in a newer format.
        """
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ModelCardError(f"The model card is not JSON: {error}.") from error
        if not isinstance(values, dict):
            raise ModelCardError(
                f"The model card is a JSON {type(values).__name__}, expected an object."
            )
        # A newer card may have other fields, so this is checked first.
        _refuse_newer(values.get("format"), values.get("needs"))
        if values.get("format") == 1:
            from hyperspy_dlatoms.networks._card_recipe import materials_of_recipe

            values |= {"format": 2, "materials": materials_of_recipe(values.get("recipe"))}
        if values.get("format") == 2:  # No card in that format has a reach.
            values |= {"format": FORMAT, "needs": NEEDS}
        fields = dataclasses.fields(cls)
        required = {
            one.name
            for one in fields
            if one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING
        }
        missing = sorted(required - values.keys())
        unknown = sorted(values.keys() - {one.name for one in fields})
        if missing or unknown:
            lacks = [f"lacks the fields {', '.join(missing)}"] * bool(missing)
            has = [f"has the unknown fields {', '.join(unknown)}"] * bool(unknown)
            raise ModelCardError(f"The model card {' and '.join([*lacks, *has])}.")
        return cls(**values)


def _refuse_newer(version: Any, needs: Any) -> None:
    if _is_integer(version) and version > FORMAT:
        least = f" to {needs} or later" if isinstance(needs, str) else ""
        raise ModelCardError(
            f"The model card is of format {version}, this version of hyperspy-dlatoms reads up to "
            f"format {FORMAT}: update hyperspy-dlatoms{least}."
        )


def _are_names(values: Any) -> bool:
    return (
        isinstance(values, tuple)
        and all(isinstance(one, str) and one for one in values)
        and len(set(values)) == len(values)
    )


def _is_number(value: Any) -> bool:
    # Unlike `math.isfinite`, this accepts whole numbers too large for a float.
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and abs(value) <= sys.float_info.max
    )


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_range(values: Any) -> bool:
    """Whether these are a lowest and a highest number."""
    if not isinstance(values, list | tuple) or len(values) != 2:
        return False
    return all(map(_is_number, values)) and values[0] <= values[1]


def _are_samplings(values: Any) -> bool:
    return _is_range(values) and values[0] > 0


def _are_doses(values: Any) -> bool:
    """Whether these are a range, or one in which null stands for no noise."""
    if isinstance(values, list | tuple) and len(values) == 2 and values[1] is None:
        return values[0] is None or _is_number(values[0])
    return _is_range(values)


def _are_texts(values: Any) -> bool:
    return isinstance(values, list | tuple) and all(isinstance(one, str) for one in values)


# The parts of a domain that are used: a check of each, and what is expected.
_OF_DOMAIN: dict[str, tuple[Callable[[Any], bool], str]] = {
    "sampling": (_are_samplings, "[low, high] in Å/px, positive numbers"),
    "structures": (_are_texts, "a list of names"),
    "dose": (_are_doses, "[low, high] in e/Å², numbers, or null for no highest"),
    **{
        name: (_is_range, "[low, high], finite numbers")
        for name in ("energy", "defocus", "defocus_step", "Cs")
    },
}
