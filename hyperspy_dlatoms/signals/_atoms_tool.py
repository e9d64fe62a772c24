# SPDX-License-Identifier: GPL-3.0-or-later
"""Interactive mode of ``find_atoms_nn``: a traited tool, whatever shows its widgets."""

import os
from typing import Any

import numpy as np
import traits.api as t
from hyperspy.signals import Signal2D
from hyperspy.ui_registry import add_gui_method

from hyperspy_dlatoms._extras import require
from hyperspy_dlatoms.registry import catalogue
from hyperspy_dlatoms.registry.catalogue import ModelLike
from hyperspy_dlatoms.signals import _blocks, _choice, _picture
from hyperspy_dlatoms.signals._colours import BY_HAND, PLAIN, TINT
from hyperspy_dlatoms.signals._edits import Edit, Edits
from hyperspy_dlatoms.signals._export import Calibration
from hyperspy_dlatoms.signals._frame_finder import FoundInFrame, FrameFinder
from hyperspy_dlatoms.signals._mapping import map_frames
from hyperspy_dlatoms.signals._mouse import Mouse, Points
from hyperspy_dlatoms.signals._placement import placement_metadata
from hyperspy_dlatoms.signals._selection import in_regions
from hyperspy_dlatoms.signals.atom_positions import AtomPositions

_SAME = 0.5  # Of the minimum distance of two atoms: the mouse picks an atom that is nearer.


@add_gui_method(toolkey="hyperspy_dlatoms.Signal2D.find_atoms_nn")
class AtomsTool(t.HasTraits):
    """Shows the atoms of the current image from one run of the network; finds all on request."""

    models = t.List(t.Str)
    model = t.Enum(values="models", desc="the network or the ensemble")
    sampling = t.Float(desc="Å/px, of the images")
    thresholds_of_card = t.Bool(True, desc="whether to use those of the model card")
    threshold = t.Range(0.01, 0.99, 0.5, desc="the minimum probability of an atom")
    is_ensemble = t.Bool(False)
    mean_decides = t.Bool(True, desc="whether to compare the mean probability of the members")
    minimum_agreement = t.Range(0.0, 1.0, 1.0, desc="the minimum fraction of members that find it")
    species_names = t.List(t.Str)
    species = t.Enum(values="species_names", desc="the species of atoms added by hand")
    drawing = t.Bool(False, desc="whether the mouse outlines an area without atoms")
    show_navigation_sliders = t.Bool(False)
    status: Any = t.Str()

    def __init__(
        self,
        signal: Signal2D,
        model: ModelLike,
        sampling: float | str | None,
        search: _blocks.SearchOptions,
        output: _blocks.Output,
    ):
        super().__init__()
        search.check()
        self.signal, self.output = signal, output
        self.result = _waiting(signal)
        self.edits = Edits()
        self.masks: list[Any] = []
        self._search = search
        self._asked_sampling = sampling
        self._ready = False
        self._models = _models(signal, model)
        self.models = list(self._models)
        self.model = self.models[0]
        self._finder = FrameFinder(signal, model, sampling, search.symmetrise)
        self.sampling = self._own_sampling = self._finder.images.pixel_size
        if search.threshold is not None:
            self.thresholds_of_card, self.threshold = False, search.threshold
        if search.minimum_agreement is not None:
            self.mean_decides, self.minimum_agreement = False, search.minimum_agreement
        self._note_model()
        self._connect()
        self._ready = True
        self._update()

    @property
    def is_open(self) -> bool:
        """Whether it still reacts."""
        return self._ready

    @property
    def search(self) -> _blocks.SearchOptions:
        """The options of the search as they are set now."""
        ensemble = self.is_ensemble and not self.mean_decides
        return self._search._replace(
            threshold=None if self.thresholds_of_card else float(self.threshold),
            minimum_agreement=float(self.minimum_agreement) if ensemble else None,
        )

    def apply(self) -> None:
        """Find the atoms of all images with these settings, and fill the result with them."""
        atoms = _blocks.find_atoms(
            self.signal, self._models[self.model], self._sampling(), self.search, self.output
        )
        if self.masks:
            atoms = atoms.select(roi=list(self.masks), invert=True)
        self.edits.apply(atoms, self._same())
        _become(self.result, atoms)
        self.close()

    def clear_masks(self) -> None:
        """Forget the areas without atoms."""
        self.masks.clear()
        self._update()

    def undo(self) -> None:
        """Undo the last change by hand."""
        if self.edits:
            self.edits.pop()
            self._update()

    def close(self) -> None:
        """Leave the images as they were; the result stays as it is."""
        self.disconnect()
        plot = self.signal._plot
        if plot is not None and plot.is_active:
            plot.close()

    def disconnect(self) -> None:
        """Stop reacting to the mouse and to the navigation."""
        if not self._ready:
            return
        self._ready = False
        self._mouse.disconnect()
        changed = self.signal.axes_manager.events.indices_changed
        if self._update in changed.connected:
            changed.disconnect(self._update)

    def _connect(self) -> None:
        from hyperspy.api import plot

        signal = self.signal
        if signal._plot is None or not signal._plot.is_active:
            _picture.show(signal)
        shown = signal._plot.signal_plot
        shown.events.closed.connect(self.disconnect, [])
        if signal.axes_manager.navigation_size > 0:
            self.show_navigation_sliders = True
            signal.axes_manager.events.indices_changed.connect(self._update, [])
        none = np.empty((0, 2))
        style = {"facecolors": "none", "linewidth": 1.2, "units": "x"}
        self._rings = plot.markers.Circles(none, sizes=1.0, edgecolors=PLAIN, **style)
        tint = {"facecolors": [TINT], "edgecolors": [TINT[:3]]}
        self._areas = plot.markers.Polygons([np.zeros((3, 2))], **tint)
        for one in (self._areas, self._rings):
            signal.add_marker(one)
        self._mouse = Mouse(shown.ax, self._clicked, self._stroked, lambda: self.drawing)

    @t.observe("model, sampling")
    def _look_again(self, event: Any) -> None:
        """Run another network, or at another sampling."""
        if not self._ready:
            return
        model, symmetrise = self._models[self.model], self._search.symmetrise
        try:
            self._finder = FrameFinder(self.signal, model, self._sampling(), symmetrise)
        except (ValueError, TypeError, OSError) as error:
            self.status = str(error)
            return
        self._note_model()
        self._update()

    @t.observe("threshold")
    def _own_threshold(self, event: Any) -> None:
        if self._ready:
            self.thresholds_of_card = False
            self._update()

    @t.observe("minimum_agreement")
    def _own_agreement(self, event: Any) -> None:
        if self._ready:
            self.mean_decides = False
            self._update()

    @t.observe("thresholds_of_card, mean_decides")
    def _select_again(self, event: Any) -> None:
        if self._ready:
            self._note_model()
            self._update()

    def _note_model(self) -> None:
        """Note what the widgets show of a model."""
        card, ready = self._finder.model.card, self._ready
        self._ready = False
        self.is_ensemble = len(self._finder.model.members) > 1
        self.species_names = list(card.classes)
        if self.thresholds_of_card:
            self.threshold = min(max(card.threshold, 0.01), 0.99)
        self._ready = ready

    def _sampling(self) -> float | str | None:
        """Return the sampling as first requested, or as the user changed it."""
        same = self.sampling == self._own_sampling
        if same and self._asked_sampling != "estimate":
            return self._asked_sampling
        return float(self.sampling)

    def _same(self) -> float:
        """Return the distance (px) up to which two places belong to one atom."""
        return _SAME * self._finder.model.card.minimum_distance / self._finder.images.pixel_size

    def _index(self) -> tuple[int, ...]:
        """Return the index of the image that is shown in the array of the images."""
        return tuple(reversed(self.signal.axes_manager.indices)) or (0,)

    def _update(self) -> None:
        """Show the atoms of the image that is shown, and how many there are."""
        if not self._ready:
            return
        index = self._index()
        try:
            found = self._finder.find(index, self.search)
        except (ValueError, TypeError, OSError) as error:
            self.status = str(error)
            found = FoundInFrame(np.empty((0, 5)), None)
        else:
            self.status = ""
        calibration = self._calibration()
        kept = np.ones(len(found.sites), bool)
        if self.masks:
            kept &= ~in_regions(self.masks, calibration)(found.sites)
        inside = int(kept.sum())
        places = found.sites[kept, :2]
        places = places[self.edits.keeps(index, places, self._same())]
        added = self.edits.positions(index, added=True)
        self._shown = np.concatenate([places, added])
        self._spacing = _picture.spacing(self._shown, self._finder.images.pixel_size)
        colours = [PLAIN] * len(places) + [BY_HAND] * len(added)
        size = _picture.RING * self._spacing * abs(calibration.scales[1])
        offsets = calibration.in_axis_units(self._shown)[:, ::-1]
        _show(self._rings, offsets=offsets, sizes=[size], edgecolors=colours or [PLAIN])
        self._show_areas()
        if not self.status:
            removed = inside - len(places)
            self.status = _status(found, len(self._shown), len(added), removed)

    def _show_areas(self, stroke: Points | None = None) -> None:
        areas = [np.array(one.vertices) for one in self.masks]
        areas += [] if stroke is None or len(stroke) < 2 else [np.array(stroke)]
        _show(self._areas, verts=areas or [np.zeros((3, 2))])
        self._areas._render_figure()

    def _calibration(self) -> Calibration:
        axes = self._finder.images.signal_axes
        more = {"sampling": self._finder.images.sampling, "column_names": ["y", "x"]}
        return Calibration.of(placement_metadata(axes) | more)

    def _clicked(self, x: float, y: float, shift: bool) -> None:
        """Add an atom, or remove the one that the mouse is at."""
        calibration = self._calibration()
        place = (np.array([y, x]) - calibration.offsets) / calibration.scales
        distance = np.hypot(*(self._shown - place).T) if len(self._shown) else np.array([np.inf])
        nearest = int(distance.argmin())
        index = self._index()
        if shift:
            if distance[nearest] > 0.5 * self._spacing:
                self.status = "There is no atom here to remove."
                return
            y, x = map(float, self._shown[nearest])
            self.edits.toggle_off(Edit(index, (y, x), False))
        elif distance[nearest] <= self._same():
            self.status = "There is already an atom here: shift-click to remove it."
            return
        else:
            species = self.species if len(self.species_names) > 1 else None
            self.edits.append(Edit(index, (float(place[0]), float(place[1])), True, species))
        self._update()

    def _stroked(self, points: Points, done: bool) -> None:
        """Outline an area without atoms."""
        from hyperspy.api import roi

        if not done:
            self._show_areas(points)
            return
        self.drawing = False
        if len(points) > 2:
            self.masks.append(roi.PolygonROI(points))
        self._update()


def open_tool(
    signal: Signal2D,
    model: ModelLike,
    sampling: float | str | None,
    search: _blocks.SearchOptions,
    output: _blocks.Output,
    *,
    display: bool,
    toolkit: Any,
) -> AtomPositions:
    """Open the tool for a signal, and return what it will fill."""
    toolkit = _toolkits(toolkit) if display else toolkit
    _, model, sampling = _blocks.chosen(signal, model, sampling, search, output)
    tool: Any = AtomsTool(signal, model, sampling, search, output)
    if display:
        tool.gui(toolkit=toolkit)
    return tool.result


def _toolkits(asked: Any) -> Any:
    """Return those of the user's toolkits whose widgets are installed."""
    from importlib.util import find_spec

    import hyperspy.api as hs
    import matplotlib

    if asked is not None:
        return asked
    there = [name for name in ("ipywidgets", "traitsui") if find_spec(f"hyperspy_gui_{name}")]
    if not there:
        require("hyperspy_gui_ipywidgets", extra="gui-jupyter", what="Interactive mode in Jupyter")
    if not any(one in matplotlib.get_backend().lower() for one in ("qt", "wx")):
        # There the other one would only say that it cannot be shown.
        there = [name for name in there if name == "ipywidgets"] or there
    # None lets HyperSpy say that all of them are switched off.
    enabled = hs.preferences.GUIs
    return [name for name in there if getattr(enabled, f"enable_{name}_gui")] or None


def _models(signal: Signal2D, model: ModelLike) -> dict[str, ModelLike]:
    """Return the single-image models by name, the requested one first."""
    named = isinstance(model, str | os.PathLike)
    first = str(model) if named else _blocks.resolve(model).card.name
    names = _choice.candidates(signal)
    names += [
        name for name, entry in catalogue.ensembles().items() if set(entry.members) & set(names)
    ]
    return {first: model} | {name: name for name in names if name != first}


def _waiting(signal: Signal2D) -> AtomPositions:
    """Return the signal that the atoms will be put into, which says that it has none yet."""
    axes = signal.axes_manager._get_navigation_axes_dicts()
    shape = signal.data.shape[:-2] or (1,)
    data = map_frames(lambda _: np.empty((0, 5)), np.empty(shape, object))
    general = {"title": "not searched yet: press OK in the tool"}
    return AtomPositions(data, axes=axes, metadata={"General": general}, ragged=True)


def _become(result: AtomPositions, atoms: AtomPositions) -> None:
    """Put atoms into the signal that the user holds already."""
    result.data, result._lazy = atoms.data, atoms._lazy
    result.metadata.General.title = ""
    result.metadata.add_dictionary(atoms.metadata.as_dictionary())
    result._assign_subclass()
    result.events.data_changed.trigger(obj=result)


def _show(marker: Any, **values: Any) -> None:
    """Change what a marker that is on a plot shows."""
    marker.kwargs.update(values)
    marker._collection.set(**values)


def _status(found: FoundInFrame, number: int, added: int, removed: int) -> str:
    by_hand = [f"{added} added"] * (added > 0) + [f"{removed} removed"] * (removed > 0)
    text = f"{number} atom{'s' * (number != 1)} in this image"
    text += f", {' and '.join(by_hand)} by hand." if by_hand else "."
    if found.domain is not None and found.domain.score > 1:
        text += f" It is unlike the training images (domain {found.domain.score:.2f})."
    return text
