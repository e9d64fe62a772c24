# SPDX-License-Identifier: GPL-3.0-or-later
"""Columns with their unit in their name: ``y_nm``, ``x_sigma_px``, ``time_s``."""

import unicodedata
from collections.abc import Iterable

import numpy as np

# Units of length per Å; for pixels, the sampling gives it.
_PER_ANGSTROM = {"nm": 0.1, "pm": 100.0, "angstrom": 1.0}
# Column names stay in ASCII, which every spreadsheet reads.
_ALIASES = {"Å": "angstrom", "A": "angstrom", "Angstrom": "angstrom"}
UNITS = ("nm", "pm", "angstrom", "px")  # Units of length of a table.
DEFAULT = "nm"  # The unit of the columns that stand beside those of earlier releases.
LENGTHS = ("y", "x", "y_sigma", "x_sigma")  # Columns of `AtomPositions` that are lengths, in px.
IN_UNITS = {f"{name}_{unit}" for name in LENGTHS for unit in UNITS}  # In any of the units.


def checked_unit(unit: str | None) -> str | None:
    """Return a unit of length as named in columns; None for none."""
    if unit is None:
        return None
    # Å may be a letter, or the sign of the unit.
    written = unicodedata.normalize("NFC", unit) if isinstance(unit, str) else unit
    name = _ALIASES.get(written, written)
    if name not in UNITS:
        raise ValueError(f"units is {unit!r}: expected one of {', '.join(UNITS)}, or None.")
    return name


def pixel_size(unit: str, sampling: np.ndarray) -> np.ndarray:
    """Return the size of a pixel along y and x in a unit, from the sampling in Å/px."""
    if unit == "px":
        return np.ones(2)
    return np.asarray(sampling, float) * _PER_ANGSTROM[unit]


def with_unit(name: str, unit: str) -> str:
    """Return the name of a column and its unit; the name alone if there is no unit."""
    return f"{name}_{'_'.join(unit.split())}" if unit.strip() else name


def length_columns(columns: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Find the lengths among the columns of a table: the column and the unit of each."""
    # If a length is given in several units, pixels count first, which need no sampling.
    there = set(columns)
    found = {}
    for name in LENGTHS:
        for unit in ("px", *UNITS):
            if (column := f"{name}_{unit}") in there:
                found[name] = (column, unit)
                break
    return found
