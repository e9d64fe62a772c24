# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments of the methods, checked."""

from __future__ import annotations

from numbers import Integral, Real
from typing import NamedTuple

#: What can be done about images that a network was not trained on.
ON_EXTRAPOLATION = ("warn", "raise", "ignore")


class Output(NamedTuple):
    """How the result is computed.

    Attributes
    ----------
    show_progressbar : bool or None
        Whether to show a progress bar; HyperSpy's preference where None.
    num_workers : int or None
        How many blocks are worked on at once; dask's default where None.
    lazy : bool or None
        Whether the result stays lazy; as the signal is where None.
    """

    show_progressbar: bool | None
    num_workers: int | None
    lazy: bool | None

    def check(self) -> None:
        """Refuse what makes no sense.

        Raises
        ------
        TypeError
            If the number of workers is not a whole number.
        ValueError
            If it is below 1.
        """
        workers = self.num_workers
        if workers is None:
            return
        if isinstance(workers, bool) or not isinstance(workers, Integral):
            raise TypeError(f"num_workers is {workers!r}: expected a whole number, or None.")
        if workers < 1:
            raise ValueError(f"num_workers is {workers}: expected 1 or more.")


class Search(NamedTuple):
    """How sites are found; see ``Signal2D.find_atoms_nn``.

    Attributes
    ----------
    threshold : float or None
        The least probability of a site; the card's, or each member's, where None.
    minimum_agreement : float or None
        The least fraction of an ensemble that found a site; where None, the mean probability of its
        members decides.
    symmetrise : bool
        Whether to take the mean over turns and flips.
    on_extrapolation : str
        What to do about images that the network was not trained on.
    """

    threshold: float | None
    minimum_agreement: float | None
    symmetrise: bool
    on_extrapolation: str

    def check(self) -> None:
        """Refuse what makes no sense.

        Raises
        ------
        TypeError
            If the threshold or the least agreement is not a number.
        ValueError
            If one of the arguments is out of its range.
        """
        if self.threshold is not None:
            _check_fraction("threshold", self.threshold, inclusive=False)
        if self.minimum_agreement is not None:
            _check_fraction("minimum_agreement", self.minimum_agreement, inclusive=True)
        if self.on_extrapolation not in ON_EXTRAPOLATION:
            raise ValueError(
                f"on_extrapolation is {self.on_extrapolation!r}: expected one of "
                f"{', '.join(ON_EXTRAPOLATION)}."
            )


def _check_fraction(name: str, value: float, *, inclusive: bool) -> None:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} is {value!r}: expected a number from 0 to 1.")
    if not (0 < value < 1 or (inclusive and value in (0, 1))):
        between = "from 0 to 1" if inclusive else "between 0 and 1"
        raise ValueError(f"{name} is {value}: expected a number {between}.")
