# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a training is, and the learning rate that follows from it."""

from __future__ import annotations

import math

WARM_UP = 200
"""Steps over which the learning rate rises."""

FINAL = 0.01
"""Learning rate at the end, in units of the highest."""


def learning_rate(step: int, progress: float, highest: float) -> float:
    """
    Give the learning rate: a short rise, then half a cosine down.

    Parameters
    ----------
    step : int
        Steps done.
    progress : float
        Share of the training that is done, by steps or by time, 0 to 1.
    highest : float
        The rate after the rise.

    Returns
    -------
    float

    References
    ----------
    I. Loshchilov and F. Hutter, "SGDR: Stochastic gradient descent with warm restarts", ICLR
    (2017).

    Examples
    --------
    >>> from hyperspy_dlatoms.training._schedule import learning_rate
    >>> learning_rate(1000, 0.0, 1e-3)
    0.001
    >>> round(learning_rate(1000, 1.0, 1e-3), 9)
    1e-05
    """
    down = FINAL + (1 - FINAL) * (1 + math.cos(math.pi * min(progress, 1.0))) / 2
    return highest * min(1.0, (step + 1) / WARM_UP) * down


def progress(
    step: int, minutes: float, total_steps: int | None, total_minutes: float | None
) -> float:
    """
    Give the share of a training that is done, by whichever limit comes first.

    Parameters
    ----------
    step : int
        Steps done.
    minutes : float
        Minutes spent.
    total_steps, total_minutes : int, float or None
        The limits; None does not limit.

    Returns
    -------
    float
        0 to 1.

    Raises
    ------
    ValueError
        If nothing limits the training.

    Examples
    --------
    >>> from hyperspy_dlatoms.training._schedule import progress
    >>> progress(50, 3.0, 100, 30.0)
    0.5
    """
    shares = []
    if total_steps is not None:
        shares.append(step / total_steps)
    if total_minutes is not None:
        shares.append(minutes / total_minutes)
    if not shares:
        raise ValueError("Give the training a limit: steps, minutes or both.")
    return min(max(shares), 1.0)
