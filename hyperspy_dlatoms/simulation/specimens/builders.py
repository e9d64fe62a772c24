# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of specimens that a recipe can name."""

import difflib
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from hyperspy_dlatoms.recipes import structures as recipe_structures
from hyperspy_dlatoms.recipes.draws import bounds, draw
from hyperspy_dlatoms.recipes.structures import options
from hyperspy_dlatoms.simulation.specimens._two_dimensional import (
    layer_kinds,
    two_dimensional_layer,
)
from hyperspy_dlatoms.simulation.specimens.amorphous import amorphous_carbon, vacuum
from hyperspy_dlatoms.simulation.specimens.cluster import SPREAD as CLUSTER_SPREAD
from hyperspy_dlatoms.simulation.specimens.cluster import metal_cluster
from hyperspy_dlatoms.simulation.specimens.crystal import crystal, drawn_crystal
from hyperspy_dlatoms.simulation.specimens.graphene import graphene_sheet
from hyperspy_dlatoms.simulation.specimens.metal import (
    SPREAD,
    fcc_lattice_constant,
    largest_radius,
    metal_nanoparticle,
)
from hyperspy_dlatoms.simulation.specimens.oxide import oxide_slab
from hyperspy_dlatoms.simulation.specimens.prototypes import PROTOTYPES
from hyperspy_dlatoms.simulation.specimens.single_atoms import single_atoms
from hyperspy_dlatoms.simulation.specimens.specimen import Specimen

BUILDERS: dict[str, Callable[..., Specimen]] = {
    "metal-nanoparticle": metal_nanoparticle,
    "metal-cluster": metal_cluster,
    "graphene": graphene_sheet,
    "two-dimensional": two_dimensional_layer,
    "crystal": crystal,
    "oxide": oxide_slab,
    "amorphous-carbon": amorphous_carbon,
    "single-atoms": single_atoms,
    "vacuum": vacuum,
}

SPREADS = {"metal-nanoparticle": SPREAD, "metal-cluster": CLUSTER_SPREAD}


def check_structures(structures: Sequence[Mapping[str, Any]], size: float) -> None:
    """Check that particles fit the box of edge `size` (Å), and check cell names and files."""
    for number, one in enumerate(structures):
        name = one["structure"]
        site_kinds([one])
        if name == "crystal":
            _check_crystals(f"structures[{number}] (crystal)", one)
        for element in options(one.get("element", "Au")) if name in SPREADS else []:
            constants = [
                fcc_lattice_constant(element) if constant is None else bounds(constant)[1]
                for constant in options(one.get("lattice_constant"))
            ]
            largest = largest_radius(size, max(constants), SPREADS[name])
            if "radius" in one and bounds(one["radius"])[1] > largest:
                raise ValueError(
                    f"structures[{number}] ({name}).radius is {one['radius']!r}: a box of {size:g} "
                    f"Å holds particles of {element} of 3 to {largest:.1f} Å; change radius or "
                    "waves.size."
                )


def _check_crystals(place: str, structure: Mapping[str, Any]) -> None:
    """Check a crystal's cells and files, and that a zone can be found where none is given."""
    for cell in options(structure.get("cell")):
        if cell not in (None, "random", *PROTOTYPES):
            close = difflib.get_close_matches(str(cell), ["random", *PROTOTYPES], 1)
            hint = f"did you mean {close[0]!r}? Expected" if close else "expected"
            known = ", ".join(["random", *PROTOTYPES])
            raise ValueError(f"{place}.cell {cell!r} is unknown; {hint} one of {known}.")
    for file in options(structure.get("file")):
        for zone in options(structure.get("zone")) if file is not None else []:
            try:
                drawn_crystal(np.random.default_rng(0), None, file, zone)
            except ValueError as error:
                raise ValueError(f"{place}.file: {error}") from error


def build_specimen(
    rng: np.random.Generator, structures: Sequence[Mapping[str, Any]], size: float
) -> Specimen:
    """Build one specimen from the `structures` of a recipe, in a box of edge `size` (Å)."""
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
    """Return the kinds of sites of structures, including layers read from files."""
    kinds: set[str] = set()
    for one in structures:
        layered = one["structure"] == "two-dimensional"
        files = options(one.get("file")) if layered else [None]
        kinds.update(
            *(layer_kinds(None, file, bool(one.get("roles"))) for file in files if file is not None)
        )
        if None in files:
            kinds |= recipe_structures.site_kinds([{**one, "file": None}]) or set()
    return kinds


def site_materials(structures: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the materials whose sites should be found, sorted: elements, and names of sheets."""
    # Empty if crystals are among the structures, since they may be of any material.
    materials: set[str] = set()
    if any(structure["structure"] == "crystal" for structure in structures):
        return ()
    for structure in structures:
        match structure["structure"]:
            case "graphene":
                materials.add("graphene")
            case "two-dimensional" if structure.get("file") is None:
                materials.update(set(options(structure.get("formula", "MoS2"))) - {"MX2"})
            case "metal-nanoparticle" | "metal-cluster":
                materials.update(options(structure.get("element", "Au")))
    return tuple(sorted(name for name in materials if isinstance(name, str)))
