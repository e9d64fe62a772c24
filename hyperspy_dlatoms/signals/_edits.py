# SPDX-License-Identifier: GPL-3.0-or-later
"""Atoms added and removed with the mouse, before the search is done for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from hyperspy_dlatoms.signals import AtomPositions


class Edit(NamedTuple):
    """One atom that was added to a frame, or removed from it."""

    frame: tuple[int, ...]  # Index in the array.
    position: tuple[float, float]  # y and x, px.
    added: bool
    species: str | None = None


class Edits(list[Edit]):
    """Changes by hand in their order; an atom that was added and removed again leaves none."""

    def positions(self, frame: tuple[int, ...], *, added: bool) -> np.ndarray:
        """Return y and x (px) of the atoms added to a frame, or removed from it, shape (n, 2)."""
        chosen = [one.position for one in self if one.frame == frame and one.added == added]
        return np.array(chosen, float).reshape(-1, 2)

    def keeps(self, frame: tuple[int, ...], positions: np.ndarray, reach: float) -> np.ndarray:
        """Return a mask of the found atoms (n, 2) that were not removed by hand."""
        # What is removed is the nearest atom within a reach (px), since another threshold moves the
        # atoms of an ensemble a little.
        keep = np.ones(len(positions), bool)
        for removed in self.positions(frame, added=False):
            if keep.any():
                distance = np.where(keep, np.hypot(*(positions - removed).T), np.inf)
                nearest = int(distance.argmin())
                keep[nearest] &= distance[nearest] > reach
        return keep

    def toggle_off(self, edit: Edit) -> None:
        """Remove an atom: one that was added by hand is forgotten, any other is noted."""
        for number, one in enumerate(self):
            if one.added and one.frame == edit.frame and one.position == edit.position:
                del self[number]
                return
        self.append(edit)

    def apply(self, atoms: AtomPositions, reach: float) -> None:
        """Apply the changes to the atoms that a search found, computing them first."""
        if self and atoms._lazy:
            atoms.compute()
        single = atoms.axes_manager.navigation_dimension == 0
        for index in dict.fromkeys(one.frame for one in self):
            frame = None if single else index
            removed = ~self.keeps(index, atoms.data[index][:, :2], reach)
            if removed.any():
                atoms.remove_atoms(np.flatnonzero(removed).tolist(), frame=frame)
            for one in self:
                if one.added and one.frame == index:
                    atoms.add_atoms(one.position, frame=frame, species=one.species)
