# SPDX-License-Identifier: GPL-3.0-or-later
"""Cutting and turning frames, and what is to be learnt of the sites in them."""

from typing import Any, NamedTuple


class Turn(NamedTuple):
    """How frames are cut and turned: corners (n, 2), and flips along y and x, and swaps, (n,)."""

    corner: Any
    flip: Any
    swap: Any


def cut(xp: Any, frames: Any, turn: Turn, crop: int) -> Any:
    """Cut squares out of frames (n, H, H), flip and transpose them."""
    order = xp.arange(crop)
    y, x = (
        turn.corner[:, i, None] + xp.where(turn.flip[:, i, None], crop - 1 - order, order)
        for i in (0, 1)
    )
    batch = xp.arange(len(frames))[:, None, None]
    parts = frames[batch, y[:, :, None], x[:, None, :]]
    return xp.where(turn.swap[:, None, None], parts.swapaxes(1, 2), parts)


def moved(xp: Any, places: Any, turn: Turn, crop: int) -> Any:
    """Take places (n, m, 2) in pixels of the frames along with `cut`."""
    places = places - turn.corner[:, None]
    places = xp.where(turn.flip[:, None], crop - 1 - places, places)
    return xp.where(turn.swap[:, None, None], places[..., ::-1], places)


def marked(xp: Any, places: Any, labels: Any, heights: Any, cells: int, stride: int, radius: Any):
    """Do what `rasterise` does, for places (n, m, 2) in pixels, with labels of 0 for none.

    Returns
    -------
    array
        (n, cells, cells, 4): label, offset along y and x, height.
    """
    middle = stride * xp.arange(cells) + (stride - 1) / 2
    dy = places[:, None, :, 0] - middle[None, :, None]
    dx = places[:, None, :, 1] - middle[None, :, None]
    far = xp.where(labels == 0, 1e9, 0.0)[:, None, None]
    nearest = ((dy**2)[:, :, None] + (dx**2)[:, None] + far).argmin(axis=-1)
    batch = xp.arange(len(places))[:, None, None]
    place = places[batch, nearest]
    offset = xp.stack(
        [place[..., 0] - middle[None, :, None], place[..., 1] - middle[None, None]], axis=-1
    )
    label = labels[batch, nearest]
    near = ((offset**2).sum(axis=-1) <= radius**2) & (label != 0)
    columns = [label * 1.0, offset[..., 0], offset[..., 1], heights[batch, nearest]]
    return xp.where(near[..., None], xp.stack(columns, axis=-1), 0)
