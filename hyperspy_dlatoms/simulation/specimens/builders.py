# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of specimens that a recipe can name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from hyperspy_dlatoms.recipes.draws import draw
from hyperspy_dlatoms.simulation.specimens.amorphous import amorphous_carbon, vacuum
from hyperspy_dlatoms.simulation.specimens.cluster import metal_cluster
from hyperspy_dlatoms.simulation.specimens.graphene import SITES, graphene_sheet
from hyperspy_dlatoms.simulation.specimens.metal import metal_nanoparticle
from hyperspy_dlatoms.simulation.specimens.oxide import oxide_slab
from hyperspy_dlatoms.simulation.specimens.specimen import Specimen
from hyperspy_dlatoms.simulation.specimens.two_dimensional import layer_kinds, two_dimensional_layer

BUILDERS: dict[str, Callable[..., Specimen]] = {
    "metal-nanoparticle": metal_nanoparticle,
    "metal-cluster": metal_cluster,
    "graphene": graphene_sheet,
    "two-dimensional": two_dimensional_layer,
    "oxide": oxide_slab,
    "amorphous-carbon": amorphous_carbon,
    "vacuum": vacuum,
}


def check_structure(structure: Mapping[str, Any]) -> None:
    """
    Check one entry of a recipe's ``structures``.

    Parameters
    ----------
    structure : mapping
        ``structure``, the name of a builder; ``share``; and ranges for the builder's arguments.

    Raises
    ------
    ValueError
        If the structure is unknown, or takes no argument of that name.

    Examples
    --------
    >>> from hyperspy_dlatoms.simulation.specimens.builders import check_structure
    >>> check_structure({"structure": "vacuum", "share": 1})
    """
    name = structure.get("structure")
    if name not in BUILDERS:
        raise ValueError(f"Unknown structure {name!r}; known are {', '.join(BUILDERS)}.")
    known = set(inspect.signature(BUILDERS[name]).parameters) - {"rng", "size"}
    unknown = sorted(set(structure) - known - {"structure", "share"})
    if unknown:
        raise ValueError(
            f"The structure {name!r} takes no {unknown[0]!r}; it takes "
            f"{', '.join(sorted(known)) or 'no arguments'}."
        )


def build_specimen(
    rng: np.random.Generator, structures: Sequence[Mapping[str, Any]], size: float
) -> Specimen:
    """
    Build one specimen of those that a recipe lists.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where the randomness comes from.
    structures : sequence of mapping
        Each as :func:`check_structure` wants it.
    size : float
        Edge of the box, Å.

    Returns
    -------
    Specimen

    Examples
    --------
    >>> import numpy as np
    >>> from hyperspy_dlatoms.simulation.specimens.builders import build_specimen
    >>> specimen = build_specimen(np.random.default_rng(0), [{"structure": "vacuum"}], 30.0)
    >>> len(specimen.atoms)
    0
    """
    shares = np.array([float(structure.get("share", 1)) for structure in structures])
    chosen = structures[rng.choice(len(structures), p=shares / shares.sum())]
    arguments = {
        name: draw(rng, spec) for name, spec in chosen.items() if name not in ("structure", "share")
    }
    builder = BUILDERS[chosen["structure"]]
    if "size" in inspect.signature(builder).parameters:
        arguments["size"] = size
    if "rng" in inspect.signature(builder).parameters:
        return builder(rng, **arguments)
    return builder(**arguments)


def site_kinds(structures: Sequence[Mapping[str, Any]]) -> set[str]:
    """
    Give the kinds of sites that a network can learn from the structures of a recipe.

    Parameters
    ----------
    structures : sequence of mapping
        Each as :func:`check_structure` wants it.

    Returns
    -------
    set of str
        Empty where the sites are not told apart.

    Examples
    --------
    >>> from hyperspy_dlatoms.simulation.specimens.builders import site_kinds
    >>> sorted(site_kinds([{"structure": "two-dimensional", "formula": "BN"}]))
    ['B', 'B vacancy', 'N', 'N vacancy']
    """
    kinds: set[str] = set()
    for structure in structures:
        if structure["structure"] == "two-dimensional":
            files, formulas = (
                _options(structure.get(name, default))
                for name, default in (("file", None), ("formula", "MoS2"))
            )
            for file in files:
                for formula in formulas if file is None else [None]:
                    kinds.update(layer_kinds(formula, file))
        if True in _options(structure.get("mark_vacancies")):
            kinds.update(SITES)
    return kinds


def _options(spec: Any) -> list[Any]:
    return list(spec["choice"]) if isinstance(spec, Mapping) else [spec]


def site_materials(structures: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the materials whose sites are to be found, sorted: elements, and names of sheets."""
    materials: set[str] = set()
    for structure in structures:
        match structure["structure"]:
            case "graphene":
                materials.add("graphene")
            case "two-dimensional" if structure.get("file") is None:
                materials.update(_options(structure.get("formula", "MoS2")))
            case "metal-nanoparticle" | "metal-cluster":
                materials.update(_options(structure.get("element", "Au")))
    return tuple(sorted(name for name in materials if isinstance(name, str)))
