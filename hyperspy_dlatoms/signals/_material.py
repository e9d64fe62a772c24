# SPDX-License-Identifier: GPL-3.0-or-later
"""What a layer is made of: names for the species of networks that know roles, not elements."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

from hyperspy.signals import BaseSignal

from hyperspy_dlatoms._warnings import DLAtomsWarning, ExtrapolationWarning, warn
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.domain import ExtrapolationError

_Value = TypeVar("_Value")

# Classes of networks that do not know elements; their vacancies are ``metal vacancy`` and so on.
ROLES = ("metal", "chalcogen")
_CHALCOGENS = ("S", "Se", "Te")
_VACANCY = " vacancy"
# Names of the layer that is not MX2, and the network that knows it.
_BN, _OF_BN = ("BN", "h-BN", "hBN"), "bn-focal-series"


class Layer(NamedTuple):
    """An MX2 layer."""

    formula: str
    elements: tuple[str, str]  # The metal and the chalcogen.

    def name(self, role: str) -> str:
        """Return the name of a class of a network of roles, for instance ``S vacancy``."""
        kind, space, more = role.partition(" ")
        if kind not in ROLES:
            return role
        return self.elements[ROLES.index(kind)] + space + more


def layer_of(
    material: str | None, signal: BaseSignal, card: ModelCard, on_extrapolation: str = "warn"
) -> Layer | None:
    """Return the user's MX2 layer, or else that of ``metadata.Sample.elements``, or None."""
    # Also None for a network whose classes are elements, which are checked. A ValueError for a
    # material that is not a layer, or not one that the network knows.
    elements = list(signal.metadata.get_item("Sample.elements", []))
    by_roles = set(ROLES) <= set(card.classes)
    is_told = by_roles or card.arguments.get("material", False)
    if material is not None:
        if not is_told and ("BN" if material in _BN else material) in card.materials:
            return None
        layer = _parsed(material)
        if is_told:
            return layer
        _check_elements(material, layer, card)
    elif is_told:
        found = _of_elements(elements, card)
        if found is None and by_roles and on_extrapolation != "ignore":
            warn(
                f"Nothing says what the layer is made of, so {card.name!r} may mistake the metal "
                "for the chalcogen: give material, such as 'WS2', or set metadata.Sample.elements."
                + _another(elements),
                DLAtomsWarning,
            )
        elif found is None and elements and on_extrapolation != "ignore":
            warn(
                f"metadata.Sample.elements is {', '.join(elements)}, which fits no single MX2 "
                f"layer: {card.name!r} knows only such layers. If it is one, give material, such "
                "as 'WS2'.",
                ExtrapolationWarning,
            )
        return found
    elif elements and on_extrapolation != "ignore":
        _compare(elements, card, on_extrapolation)
    return None


def _compare(elements: Sequence[str], card: ModelCard, on_extrapolation: str) -> None:
    """Warn of, or raise for, a sample without the elements that a network knows."""
    lacking = [name for name in _known(card) if name not in elements]
    if not lacking:
        return
    is_wave = card.kind == "exit wave"
    text = (
        f"metadata.Sample.elements is {', '.join(elements)}, without {', '.join(lacking)}: "
        f"{card.name!r} knows only {' and '.join(_known(card))}, and "
        f"{'returns the wave of such a' if is_wave else 'may swap the elements of another'} layer. "
        f"Use a network for layers of any elements.{'' if is_wave else _another(elements)}"
    )
    if on_extrapolation == "raise":
        raise ExtrapolationError(text)
    warn(text, ExtrapolationWarning)


def _another(elements: Sequence[str]) -> str:
    return f" {_OF_BN!r} knows h-BN." if {"B", "N"} <= set(elements) else ""


def named_in(material: str | None, rates: Mapping[str, _Value]) -> dict[str, _Value]:
    """Return what is known about each vacancy, by its name in a layer."""
    if material is None:
        return dict(rates)
    layer = _parsed(material)
    return {layer.name(role): value for role, value in rates.items()}


def _parsed(material: str) -> Layer:
    """Read a formula such as WS2."""
    expected = "expected the formula of an MX2 layer, such as 'WS2', X being S, Se or Te"
    if not isinstance(material, str):
        raise TypeError(f"material is {material!r}: {expected}.")
    if material in _BN:
        expected += f", or the network {_OF_BN!r}"
    layer = _layer(material)
    if layer is None:
        raise ValueError(f"material is {material!r}: {expected}.")
    return layer


def _layer(material: str) -> Layer | None:
    """Return the MX2 layer of a formula, or None."""
    from ase.data import atomic_numbers

    match = re.fullmatch(r"([A-Z][a-z]?)(S|Se|Te)2", material.strip())
    if match is None or match[1] not in atomic_numbers or match[1] in ("X", *_CHALCOGENS):
        return None
    return Layer(match[0], (match[1], match[2]))


def _check_elements(material: str, layer: Layer, card: ModelCard) -> None:
    known = _known(card)
    if not known:
        raise ValueError(
            f"material is {material!r}, but {card.name!r} does not tell elements apart: expected "
            "None."
        )
    if set(layer.elements) != set(known):
        names = " or ".join(map(repr, card.materials)) or f"one of {', '.join(known)}"
        raise ValueError(
            f"material is {material!r}, but {card.name!r} was trained on {names}: expected that, "
            "or a network for layers of any elements."
        )


def _of_elements(elements: Sequence[str], card: ModelCard) -> Layer | None:
    """Find the one layer that elements can make, beside those of contamination or a grid."""
    there = set(elements)
    layers = map(_layer, card.materials)
    known = [one for one in layers if one is not None and set(one.elements) <= there]
    if len(known) == 1:
        return known[0]
    chalcogens = there & set(_CHALCOGENS)
    if len(there) == 2 and len(chalcogens) == 1:
        (chalcogen,), (metal,) = chalcogens, there - chalcogens
        return _layer(f"{metal}{chalcogen}2")
    return None


def _known(card: ModelCard) -> list[str]:
    """Return the elements among the classes of a network, or of the one layer of its waves."""
    from ase.data import atomic_numbers

    names = [name.removesuffix(_VACANCY) for name in card.classes]
    if card.kind == "exit wave" and len(card.materials) == 1:
        names = re.findall("[A-Z][a-z]?", card.materials[0])
    return [name for name in dict.fromkeys(names) if name in atomic_numbers]
