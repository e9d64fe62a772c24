# SPDX-License-Identifier: GPL-3.0-or-later
"""The recipe in a card, as far as it can be read."""

from typing import Any

# The materials in recipes of format 1 cards, frozen: newer cards list their materials.
_SHEETS = {"graphene", "BN", "MoS2", "WS2", "MoSe2", "WSe2"}


def recipe_in(text: Any) -> dict[str, Any]:
    """Return the content of a recipe's text by name, nothing if it is not a recipe."""
    import yaml

    try:
        content = yaml.safe_load(text) if isinstance(text, str) else None
    except (yaml.YAMLError, ValueError, RecursionError):
        # A ValueError comes from an impossible date.
        return {}
    return content if isinstance(content, dict) else {}


def materials_of_recipe(text: Any) -> list[str]:
    """Return the materials whose sites the recipe in a card of format 1 trained to find."""
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
