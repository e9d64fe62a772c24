# SPDX-License-Identifier: GPL-3.0-or-later
"""The structures that a recipe can name, and the parameters of each.

The builders are in `hyperspy_dlatoms.simulation.specimens`; their arguments have these names.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hyperspy_dlatoms.recipes._checks import (
    Check,
    Wrong,
    chosen,
    drawn,
    named,
    number,
    one_of,
    optional,
    text,
    truth,
)


def _file(place: str, value: Any) -> str:
    if not isinstance(value, str) or not Path(value).is_file():
        here = Path.cwd()
        raise Wrong(place, value, f"a file that exists, relative to the working directory {here}")
    return value


def _zone(place: str, value: Any) -> str:
    if not re.fullmatch(r"(-?\d){3}", text(place, value)) or not re.search("[1-9]", str(value)):
        raise Wrong(place, value, "three indices in quotes, such as '110' or '1-10'")
    return str(value)


_LENGTH = drawn(number(above=0))
_COUNT = drawn(number(0))
_SHARE = drawn(number(0, 1))
_DEGREES = drawn(number(0, 90))
_ELEMENT = chosen(text)
_ZONE = chosen(one_of("110", "100", None))
_SUPPORT = chosen(one_of(None, "oxide", "carbon", "carbon-beside"))
_INDICES = chosen(optional(_zone))
_PARTICLE: dict[str, Check] = {
    "element": _ELEMENT,
    "lattice_constant": drawn(optional(number(above=0))),
    "zone": _ZONE,
    # Smaller particles have no columns to learn from.
    "radius": drawn(number(3)),
    "tilt_max": _DEGREES,
    "scale": _SHARE,
    "support": _SUPPORT,
    "gap": drawn(optional(number(0))),
}
_SHEET: dict[str, Check] = {
    "holes": _COUNT,
    "hole_radius": _LENGTH,
    "free_edge": chosen(truth),
    "ripple_amplitude": drawn(number(0)),
    "strain": drawn(number(0, 0.5)),
    "tilt_max": _DEGREES,
    "adatom_count": _COUNT,
    "coverage": _SHARE,
    "contamination_thickness": _LENGTH,
}
STRUCTURES: dict[str, dict[str, Check]] = {
    "metal-nanoparticle": _PARTICLE
    | {"twin_probability": _SHARE, "particles": _COUNT, "elongation": _LENGTH},
    "metal-cluster": _PARTICLE
    | {"shape": chosen(one_of("sphere", "ellipsoid", "octahedron", "decahedron", "icosahedron"))},
    "graphene": _SHEET
    | {
        "kind": chosen(one_of("perfect", "random", "polycrystal")),
        "grains": _COUNT,
        "vacancy_fraction": _SHARE,
        "mark_vacancies": chosen(truth),
        "rotated_bonds": _COUNT,
        "unlabelled_contamination": drawn(number(0)),
        "substituent": chosen(text),
        "substituted": _SHARE,
    },
    "two-dimensional": _SHEET
    | {
        "formula": chosen(
            one_of("MoS2", "WS2", "MoSe2", "WSe2", "MoTe2", "WTe2", "MX2", "BN", None)
        ),
        "phase": chosen(one_of("2H", "1T", "1T'")),
        "roles": truth,
        "file": chosen(optional(_file)),
        "boundary": chosen(one_of("none", "grain", "twin")),
        "metal_vacancies": _SHARE,
        "single_vacancies": _SHARE,
        "double_vacancies": _SHARE,
        "clustering": _SHARE,
        "vacancy_rows": _COUNT,
        "antisite_fraction": _SHARE,
        "substituent": chosen(optional(text)),
        "substituted": _SHARE,
        "unclear_contamination": drawn(number(0)),
    },
    "crystal": {
        # A structure type, or "random"; the builder checks the name.
        "cell": chosen(optional(text)),
        "file": chosen(optional(_file)),
        "zone": _INDICES,
        "shape": chosen(one_of("particle", "wedge", "film", None)),
        "thickness": _LENGTH,
        "radius": drawn(number(3)),
        "tilt_max": _DEGREES,
        "boundary": chosen(one_of("none", "grain", "twin", "fault", "interface")),
        "vacancies": _SHARE,
        "substituted": _SHARE,
        "support": chosen(one_of(None, "crystal", "carbon", "carbon-beside")),
        "particles": _COUNT,
    },
    "oxide": {"thickness": _LENGTH, "fraction": _SHARE, "zone": _ZONE, "tilt_max": _DEGREES},
    # Denser carbon cannot be packed at random.
    "amorphous-carbon": {"thickness": _LENGTH, "density": drawn(number(high=3, above=0))},
    "single-atoms": {
        "element": _ELEMENT,
        "number": _COUNT,
        "thickness": _LENGTH,
        "density": drawn(number(high=3, above=0)),
    },
    "vacuum": {},
}


def structure(place: str, value: Any) -> dict[str, Any]:
    """Check one structure of a recipe: its name, share and arguments."""
    if not isinstance(value, Mapping) or "structure" not in value:
        raise Wrong(place, value, "a `structure` with its arguments")
    name = one_of(*STRUCTURES)(f"{place}.structure", value["structure"])
    checks = {"structure": text, "share": number(0)} | STRUCTURES[name]
    place = f"{place} ({name})"
    checked = named(place, value, checks)
    if None in options(checked.get("formula", "")) and None in options(checked.get("file")):
        raise Wrong(f"{place}.formula", value["formula"], "a formula, or a file that holds a layer")
    return checked


def site_kinds(structures: Iterable[Mapping[str, Any]]) -> set[str] | None:
    """Return the kinds of sites that structures tell apart; None if a file must be read first."""
    kinds: set[str] = set()
    for one in structures:
        if one["structure"] == "two-dimensional":
            if options(one.get("file")) != [None]:
                return None
            if one.get("roles"):
                kinds |= {"metal", "chalcogen", "metal vacancy", "chalcogen vacancy"}
                continue
            for formula in options(one.get("formula", "MoS2")):
                for element in re.findall("[A-Z][a-z]?", formula):
                    kinds |= {element, f"{element} vacancy"}
        if one["structure"] == "crystal":
            kinds |= {"column", "light column"}
        if True in options(one.get("mark_vacancies")):
            kinds |= {"C", "C vacancy"}
    return kinds


def options(spec: Any) -> list[Any]:
    """Return the values that a choice can give, or the single value."""
    return list(spec["choice"]) if isinstance(spec, Mapping) and "choice" in spec else [spec]
