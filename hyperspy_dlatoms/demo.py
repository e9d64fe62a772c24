# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded example: a simulated noisy image of a nanoparticle, and its true columns."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from hyperspy_dlatoms.analysis.matching import match

if TYPE_CHECKING:
    from hyperspy.signals import Signal2D

# Å: a found atom this near to a true column is that column.
_TOLERANCE = 0.5


@dataclass(frozen=True)
class Example:
    """An image whose atomic columns are known.

    Parameters
    ----------
    counts : numpy.ndarray
        Electron counts, shape (H, W).
    sampling : float
        Å/px.
    positions : numpy.ndarray
        The true columns, y and x in px, shape (n, 2).
    description : dict
        How it was simulated.
    """

    counts: np.ndarray
    sampling: float
    positions: np.ndarray
    description: dict

    @classmethod
    def load(cls) -> Example:
        """Read the example that comes with the package.

        Returns
        -------
        Example
            A simulated image; no network was trained on it.
        """
        path = files("hyperspy_dlatoms") / "data" / "nanoparticle.npz"
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return cls(
                stored["counts"],
                float(stored["sampling"]),
                stored["positions"].astype(float),
                json.loads(str(stored["meta"])),
            )

    def to_signal(self) -> Signal2D:
        """Return the image as HyperSpy would load it, with calibrated axes.

        Returns
        -------
        Signal2D
            Counts, the axes in nm.

        Examples
        --------
        >>> example = Example(np.zeros((8, 16)), 0.1, np.empty((0, 2)), {})
        >>> example.to_signal()
        <Signal2D, title: Nanoparticle, dimensions: (|16, 8)>
        """
        from hyperspy.signals import Signal2D

        signal = Signal2D(self.counts)
        signal.metadata.General.title = "Nanoparticle"
        for axis, name in zip(signal.axes_manager.signal_axes, "xy", strict=True):
            axis.name, axis.scale, axis.units = name, self.sampling / 10, "nm"
        return signal


@dataclass(frozen=True)
class Score:
    """How found atoms compare with the true ones.

    Parameters
    ----------
    true, found, false : int
        The number of true columns, of those found, and of found atoms that are none.
    rms_error : float
        Root of the mean squared distance of a found column from the true one, Å; NaN where none
        was found.
    """

    true: int
    found: int
    false: int
    rms_error: float


def score(found: np.ndarray, true: np.ndarray, sampling: float) -> Score:
    """Compare found atoms with true ones.

    Parameters
    ----------
    found, true : numpy.ndarray
        y and x in px, shape (n, 2).
    sampling : float
        Å/px.

    Returns
    -------
    Score
        Atoms within 0.5 Å of a true column, one to one, count as found.

    Examples
    --------
    >>> score(np.array([[1.0, 1.0], [9.0, 9.0]]), np.array([[1.0, 2.0], [5.0, 5.0]]), 0.1)
    Score(true=2, found=1, false=1, rms_error=0.1)
    """
    pairs = match(found, true, _TOLERANCE / sampling)
    squares = np.sum((found[pairs[:, 0]] - true[pairs[:, 1]]) ** 2, axis=1)
    rms = float(np.sqrt(squares.mean())) * sampling if len(pairs) else float("nan")
    return Score(len(true), len(pairs), len(found) - len(pairs), rms)
