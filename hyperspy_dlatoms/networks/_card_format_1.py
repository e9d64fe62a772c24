# SPDX-License-Identifier: GPL-3.0-or-later
"""The materials of cards of format 1, read from the recipe in them."""

from typing import Any

from hyperspy_dlatoms.networks._card_recipe import recipe_in

# The names that recipes of that format had, frozen: newer cards list their materials.
_SHEETS = {"graphene", "BN", "MoS2", "WS2", "MoSe2", "WSe2"}


def materials_of_recipe(text: Any) -> list[str]:
    """Return the materials whose sites a recipe of that format trained a network to find."""
    structures = recipe_in(text).get("structures")
    known: set[str] = set()
    for structure in structures if isinstance(structures, list) else []:
        match structure.get("structure") if isinstance(structure, dict) else None:
            case "graphene":
                known.add("graphene")
            case "two-dimensional":
                known |= _choices(structure.get("formula", "MoS2")) & _SHEETS
            case "metal-nanoparticle" | "metal-cluster":
                known |= _choices(structure.get("element", "Au"))
    return sorted(known)


def _choices(spec: Any) -> set[str]:
    """Return the names that a range of a recipe draws from."""
    if isinstance(spec, dict):
        spec = spec.get("choice", [])
    names = [spec] if isinstance(spec, str) else spec
    return {name for name in names if isinstance(name, str)}
