# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments that the methods share, checked when they are taken."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
from dask.diagnostics import ProgressBar

ON_EXTRAPOLATION = ("warn", "raise", "ignore")


@dataclass(frozen=True)
class Output:
    """How a result is computed."""

    show_progressbar: bool | None
    num_workers: int | None
    lazy: bool | None
    store: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        if self.num_workers is not None:
            check_count("num_workers", self.num_workers, "a whole number, or None")

    @property
    def options(self) -> dict[str, Any]:
        """What ``compute`` takes."""
        workers = {} if self.num_workers is None else {"num_workers": int(self.num_workers)}
        return {"show_progressbar": self.show_progressbar} | workers


@dataclass(frozen=True)
class Search:
    """How sites are found."""

    threshold: float | None
    minimum_agreement: float | None
    symmetrise: bool
    on_extrapolation: str

    def __post_init__(self) -> None:
        if self.threshold is not None:
            _check_fraction("threshold", self.threshold, inclusive=False)
        if self.minimum_agreement is not None:
            _check_fraction("minimum_agreement", self.minimum_agreement, inclusive=True)
        if self.on_extrapolation not in ON_EXTRAPOLATION:
            raise ValueError(
                f"on_extrapolation is {self.on_extrapolation!r}: expected one of "
                f"{', '.join(ON_EXTRAPOLATION)}."
            )


@dataclass(frozen=True)
class Series:
    """How the images of a signal make focal series; the defoci become a tuple of float."""

    focal_axis: str | int | None
    defoci: Sequence[float] | None
    align: bool

    def __post_init__(self) -> None:
        axis = self.focal_axis
        if axis is not None and (isinstance(axis, bool) or not isinstance(axis, str | Integral)):
            raise TypeError(
                f"focal_axis is {axis!r}: expected the name or the index of an axis, or None."
            )
        if self.defoci is None:
            return
        expected = "expected a number in Å for each image, or None."
        try:
            defoci = np.asarray(self.defoci, float)
        except (TypeError, ValueError) as error:
            raise TypeError(f"defoci is {self.defoci!r}: {expected}") from error
        if defoci.ndim != 1 or not np.isfinite(defoci).all():
            raise ValueError(f"defoci is {self.defoci!r}: {expected.replace('a ', 'a finite ', 1)}")
        object.__setattr__(self, "defoci", tuple(defoci.tolist()))


def check_count(name: str, value: int, expected: str) -> None:
    """Raise where an argument is no whole number of 1 or more."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} is {value!r}: expected {expected}.")
    if value < 1:
        raise ValueError(f"{name} is {value}: expected 1 or more.")


def shows_progress(asked: bool | None) -> bool:
    """Whether a progress bar is shown, by HyperSpy's preference where None."""
    from hyperspy.api import preferences

    return bool(preferences.General.show_progressbar) if asked is None else asked


def progress_bar(asked: bool | None) -> AbstractContextManager:
    """Return the context in which dask shows its progress, if asked or by preference."""
    return ProgressBar(out=sys.stderr) if shows_progress(asked) else nullcontext()


def _check_fraction(name: str, value: float, *, inclusive: bool) -> None:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} is {value!r}: expected a number from 0 to 1.")
    if not (0 < value < 1 or (inclusive and value in (0, 1))):
        between = "from 0 to 1" if inclusive else "between 0 and 1"
        raise ValueError(f"{name} is {value}: expected a number {between}.")
