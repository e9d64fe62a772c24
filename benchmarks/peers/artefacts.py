# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong with frames between the specimen and the file, drawn at random."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

NEAR, FAR = 0.3, 2.5
"""Å from an artefact beyond which the atoms must be those of the clean frame: for single pixels and
lines, and for all others."""


def levels(frame):
    """Median of a frame, and how far its 99.9th percentile lies above."""
    centre, high = np.nanpercentile(frame, [50, 99.9]).tolist()
    return centre, high - centre


def _any_value(frame, rng):
    centre, step = levels(frame)
    return rng.choice([0, 65535, frame.max(), frame.min(), frame.mean(), centre + 10 * step])


def _put(frame, where, value, reach=FAR):
    out = frame.astype(np.float32)
    out[where] = value if np.ndim(value) == 0 else value[where]
    return out, where, reach


def _none(frame):
    return np.zeros(frame.shape, bool)


def border(frame, rng):
    """A border of one value, as an alignment leaves it."""
    where = _none(frame)
    for side in rng.choice(4, rng.integers(1, 3), replace=False):
        np.rot90(where, side)[: rng.integers(4, len(frame) // 5)] = True
    return _put(frame, where, _any_value(frame, rng))


def corners(frame, rng):
    """The corners that a rotation leaves."""
    y, x = (np.mgrid[: frame.shape[0], : frame.shape[1]].T - np.array(frame.shape) / 2).T
    angle = np.radians(rng.uniform(3, 45))
    u, v = np.cos(angle) * y + np.sin(angle) * x, np.cos(angle) * x - np.sin(angle) * y
    half = 0.5 * min(frame.shape)
    return _put(frame, (abs(u) > half) | (abs(v) > half), _any_value(frame, rng))


def aperture(frame, rng):
    """One value outside a round aperture."""
    return _put(frame, ~_disc(frame, rng, 0.4, 0.5), _any_value(frame, rng))


def saturation(frame, rng):
    """A saturated area."""
    return _put(frame, _disc(frame, rng, 0.05, 0.2), rng.choice([65535, frame.max()]))


def dead_pixels(frame, rng):
    """Up to 1 % dead pixels."""
    return _put(frame, rng.random(frame.shape) < 10 ** rng.uniform(-4, -2), 0, NEAR)


def hot_pixels(frame, rng):
    """Up to 1 % hot pixels, each with its own value."""
    centre, step = levels(frame)
    values = centre + step * 10 ** rng.uniform(1, 3, frame.shape)
    return _put(frame, rng.random(frame.shape) < 10 ** rng.uniform(-4, -2), values, NEAR)


def _lines(frame, rng):
    where = _none(frame)
    turned = where.T if rng.random() < 0.5 else where
    for _ in range(rng.integers(1, 4)):
        start = rng.integers(len(turned))
        turned[start : start + rng.integers(1, 3)] = True
    return where


def hot_lines(frame, rng):
    """Rows or columns that are hot, all of one value or noisy."""
    centre, step = levels(frame)
    hot = centre + step * 10 ** rng.uniform(0.7, 3)
    noisy = hot + 0.2 * (hot - centre) * rng.normal(0, 1, frame.shape)
    return _put(frame, _lines(frame, rng), 65535 if rng.random() < 0.5 else noisy, NEAR)


def dead_lines(frame, rng):
    """Rows or columns that are dead."""
    return _put(frame, _lines(frame, rng), rng.choice([0, frame.min()]), NEAR)


def hits(frame, rng):
    """X-ray hits of several pixels, some with a tail."""
    centre, step = levels(frame)
    extra = np.zeros(frame.shape)
    for _ in range(rng.integers(1, 20)):
        y, x = (rng.integers(3, n - 12) for n in frame.shape)
        height = step * 10 ** rng.uniform(1, 2.5)
        side = rng.integers(1, 5)
        extra[y : y + side, x : x + side] += height
        if rng.random() < 0.5:
            dy, dx = rng.choice([-1, 0, 1], 2)
            for k in range(1, 8):
                extra[min(max(y + k * dy, 0), len(extra) - 1), x + k * dx] += height * 0.5**k
    return frame + extra.astype(np.float32), extra > 0.3 * step, FAR


def bar(frame, rng):
    """A scale bar and its text."""
    where = _none(frame)
    height, width = rng.integers(4, 12), rng.integers(40, 150)
    y, x = rng.integers(20, len(where) - height), rng.integers(0, where.shape[1] - width)
    where[y : y + height, x : x + width] = True
    for k in range(rng.integers(0, 5)):
        letter = rng.random((5, 3)) < 0.6
        glyph = np.kron(letter, np.ones((3, 3), bool))[:, : where.shape[1]]
        part = where[y - 18 : y - 3, x + 12 * k : x + 12 * k + 9]
        part |= glyph[: part.shape[0], : part.shape[1]]
    centre, step = levels(frame)
    value = rng.choice([0, 255, 65535, frame.max(), centre + 5 * step, centre + 30 * step])
    return _put(frame, where, value)


def gain(frame, rng):
    """Quadrants of different gain."""
    y, x = (rng.integers(n // 4, 3 * n // 4) for n in frame.shape)
    factors = 1 + rng.choice([0.1, 0.5, 2]) * rng.uniform(0, 1, (2, 2))
    rows, columns = (np.arange(n) >= at for n, at in zip(frame.shape, (y, x), strict=True))
    where = _none(frame)
    where[y - 1 : y + 1] = where[:, x - 1 : x + 1] = True
    return (
        (frame * factors[rows[:, None].astype(int), columns.astype(int)]).astype("f4"),
        where,
        FAR,
    )


def _shadow(frame, rng, open_, blur):
    """Darken a frame outside an opening, with a soft edge and some noise."""
    share = gaussian_filter(open_.astype(float), blur) if blur else open_.astype(float)
    dark = rng.choice([0, 0.02, 0.2])
    out = frame * (dark + (1 - dark) * share)
    out += rng.normal(0, 0.01 * frame.std(), frame.shape)
    return out.astype(np.float32), share < 0.98, FAR


def beam_stop(frame, rng):
    """The shadow of a beam stop."""
    y, x = np.mgrid[: frame.shape[0], : frame.shape[1]]
    across = abs((x - rng.uniform(0.2, 0.8) * frame.shape[1]) + rng.uniform(-0.5, 0.5) * y)
    open_ = (across > rng.uniform(8, 40)) | (y > rng.uniform(0.3, 1) * len(y))
    return _shadow(frame, rng, open_, rng.choice([0, 1, 3]))


def soft_aperture(frame, rng):
    """The edge of a round aperture, with some noise beyond."""
    return _shadow(frame, rng, _disc(frame, rng, 0.35, 0.5), rng.choice([0, 1, 3]))


def edge(frame, rng):
    """A straight edge beyond which everything is brighter."""
    y, x = (np.mgrid[: frame.shape[0], : frame.shape[1]].T - np.array(frame.shape) / 2).T
    angle = rng.uniform(0, 2 * np.pi)
    side = np.cos(angle) * y + np.sin(angle) * x - rng.uniform(-0.3, 0.3) * len(y)
    centre, step = levels(frame)
    added = step * 10 ** rng.uniform(0, 1.5) * (side > 0)
    return (frame + added).astype("f4"), abs(side) < 2, FAR


def no_number(frame, rng):
    """NaN in a rectangle."""
    where = _none(frame)
    y, x = (rng.integers(0, n // 2) for n in frame.shape)
    where[y : y + rng.integers(3, 150), x : x + rng.integers(3, 150)] = True
    return _put(frame, where, np.nan)


def text(frame, rng):
    """Text of any size, with smooth edges."""
    from PIL import Image, ImageDraw, ImageFont

    height, width = frame.shape
    canvas = Image.new("L", (width, height))
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(size=float(rng.uniform(10, 36)))
    words = rng.choice(["2 nm", "HV 300 kV", "2019-11-28 14:03", "x 1.2 M"])
    place = rng.uniform(5, 0.5 * width), rng.uniform(5, 0.85 * height)
    draw.text(place, words, fill=255, font=font)
    cover = np.asarray(canvas, np.float32) / 255
    centre, step = levels(frame)
    value = rng.choice([0, 255, 65535, frame.max(), centre + 5 * step, centre + 30 * step])
    return (frame + cover * (value - frame)).astype(np.float32), cover > 0.01, FAR


def blurred_hits(frame, rng):
    """X-ray hits that a scintillator, or an interpolation, has blurred to about a pixel."""
    dirty, _, _ = hits(frame, rng)
    extra = gaussian_filter(dirty - frame, rng.uniform(0.5, 1.2))
    return (frame + extra).astype(np.float32), extra > 0.1 * levels(frame)[1], FAR


def slope(frame, rng):
    """A slope in brightness, as from uneven illumination."""
    y, x = (np.mgrid[: frame.shape[0], : frame.shape[1]].T / np.array(frame.shape)).T
    angle = rng.uniform(0, 2 * np.pi)
    ramp = np.cos(angle) * y + np.sin(angle) * x
    ramp = (ramp - ramp.min()) / np.ptp(ramp)
    if rng.random() < 0.5:
        return (frame * (1 + rng.uniform(0.3, 3) * ramp)).astype("f4"), _none(frame), FAR
    step = levels(frame)[1] * 10 ** rng.uniform(0, 1)
    return (frame + step * ramp).astype("f4"), _none(frame), FAR


def gradual_edge(frame, rng):
    """The edge of an aperture or a stop that is far out of focus."""
    y, x = np.mgrid[: frame.shape[0], : frame.shape[1]]
    straight = x + rng.uniform(-0.5, 0.5) * y > rng.uniform(0.2, 0.5) * frame.shape[1]
    open_ = straight if rng.random() < 0.5 else _disc(frame, rng, 0.35, 0.5)
    return _shadow(frame, rng, open_, rng.uniform(3, 15))


def two(frame, rng):
    """Two artefacts at once."""
    touched, reach = _none(frame), NEAR
    for name in rng.choice(sorted(ARTEFACTS.keys() - {"two", "slope"}), 2, replace=False):
        frame, where, far = ARTEFACTS[name](frame, rng)
        touched, reach = touched | where, max(reach, far)
    return frame, touched, reach


def _disc(frame, rng, smallest, largest):
    side = min(frame.shape)
    y, x = np.mgrid[: frame.shape[0], : frame.shape[1]]
    cy, cx = (n / 2 + rng.uniform(-0.1, 0.1) * n for n in frame.shape)
    return np.hypot(y - cy, x - cx) < rng.uniform(smallest, largest) * side


ARTEFACTS = {
    one.__name__: one
    for one in (
        border,
        corners,
        aperture,
        saturation,
        dead_pixels,
        hot_pixels,
        hot_lines,
        dead_lines,
        hits,
        bar,
        gain,
        beam_stop,
        soft_aperture,
        edge,
        no_number,
        text,
        blurred_hits,
        slope,
        gradual_edge,
        two,
    )
}
