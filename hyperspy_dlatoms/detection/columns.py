# SPDX-License-Identifier: GPL-3.0-or-later
"""The columns of the sites that a network finds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hyperspy_dlatoms.networks.card import ModelCard


def columns_of(card: ModelCard, members: Sequence[ModelCard] = ()) -> list[str]:
    """Name the columns of what `find_sites` gives.

    Parameters
    ----------
    card : ModelCard
        Of the network or the ensemble.
    members : sequence of ModelCard
        Of the members of an ensemble.

    Returns
    -------
    list of str

    Examples
    --------
    >>> from hyperspy_dlatoms.detection.columns import columns_of
    >>> from hyperspy_dlatoms.networks.card import ModelCard
    >>> card = ModelCard(
    ...     name="example", version="1", architecture="unet", arguments={"heights": True},
    ...     classes=("C",), sampling=0.2, radius=0.5, minimum_distance=1.0, threshold=0.5,
    ... )
    >>> columns_of(card)[5:]
    ['height', 'height_sigma']
    """
    several = len(card.classes) > 1
    names = ["y", "x", "probability", "y_sigma", "x_sigma"]
    names += ["species"] * several + ["agreement"] * (len(members) > 1)
    if several:
        names += [f"probability_{name.replace(' ', '_')}" for name in card.classes]
    if any(one.heights for one in (card, *members)):
        names += ["height", "height_sigma"]
    return names
