# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress of a training, and its learning rate."""

import math

# Steps over which the learning rate rises: about those that AdamW averages squared gradients over,
# a fifth of 1 / (1 - 0.999).
_WARM_UP = 200
_FINAL = 0.01  # Learning rate at the end, in units of the highest.


def learning_rate(step: int, share: float, highest: float) -> float:
    """Return the learning rate after so many steps: a short rise, then half a cosine down."""
    # I. Loshchilov and F. Hutter, "SGDR: Stochastic gradient descent with warm restarts", ICLR
    # (2017).
    down = _FINAL + (1 - _FINAL) * (1 + math.cos(math.pi * min(share, 1.0))) / 2
    return highest * min(1.0, (step + 1) / _WARM_UP) * down


def share_done(
    step: int, minutes: float, total_steps: int | None, total_minutes: float | None
) -> float:
    """Return the fraction of a training that is done, 0 to 1, by whichever limit comes first."""
    shares = []
    if total_steps is not None:
        shares.append(step / total_steps)
    if total_minutes is not None:
        shares.append(minutes / total_minutes)
    if not shares:
        raise ValueError("Give the training a limit: steps, minutes or both.")
    return min(max(shares), 1.0)
