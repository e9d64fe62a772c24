# SPDX-License-Identifier: GPL-3.0-or-later
"""Atoms as markers over images that HyperSpy shows, which follow its navigation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from hyperspy.signals import BaseSignal, Signal1D, Signal2D

from hyperspy_dlatoms.signals import _picture
from hyperspy_dlatoms.signals._axes import axis_unit_in_angstrom
from hyperspy_dlatoms.signals._colours import PLAIN, Colouring
from hyperspy_dlatoms.signals._docstrings import filled
from hyperspy_dlatoms.signals._figures import image_shape
from hyperspy_dlatoms.signals._mapping import map_frames

if TYPE_CHECKING:
    from hyperspy_dlatoms.signals import AtomPositions
    from hyperspy_dlatoms.signals._export import Calibration

_MEASURED = 8  # Frames in which the distance of neighbours is measured.
_BAR = 1.1  # Inches, of a colour bar with its label.
_THICK = 0.25  # Inches, of its colours.
_BETWEEN = 0.55  # Inches, for the label of the image between the bar and the image.
_GAP = 0.06  # Inches, around a legend.
_WIDTH = 340.0  # Width of an image in a figure of HyperSpy's size, points.


@filled
def to_markers(
    self: AtomPositions,
    by: str | None = None,
    signal: Signal2D | None = None,
    *,
    limits: tuple[float, float] | None = None,
    **kwargs,
):
    """Return markers for plots of the images, in the units of their axes.

    Parameters
    ----------
    by : str, optional
        The column that colours the markers: ``"probability"`` and ``"agreement"`` from cyan for 0
        to magenta for 1; ``"species"``, ``"grain"``, ``"sublattice"`` and ``"coordination"`` one
        colour per value; ``"e_xx"`` and other columns of :meth:`strain` from blue to red; any other
        from dark blue to yellow, NaN in grey. This computes lazy positions once more: compute them
        first.
    {IMAGES}
    limits : tuple of float, optional
        The values at which the colours of such a column end; by default the 2nd and 98th
        percentiles of the atoms, in up to 16 frames if they are lazy, symmetric about 0 for signed
        columns.
    **kwargs
        For ``hyperspy.api.plot.markers.Circles``, for example ``edgecolor``; ``sizes``, the
        diameters, are in points, or in other ``units``. By default the rings are 0.62 times as wide
        as the distance between neighbours.

    Returns
    -------
    hyperspy.api.plot.markers.Circles
        One collection that follows the navigation.

    Raises
    ------
    ValueError
        If there is no such column, or the images do not fit, see :meth:`plot_on`.

    Examples
    --------
    >>> from hyperspy_dlatoms import AtomPositions
    >>> atoms = AtomPositions.from_frames(np.array([[10.0, 5.0, 0.9]]), sampling=0.2)
    >>> atoms.to_markers().kwargs["offsets"]
    array([[1., 2.]])
    >>> atoms.to_markers(by="probability").kwargs["edgecolor"].round(1)
    array([[0.9, 0.1, 1. , 1. ]])
    """
    return _markers(self._on(signal), signal, by, limits, kwargs)[0]


@filled
def plot_on(
    self: AtomPositions,
    signal: Signal2D,
    by: str | None = None,
    *,
    masked: bool | Signal2D = False,
    limits: tuple[float, float] | None = None,
    **kwargs,
) -> None:
    """Plot images with the atoms over them, and a colour bar or legend for their colours.

    Parameters
    ----------
    signal : Signal2D
        The images in which the atoms were found, however they are calibrated now, or cropped or
        binned since; atoms outside a part are left out.
    by : str, optional
        The column that colours them, as in :meth:`to_markers`.
    masked : bool or Signal2D, default False
        Whether to tint the masked pixels; or the result of ``signal.masked_pixels``.
    limits, **kwargs
        For the markers, as in :meth:`to_markers`.

    Raises
    ------
    {RAISES_PLACE}

    Warns
    -----
    SamplingWarning
        If the axes of the images are shifted by whole pixels or run the other way, so that they may
        show another part of the specimen or be mirrored; likewise a DLAtomsWarning for frames.

    Examples
    --------
    >>> atoms.plot_on(s, edgecolor="cyan")  # doctest: +SKIP
    >>> atoms.plot_on(s, by="agreement")  # doctest: +SKIP
    >>> sites.plot_on(series.inav[1], by="species")  # doctest: +SKIP
    >>> atoms.strain().plot_on(s, by="e_xx", limits=(-0.05, 0.05))  # doctest: +SKIP
    >>> atoms.plot_on(s, masked=True)  # doctest: +SKIP
    """
    atoms = self._on(signal)
    if masked is True:
        pixel = float(np.sqrt(np.prod(atoms._calibration.sampling)))
        modality = atoms.metadata.get_item("VectorMetadata.modality")
        masked = signal.masked_pixels(
            sampling=pixel,
            scanned=None if modality is None else modality == "STEM",
            lazy_output=True,
            show_progressbar=False,
        )
    if isinstance(masked, BaseSignal) and masked.data.shape != signal.data.shape:
        raise ValueError(
            f"masked has the shape {masked.data.shape}: expected {signal.data.shape}, that of the "
            "images."
        )
    _show(atoms, signal, by, limits, kwargs)
    if isinstance(masked, BaseSignal):
        _show_masked(signal, masked)


@filled
def plot(self: AtomPositions, by: str | None = None, signal: Signal2D | None = None, **kwargs):
    """Plot the atoms, over their images or on an empty background of their size.

    Parameters
    ----------
    by : str, optional
        The column that colours them, as in :meth:`to_markers`.
    {IMAGES}
    **kwargs
        As in :meth:`plot_on`.

    Raises
    ------
    {RAISES_PLACE}

    Notes
    -----
    Without images, the navigator of a movie shows how many atoms each frame has, unless they are
    lazy.

    Examples
    --------
    >>> from hyperspy_dlatoms import AtomPositions
    >>> atoms = AtomPositions.from_frames(np.array([[10.0, 5.0, 0.9]]), sampling=0.2)
    >>> atoms.plot(by="probability")
    """
    if signal is not None:
        self.plot_on(signal, by, **kwargs)
        self._plot = signal._plot
        return
    limits = kwargs.pop("limits", None)
    ground = _ground(self)
    shown = {"vmin": 0, "vmax": 1, "colorbar": False}
    _show(self, ground, by, limits, kwargs, navigator=_counts(self), **shown)
    if self.axes_manager.navigation_dimension == 1:
        ground._plot.navigator_plot.ax.set_ylabel("" if self._lazy else "atoms")
    self._plot = ground._plot


def _show(
    atoms: AtomPositions,
    signal: Signal2D,
    by: str | None,
    limits: tuple[float, float] | None,
    style: dict[str, Any],
    **kwargs: Any,
) -> None:
    """Plot images, markers over them, a scale bar and what the colours mean."""
    markers, colouring = _markers(atoms, signal, by, limits, style)
    # HyperSpy's scale bar uses the unit of the axes, if they have one.
    calibrated = all(map(_is_length, atoms._calibration.units))
    _picture.show(signal, **({} if calibrated else {"scalebar": False}), **kwargs)
    signal.add_marker(markers)
    axes = signal._plot.signal_plot.ax
    if not calibrated:
        _add_scale_bar(axes, atoms._calibration, signal)
    if colouring is not None:
        _explain(axes, colouring, atoms)


def _explain(axes: Any, colouring: Colouring, atoms: AtomPositions) -> None:
    """Add a colour bar or a legend to a HyperSpy figure, and make room for it."""
    figure = axes.figure
    wide, high = figure.get_size_inches()
    if colouring.limits is not None:
        figure.set_size_inches(wide + _BAR, high)
        across = axes.get_position(original=True).width * (wide + _BAR)
        parts = {"fraction": _THICK / across, "pad": _BETWEEN / across}
        # Strain components keep the names they were requested by: their symbols are known.
        symbol = colouring.by if colouring.by.startswith("e_") else ""
        _picture.add_colour_bar(axes, colouring, symbol, location="left", **parts)
        figure.tight_layout()
    elif labels := colouring.labels(atoms._some_frames(), atoms._calibration.species):
        legend = _picture.add_legend(figure, labels, "lower left")
        needed = legend.get_window_extent().size / figure.dpi + 2 * _GAP
        figure.set_size_inches(max(wide, needed[0]), high + needed[1])
        figure.tight_layout(rect=(0, needed[1] / (high + needed[1]), 1, 1))


def _markers(
    atoms: AtomPositions,
    signal: Signal2D | None,
    by: str | None,
    limits: tuple[float, float] | None,
    given: dict[str, Any],
) -> tuple[Any, Colouring | None]:
    """Return markers of the atoms, and how they are coloured."""
    from hyperspy.api import plot

    colouring = None
    if by is not None:
        colouring = Colouring.of(atoms._calibration, by, atoms._some_frames(), limits)
    shown = () if signal is None else signal.axes_manager.indices[::-1]
    index = shown or (0,) * atoms.data.ndim
    if "sizes" not in given:
        # The frame shown first is computed to find the size of the rings, and then kept.
        atoms = atoms._computed_at(index)
    calibration = atoms._calibration
    style: dict[str, Any] = {"facecolor": "none", "edgecolor": PLAIN}
    if colouring is not None:
        style["edgecolor"] = atoms._for_markers(colouring.colours)
    if "sizes" in given:
        style |= {"units": "points", "linewidth": 1.2}
    else:
        frames = [atoms.data[index].compute()] if atoms._lazy else atoms._some_frames(_MEASURED)
        diameter = _picture.ring_size(frames, float(calibration.sampling.mean()))
        width = (calibration.image_shape or (0, 512))[1]
        style["sizes"] = diameter * abs(float(calibration.scales[1]))
        style |= {"units": "x", "linewidth": _picture.line_width(diameter, width, _WIDTH)}
    # x and y, as Matplotlib takes them.
    offsets = atoms._for_markers(lambda frame: calibration.in_axis_units(frame)[:, ::-1])
    return plot.markers.Circles(offsets, **(style | given)), colouring


def _is_length(units: str) -> bool:
    try:
        return axis_unit_in_angstrom(units) > 0
    except ValueError:
        return False


def _add_scale_bar(axes: Any, calibration: Calibration, signal: Signal2D) -> None:
    x, y = signal.axes_manager.signal_axes
    pixel, offsets, scales = calibration.sampling[1], calibration.offsets, calibration.scales
    moving = axes.figure.canvas.supports_blit
    _picture.scale_bar(axes, (y.size, x.size), pixel, tuple(offsets), tuple(scales), moving)
    signal._plot.signal_plot.render_figure()


def _show_masked(signal: Signal2D, masked: BaseSignal) -> None:
    """Tint what is masked in the image that is shown."""
    shown, changed = signal._plot.signal_plot, signal.axes_manager.events.indices_changed
    axes = shown.ax

    def tint() -> np.ndarray:
        index = tuple(reversed(signal.axes_manager.indices))
        return _picture.tint_of(np.asarray(masked.data[index]))

    over = axes.imshow(
        tint(),
        extent=axes.images[0].get_extent(),
        aspect=axes.get_aspect(),
        interpolation="nearest",
        origin="upper",
        animated=axes.figure.canvas.supports_blit,
    )

    def follow() -> None:
        over.set_data(tint())
        shown.render_figure()

    if signal.axes_manager.navigation_size:
        changed.connect(follow, [])
        shown.events.closed.connect(lambda: changed.disconnect(follow), [])
    shown.render_figure()


def _ground(atoms: AtomPositions) -> Signal2D:
    """Return black images in place of those in which the atoms were found."""
    calibration = atoms._calibration
    shape = image_shape(atoms)
    manager = atoms.axes_manager
    axes = manager._get_navigation_axes_dicts()
    axes += [
        {"name": name, "size": size, "scale": scale, "offset": offset, "units": units or None}
        for name, size, scale, offset, units in zip(
            "yx", shape, calibration.scales, calibration.offsets, calibration.units, strict=True
        )
    ]
    empty = np.broadcast_to(np.uint8(0), (*manager.navigation_shape[::-1], *shape))
    title = atoms.metadata.General.title or "Atoms"
    return Signal2D(empty, axes=axes, metadata={"General": {"title": title}})


def _counts(atoms: AtomPositions) -> Any:
    """Return a navigator that shows how many atoms each frame has, or is flat for lazy ones."""
    dimension = atoms.axes_manager.navigation_dimension
    if not 0 < dimension < 3:
        return "auto"
    data = atoms.data
    counts = np.zeros(data.shape) if atoms._lazy else map_frames(len, data).astype(float)
    kind = Signal1D if dimension == 1 else Signal2D
    return kind(counts, metadata={"General": {"title": "Atoms"}})
