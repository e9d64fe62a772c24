# SPDX-License-Identifier: GPL-3.0-or-later
"""The quality of atoms without a ground truth, as a table and as a figure."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
from scipy.spatial import cKDTree

from hyperspy_dlatoms.analysis.quality import DOUBTFUL, FrameQuality, flags, frame_quality, remarks
from hyperspy_dlatoms.signals import _export
from hyperspy_dlatoms.signals._colours import PALETTE, PLAIN
from hyperspy_dlatoms.signals._docstrings import filled
from hyperspy_dlatoms.signals._figures import image_shape, whole_numbers
from hyperspy_dlatoms.signals._picture import draw_image, draw_rings, image_at, ring_size

if TYPE_CHECKING:
    import pandas as pd
    from hyperspy.signals import Signal2D
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from hyperspy_dlatoms.signals import AtomPositions
    from hyperspy_dlatoms.signals._export import Calibration

# Letters in a line of a figure's text, and frames that it names.
_WIDTH = 56
_NAMED = 6
# Colours of what is odd about an atom.
_ODD = {
    "too close": PALETTE[2],
    f"probability below {DOUBTFUL:g}": PALETTE[1],
    "off the lattice": PALETTE[0],
    "a hole": PALETTE[3],
}
# What the curves of a movie show, and the value above which a frame deserves a look.
_CURVES = {
    "found": ("found", "expected"),
    "odd": ("too_close", "holes", "off_lattice", "doubtful"),
    "score": ("domain", "masked", "agreement"),
}


def quality(self: AtomPositions) -> pd.DataFrame:
    """Say how far the atoms of each frame can be trusted, without knowing the truth.

    It considers how the atoms are arranged and what the networks say about themselves, not the
    images. Lazy atoms are found a few frames at a time, so memory does not grow with their number.

    Returns
    -------
    pandas.DataFrame
        A row for each frame: ``frame`` and the like, as in :meth:`to_dataframe`; ``found``, the
        number of atoms; ``expected``, the sites of the recognised lattice, with or without atoms;
        ``too_close``, pairs closer than 0.6 of the usual distance; ``holes``, places of the lattice
        without an atom that are surrounded by atoms; ``off_lattice``, atoms that do not continue
        the lattice of their neighbours; ``doubtful``, atoms with a probability below 0.8;
        ``false_expected``, the number of false atoms according to the probabilities; ``agreement``,
        the mean for an ensemble; ``domain``, the score of the image, above 1 if unlike the training
        images; ``masked``, the fraction of masked pixels; ``spacing_nm``, the usual distance of
        nearest neighbours; ``sigma_nm``, the median of the predicted standard deviations per axis;
        and ``remarks``, what to distrust, in words, empty if nothing. NaN if not known.

    See Also
    --------
    plot_quality : The same as a figure.
    select : With ``on_lattice=True``, only the atoms on the lattice.
    hyperspy_dlatoms.analysis.frame_quality : The numbers of a frame, in arrays.

    Notes
    -----
    The absence of remarks proves nothing. If a network mistakes the contrast of an image for the
    opposite one, its false atoms form a lattice as well, with high probabilities.

    Examples
    --------
    >>> from hyperspy_dlatoms import AtomPositions
    >>> square = np.stack(np.meshgrid(np.arange(8.0), np.arange(8.0)), axis=-1).reshape(-1, 2)
    >>> atoms = AtomPositions.from_array(np.delete(square, 27, axis=0), sampling=2.0)
    >>> table = atoms.quality()
    >>> table[["found", "expected", "too_close", "holes", "off_lattice"]]
       found  expected  too_close  holes  off_lattice
    0     63      64.0          0    1.0          0.0
    >>> print(table.remarks[0])
    1 place of the lattice, surrounded by atoms, with no atom: vacancies, or atoms that were missed.
    """
    import pandas as pd

    calibration = self._calibration

    def of_frames(name: str) -> np.ndarray | da.Array:
        report = self.metadata.get_item(f"VectorMetadata.{name}")
        if isinstance(report, da.Array):
            return report.rechunk(self.data.chunks)
        values = np.full(self.data.shape, np.nan)
        values[...] = values if report is None else np.reshape(report, values.shape)
        return da.from_array(values, self.data.chunks) if self._lazy else values

    rows = [
        _row(frame, calibration, _number(domain), _number(masked))
        for parts in _export.slabs_together(self.data, of_frames("domain"), of_frames("masked"))
        for frame, domain, masked in zip(*(part.flat for part in parts), strict=True)
    ]
    names = [name for name in FrameQuality._fields if name not in ("spacing", "sigma")]
    names += ["domain", "masked", "spacing_nm", "sigma_nm", "remarks"]
    table = pd.DataFrame(rows, columns=names)
    for place, (label, one) in enumerate(self._navigation.named(table).items()):
        table.insert(place, label, one)
    return table


@filled
def plot_quality(self: AtomPositions, signal: Signal2D | None = None) -> Figure:
    """Plot the quality of the atoms: a map of what is odd in one frame, or curves over several.

    Parameters
    ----------
    {IMAGES}

    Returns
    -------
    matplotlib.figure.Figure
        For one frame, the atoms (over the image if it is given) with odd ones in colour, the
        nearest-neighbour distances, the probabilities, and what to distrust, in words. For several
        frames, the columns of :meth:`quality` by frame, and how many frames have which remarks.

    Raises
    ------
    {RAISES_PLACE}
        Also if a signal is given with several frames.

    Examples
    --------
    >>> atoms.plot_quality()  # doctest: +SKIP
    >>> atoms.inav[12].plot_quality(s.inav[12])  # doctest: +SKIP
    """
    import matplotlib.pyplot as plt

    single = self.axes_manager.navigation_dimension == 0
    if not single:
        if signal is not None:
            raise ValueError(
                "There are several frames: expected no signal, or one frame from each, "
                "atoms.inav[0].plot_quality(s.inav[0])."
            )
        figure = plt.figure(figsize=(11, 6.5), layout="constrained")
        _plot_course(figure, self.quality())
        return figure
    atoms = self._on(signal)
    frames, calibration, _ = atoms._for_tables()
    figure = plt.figure(figsize=(12, 6.2), layout="constrained")
    image = None if signal is None else image_at(signal)
    row = atoms.quality().iloc[0]
    _plot_frame(figure, frames.ravel()[0], calibration, image, image_shape(atoms), row)
    return figure


def _row(
    frame: np.ndarray, calibration: Calibration, domain: float, masked: float
) -> dict[str, Any]:
    """Return the row of a frame."""
    sigmas = [calibration.values(frame, f"{name}_sigma") for name in "yx"]
    known = [one for one in sigmas if one is not None]
    found = frame_quality(
        calibration.in_angstrom(frame),
        calibration.values(frame, "probability"),
        np.column_stack(known) * calibration.sampling if len(known) == 2 else None,
        calibration.values(frame, "agreement"),
        calibration.window,
    )
    row = found._asdict()
    for name in ("spacing", "sigma"):
        row[f"{name}_nm"] = row.pop(name) / 10
    return row | {
        "domain": domain,
        "masked": masked,
        "remarks": " ".join(remarks(found, domain, masked)),
    }


def _number(value: Any) -> float:
    """Return a score as a number: domains not yet recorded hold one, or are None."""
    score = getattr(value, "score", value)
    return np.nan if score is None else float(score)


def _plot_frame(
    figure: Figure,
    frame: np.ndarray,
    calibration: Calibration,
    image: np.ndarray | None,
    shape: tuple[int, int],
    row: pd.Series,
) -> None:
    """Draw the atoms of a frame and what is odd about them."""
    grid = figure.add_gridspec(3, 2, width_ratios=[1.5, 1], height_ratios=[1, 1, 1.2])
    place = figure.add_subplot(grid[:, 0])
    found = flags(calibration.in_angstrom(frame), calibration.window)
    probability = calibration.values(frame, "probability")
    sampling = float(calibration.sampling[1])
    draw_image(place, image, shape, sampling)
    place.set_axis_on()
    place.set(xlabel="x (px)", ylabel="y (px)")
    doubtful = np.zeros(len(frame), bool) if probability is None else ~(probability >= DOUBTFUL)
    odd = dict(
        zip(_ODD, (found.too_close, doubtful, found.lattice & ~found.on_lattice), strict=False)
    )
    fine = ~np.any(list(odd.values()), axis=0)
    diameter = ring_size([frame], sampling)
    kinds = {"others": fine} | {name: which for name, which in odd.items() if which.any()}
    for number, (name, which) in enumerate(kinds.items()):
        # Several rings if an atom is odd in several ways.
        colour = _ODD.get(name, PLAIN)
        rings = draw_rings(place, frame[which], sampling, colour, (1 + 0.2 * number) * diameter)
        if number:
            rings.set_linewidth(np.clip(1.6 * rings.get_linewidth(), 0.8, None))
        label = f"{which.sum()} {name}"
        place.plot([], [], ls="", marker="o", mfc="none", mec=colour, label=label)
    if len(found.holes):
        y, x = (found.holes / calibration.sampling).T
        plural = f"{len(x)} holes" if len(x) > 1 else "1 hole"
        place.scatter(x, y, marker="x", s=45, color=_ODD["a hole"], linewidths=2, label=plural)
    # Above the image, not over its atoms.
    place.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, fontsize=8)
    _plot_distances(figure.add_subplot(grid[0, 1]), frame, calibration, found.spacing)
    _plot_probabilities(figure.add_subplot(grid[1, 1]), probability)
    _write(figure.add_subplot(grid[2, 1]), _summary(row))


def _write(axes: Axes, text: str) -> None:
    """Write text in place of axes."""
    axes.set_axis_off()
    axes.text(0, 1, text, va="top", fontsize=9, transform=axes.transAxes)


def _plot_distances(
    axes: Axes, frame: np.ndarray, calibration: Calibration, spacing: float
) -> None:
    axes.set(xlabel="nearest neighbour (nm)", ylabel="atoms")
    whole_numbers(axes.yaxis)
    if len(frame) > 1:
        places = calibration.in_angstrom(frame)
        nearest = cKDTree(places).query(places, k=2)[0][:, 1]
        axes.hist(nearest / 10, bins=40, range=(0, max(0.2 * spacing, 1e-9)), color="0.45")
        axes.axvspan(0, 0.06 * spacing, color=_ODD["too close"], alpha=0.25, lw=0)


def _plot_probabilities(axes: Axes, probability: np.ndarray | None) -> None:
    axes.set(xlabel="probability", ylabel="atoms", xlim=(0, 1))
    if probability is not None and np.isfinite(probability).any():
        axes.hist(probability, bins=40, range=(0, 1), color="0.45", log=True)
        # Bars of one atom are visible, and only powers of 10 have numbers.
        axes.set_ylim(0.5, max(axes.get_ylim()[1], 12))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.axvspan(0, DOUBTFUL, color=_ODD[f"probability below {DOUBTFUL:g}"], alpha=0.3, lw=0)


def _summary(row: pd.Series) -> str:
    """Return what the figure of a frame says in words."""
    # Matplotlib would take a dollar for mathematics, and there is none.
    text = row.remarks or "Nothing looks doubtful, which does not prove that all is right."
    lines = ["1 atom found" if row.found == 1 else f"{row.found} atoms found"]
    if np.isfinite(row.expected):
        lines[0] += f", {row.expected:.0f} sites of a lattice expected"
    known = {
        "domain": "domain {:.2f} (at most 1)",
        "masked": "masked {:.1%}",
        "agreement": "agreement {:.2f}",
        "sigma_nm": "sigma {:.4f} nm",
    }
    lines.append(
        ", ".join(text.format(row[name]) for name, text in known.items() if np.isfinite(row[name]))
    )
    sentences = text.replace(". ", ".\n").splitlines()
    return "\n".join([*lines, "", *("\n".join(textwrap.wrap(one, _WIDTH)) for one in sentences)])


def _plot_course(figure: Figure, table: pd.DataFrame) -> None:
    """Draw the columns of several frames, and how many of them have which remarks."""
    grid = figure.add_gridspec(3, 2, width_ratios=[1.6, 1])
    number = _numbers(table)
    first = None
    for place, (label, names) in enumerate(_CURVES.items()):
        axes = figure.add_subplot(grid[place, 0], sharex=first)
        first = first or axes
        for name in names:
            values = table[name].to_numpy(float)
            if np.isfinite(values).any():
                # Dashed, so that the number found shows through an equal number expected.
                style = "--" if name == "expected" else "-"
                marker = "." if len(table) < 60 else ""
                text = name.replace("_", " ")
                axes.plot(number, values, lw=1, ls=style, marker=marker, label=text)
        axes.set_ylabel("atoms" if label != "score" else "score, fraction")
        whole_numbers(axes.xaxis)
        if label != "score":
            whole_numbers(axes.yaxis)
        axes.set_ylim(bottom=0, top=max(axes.get_ylim()[1], 1.05))
        if axes.lines:
            axes.legend(fontsize=8, ncols=len(names), loc="lower left", bbox_to_anchor=(0, 1))
    axes.set_xlabel("frame")
    axes.axhline(1, color="0.6", lw=0.8, ls=":")
    _write(figure.add_subplot(grid[:, 1]), _course(table))


def _course(table: pd.DataFrame) -> str:
    """Return in words which frames to distrust, and why."""
    numbers = _numbers(table)
    kinds = {
        "an image unlike the training images": table.domain > 1,
        "no atoms": table.found == 0,
        "no lattice": (table.found > 0) & table.expected.isna(),
        "a tenth of the atoms off the lattice": table.off_lattice > 0.1 * table.found,
        "pairs too close": table.too_close > 0,
        "holes in the lattice": table.holes > 0,
        f"a tenth of the atoms below {DOUBTFUL:g}": table.doubtful > 0.1 * table.found,
        "a tenth of the pixels masked": table.masked > 0.1,
        "far fewer or more atoms than usual": _unusual(table.found.to_numpy(float)),
    }
    lines = [f"{len(table)} frames, {int((table.remarks == '').sum())} without a remark", ""]
    for text, which in kinds.items():
        if which.any():
            frames = numbers[np.asarray(which)]
            named = ", ".join(map(str, frames[:_NAMED])) + ", ..." * (len(frames) > _NAMED)
            count = "1 frame" if len(frames) == 1 else f"{len(frames)} frames"
            lines += textwrap.wrap(f"{count} with {text}: {named}", _WIDTH)
    return "\n".join(lines)


def _numbers(table: pd.DataFrame) -> np.ndarray:
    """Return the numbers of the frames, counted through several axes."""
    return table["frame"].to_numpy() if "frame" in table else np.arange(len(table))


def _unusual(found: np.ndarray) -> np.ndarray:
    """Which numbers are off the median by more than a fifth, and by more than counting noise."""
    usual = np.median(found) if len(found) else 0.0
    return np.abs(found - usual) > np.maximum(0.2 * usual, 4 * np.sqrt(usual))
