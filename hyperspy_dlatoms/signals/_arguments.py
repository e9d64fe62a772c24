# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments of the methods, checked."""

from __future__ import annotations

import os
from collections.abc import Sequence
from numbers import Integral, Real
from typing import NamedTuple

import numpy as np

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
    store : str, os.PathLike or None
        The directory that findings are written to as they come.
    """

    show_progressbar: bool | None
    num_workers: int | None
    lazy: bool | None
    store: str | os.PathLike[str] | None = None

    @property
    def shows_progress(self) -> bool:
        """Whether a progress bar is shown, by HyperSpy's preference where nothing was said."""
        from hyperspy.api import preferences

        if self.show_progressbar is None:
            return bool(preferences.General.show_progressbar)
        return self.show_progressbar

    @property
    def workers(self) -> dict[str, int]:
        """The number of workers for dask, nothing where it decides."""
        return {} if self.num_workers is None else {"num_workers": int(self.num_workers)}

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


class Series(NamedTuple):
    """How images make focal series; see ``Signal2D.classify_species``.

    Attributes
    ----------
    focal_axis : str or int or None
        The navigation axis along which the images of a series lie; found where None.
    defoci : sequence of float or None
        Of the images, Å, positive is underfocus; what the axis says where None.
    align : bool
        Whether the images of a series are brought onto its middle one first.
    """

    focal_axis: str | int | None
    defoci: Sequence[float] | None
    align: bool

    def checked(self) -> Series:
        """Return the same with the defoci as a tuple of float.

        Raises
        ------
        TypeError
            If the axis is neither a name nor a whole number, or the defoci are not numbers.
        ValueError
            If a defocus is not finite.
        """
        axis = self.focal_axis
        if axis is not None and (isinstance(axis, bool) or not isinstance(axis, str | Integral)):
            raise TypeError(
                f"focal_axis is {axis!r}: expected the name or the index of an axis, or None."
            )
        if self.defoci is None:
            return self
        try:
            defoci = np.asarray(self.defoci, float)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"defoci is {self.defoci!r}: expected a number in Å for each image, or None."
            ) from error
        if defoci.ndim != 1 or not np.isfinite(defoci).all():
            raise ValueError(
                f"defoci is {self.defoci!r}: expected a finite number in Å for each image, or None."
            )
        return self._replace(defoci=tuple(defoci.tolist()))


def _check_fraction(name: str, value: float, *, inclusive: bool) -> None:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} is {value!r}: expected a number from 0 to 1.")
    if not (0 < value < 1 or (inclusive and value in (0, 1))):
        between = "from 0 to 1" if inclusive else "between 0 and 1"
        raise ValueError(f"{name} is {value}: expected a number {between}.")
