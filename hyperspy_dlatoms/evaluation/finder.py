# SPDX-License-Identifier: GPL-3.0-or-later
"""Finders: functions that find sites in a frame."""

import warnings
from typing import Protocol

import numpy as np

from hyperspy_dlatoms.registry.catalogue import ModelLike

_COMPARED = ("y", "x", "probability", "y_sigma", "x_sigma", "height", "height_sigma")


class Finder(Protocol):
    """A function that finds the sites of a frame."""

    def __call__(
        self, frame: np.ndarray, sampling: float, threshold: float | None = None
    ) -> np.ndarray:
        """Find the sites of a frame.

        Parameters
        ----------
        frame : numpy.ndarray
            Electrons per pixel, shape (H, W).
        sampling : float
            Å/px.
        threshold : float, optional
            Lowest probability of a site; by default the finder's own.

        Returns
        -------
        numpy.ndarray
            y, x, probability, y_sigma and x_sigma in px, shape (n, 5), or (n, 7) with the number
            of atoms in the column and its sigma.
        """


def model_finder(model: ModelLike) -> Finder:
    """Return a finder that applies a model.

    Parameters
    ----------
    model : str, os.PathLike, AtomNetwork or AtomEnsemble
        As for `hyperspy_dlatoms.registry.load`.

    Returns
    -------
    Finder
        It suppresses warnings: a benchmark extrapolates on purpose.
    """
    from hyperspy_dlatoms import registry
    from hyperspy_dlatoms.detection.pipeline import find_sites
    from hyperspy_dlatoms.detection.sites import column_names

    network = registry.load(model)
    members = [member.card for member in getattr(network, "members", ())]
    columns = [
        n for n, name in enumerate(column_names(network.card, len(members))) if name in _COMPARED
    ]

    def find(frame: np.ndarray, sampling: float, threshold: float | None = None) -> np.ndarray:
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            return find_sites(frame[None], sampling, network, threshold)[0][:, columns]

    return find
