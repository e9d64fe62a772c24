# SPDX-License-Identifier: GPL-3.0-or-later
"""What changes slowly across a frame: the illumination, and the contrast."""

from __future__ import annotations

import numpy as np


def ramp(shape: tuple[int, int], angle: float) -> np.ndarray:
    """
    Give a plane that rises from -1/2 to 1/2 across the frame.

    Parameters
    ----------
    shape : tuple of int
        Of the frame.
    angle : float
        Direction of the rise, radians from x towards y.

    Returns
    -------
    numpy.ndarray
        (H, W) float32.

    Examples
    --------
    >>> from hyperspy_dlatoms.simulation.imaging.illumination import ramp
    >>> ramp((3, 3), 0.0)[0]
    array([-0.5,  0. ,  0.5], dtype=float32)
    """
    y = np.linspace(-0.5, 0.5, shape[0], dtype=np.float32)[:, None]
    x = np.linspace(-0.5, 0.5, shape[1], dtype=np.float32)[None]
    direction = np.array([np.cos(angle), np.sin(angle)], np.float32)
    return (x * direction[0] + y * direction[1]) / np.abs(direction).sum()


def uneven(shape: tuple[int, int], slope: float, angle: float, vignetting: float) -> np.ndarray:
    """
    Give an uneven illumination of mean about 1: a slope and a fall towards the corners.

    Parameters
    ----------
    shape : tuple of int
        Of the frame.
    slope : float
        Relative change across the frame.
    angle : float
        Direction of the slope, radians from x towards y.
    vignetting : float
        Relative loss at the corners.

    Returns
    -------
    numpy.ndarray
        (H, W) float32.

    Examples
    --------
    >>> from hyperspy_dlatoms.simulation.imaging.illumination import uneven
    >>> bool(uneven((8, 8), 0.0, 0.0, 0.2)[0, 0] < uneven((8, 8), 0.0, 0.0, 0.2)[4, 4])
    True
    """
    radius = 2 * (ramp(shape, 0.0) ** 2 + ramp(shape, np.pi / 2) ** 2)
    return (1 + slope * ramp(shape, angle)) * (1 - vignetting * radius)


def blend(images: np.ndarray, angle: float) -> np.ndarray:
    """
    Go through a stack of images from one side of the frame to the other.

    With images of rising defocus this is a specimen that is tilted or bent, so that its contrast
    drifts, and may invert, within the frame.

    Parameters
    ----------
    images : numpy.ndarray
        (k, H, W) float, k at least 2.
    angle : float
        Direction in which they follow each other, radians from x towards y.

    Returns
    -------
    numpy.ndarray
        (H, W) float32, linear between the two nearest of the stack.

    Examples
    --------
    >>> import numpy as np
    >>> from hyperspy_dlatoms.simulation.imaging.illumination import blend
    >>> blend(np.stack([np.zeros((1, 3)), np.ones((1, 3))]), 0.0)
    array([[0. , 0.5, 1. ]], dtype=float32)
    """
    position = (ramp(images.shape[1:], angle) + 0.5) * (len(images) - 1)
    weights = 1 - np.abs(position - np.arange(len(images))[:, None, None])
    return np.einsum("khw,khw->hw", np.clip(weights, 0, 1), images).astype(np.float32)
