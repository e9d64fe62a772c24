# SPDX-License-Identifier: GPL-3.0-or-later
"""Several networks applied to the same image."""

import dataclasses
from collections.abc import Sequence

from hyperspy_dlatoms import _rows
from hyperspy_dlatoms.networks._card_summary import rows_of
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.network import AtomNetwork

_SHARED = ("modality", "kind", "images", "sampling", "stride", "classes", "normalisation_width")
_RANGES = ("sampling", "defocus", "defocus_step")


class AtomEnsemble:
    """Several networks trained on different simulations, and their common card.

    Parameters
    ----------
    members : sequence of AtomNetwork
        Two or more networks with the same working sampling, stride, normalisation width and
        classes; their radii, thresholds and minimum distances may differ.
    name : str, optional
        Name of the ensemble; by default the names of the members joined by " + ".
    threshold : float, optional
        Lowest mean probability of a site; by default the lowest threshold of any member.

    Raises
    ------
    ValueError
        If there are fewer than two members, or they take different images.

    Examples
    --------
    >>> from hyperspy_dlatoms import registry
    >>> names = ("metal-nanoparticle", "metal-nanoparticle-clusters")
    >>> AtomEnsemble([registry.load(name) for name in names], "both")  # doctest: +SKIP
    <AtomEnsemble both, 2 members>
    """

    def __init__(
        self,
        members: Sequence[AtomNetwork],
        name: str | None = None,
        threshold: float | None = None,
    ) -> None:
        self.members, self.threshold = tuple(members), threshold
        self.card = common_card([member.card for member in self.members], name, threshold)

    def __repr__(self) -> str:
        return f"<AtomEnsemble {self.card.name}, {len(self.members)} members>"

    def _repr_html_(self) -> str:
        rows = [("members", ", ".join(f"{m.card.name} {m.card.version}" for m in self.members))]
        return _rows.to_html(f"AtomEnsemble {self.card.name}", [*rows, *rows_of(self.card)])


def common_card(
    cards: Sequence[ModelCard], name: str | None = None, threshold: float | None = None
) -> ModelCard:
    """Return the card that stands for several networks, which must agree in ``_SHARED``."""
    # The threshold (the lowest if none is given), mean radius, least distance, all materials, and
    # the sampling (Å/px) and defoci (Å) that all were trained on; no recipe and no scores.
    if len(cards) < 2:
        raise ValueError(f"An ensemble of {len(cards)} networks: expected two or more.")
    first = cards[0]
    for card in cards[1:]:
        for field in _SHARED:
            ours, theirs = getattr(first, field), getattr(card, field)
            if ours != theirs:
                raise ValueError(
                    f"The members of an ensemble must have the same {field.replace('_', ' ')}: "
                    f"{first.name!r} has {ours!r}, {card.name!r} has {theirs!r}."
                )
    return dataclasses.replace(
        first,
        name=name or " + ".join(card.name for card in cards),
        version=" + ".join(card.version for card in cards),
        radius=sum(card.radius for card in cards) / len(cards),
        minimum_distance=min(card.minimum_distance for card in cards),
        threshold=min(card.threshold for card in cards) if threshold is None else threshold,
        # Hysteresis applies to each member, before the mean is taken.
        anchor=None,
        arguments=next((card.arguments for card in cards if card.heights), first.arguments),
        heights=any(card.heights for card in cards),
        materials=tuple(sorted({name for card in cards for name in card.materials})),
        domain=_common_domain(cards),
        recipe="",
        commit="",
        training={},
        scores={},
    )


def _common_domain(cards: Sequence[ModelCard]) -> dict[str, list[float]]:
    domain = {}
    for name in _RANGES:
        ranges = [card.domain[name] for card in cards if name in card.domain]
        if ranges:
            low, high = zip(*ranges, strict=True)
            domain[name] = [max(low), min(high)]
    return domain
