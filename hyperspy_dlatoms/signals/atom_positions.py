# SPDX-License-Identifier: GPL-3.0-or-later
"""The atoms of images, as a HyperSpy signal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np
from dask.highlevelgraph import HighLevelGraph
from hyperspy.signals import BaseSignal, LazySignal, Signal2D

from hyperspy_dlatoms import _rows
from hyperspy_dlatoms.detection.contradiction import NOT_EXAMINED
from hyperspy_dlatoms.signals import (
    _bridges,
    _editing,
    _export,
    _figures,
    _intensities,
    _markers,
    _movie,
    _reordering,
    _report,
    _selection,
    _stacking,
    _summary,
    _tables,
    _tracking,
    _vacancy_methods,
)
from hyperspy_dlatoms.signals._docstrings import filled
from hyperspy_dlatoms.signals._mapping import block_of, map_frames
from hyperspy_dlatoms.signals._physics import Physics
from hyperspy_dlatoms.signals._placement import (
    first_frame,
    place,
    placement_metadata,
    warn_of_other_frames,
)
from hyperspy_dlatoms.signals._progress import progress_of
from hyperspy_dlatoms.signals._quality import REPORTS, record_quality
from hyperspy_dlatoms.signals._unreadable import naming_unreadable

# Formats that users may expect of save, and what writes them.
_NO_SIGNALS = {
    ".csv": "atoms.to_csv(filename)",
    ".xyz": "atoms.to_xyz(filename)",
    ".cif": "atoms.to_ase(element).write(filename), for one frame",
}
_NO_NUMBERS = (
    "Atoms are not numbers to calculate with. Combine results with AtomPositions.stack, reorder "
    "their axes with atoms.swap_axes, take sums and means of atoms.to_dataframe() or "
    "atoms.tracks(), draw atoms.plot_histogram(column), compare a column, "
    "atoms.ivec['probability'] > 0.9, or change the arrays of the frames, atoms.data."
)
# Metadata of the first of several results that are stacked.
_KEPT = ("General", "Acquisition_instrument", "Sample", "Signal")
# Frames whose atoms a stated calibration is compared with, where not all are in memory.
_COMPARED = 16
# Set in a file only: a ragged signal without navigation axes could be saved but not loaded.
_SINGLE_FRAME = "VectorMetadata.single_frame"


class AtomPositions(Physics, BaseSignal):
    """Atoms found in images: a ragged signal with the navigation shape of the images.

    Each frame is an (n, k) float array, one row per atom, sorted by y and x; (0, k) if nothing was
    found. ``metadata.VectorMetadata.column_names`` names the columns, at least `y` and `x` (px of
    the image, the centre of the first pixel at 0), `probability`, `y_sigma` and `x_sigma` (px). A
    column `species` is an index into ``metadata.VectorMetadata.species``; a column `agreement` is
    the fraction of an ensemble of networks that found the atom. ``probability_Mo`` and so on are
    the probabilities of the species, `height` and `height_sigma` the number of atoms in a column.
    If the network has a domain, ``metadata.VectorMetadata.domain`` holds a score for each frame, in
    the order of the data: above 1 the frame is unlike the training images. Beside it, `masked`
    holds the fraction of each frame that was masked (NaN, areas of one value, faulty lines,
    outliers), not counting what is left out at steps in brightness. `modality` is what the network
    was trained on, ``"HRTEM"`` or ``"STEM"``. For focal series, ``metadata.VectorMetadata.drift``,
    of shape (..., images, 2), holds the shift of each image relative to the middle one (y and x,
    px). For a part picked with ``inav``, ``metadata.VectorMetadata.first_frames`` and
    ``frame_steps`` hold the number of its first frame, and the step from one to the next, along
    each navigation axis in the order of the data.

    See Also
    --------
    hyperspy.signals.Signal2D.find_atoms_nn : Returns them.
    hyperspy.signals.Signal2D.classify_species : Returns them from focal series.

    Examples
    --------
    >>> atoms = AtomPositions.from_frames(
    ...     [np.array([[1.0, 2.0, 0.9, 0.1, 0.1]]), np.empty((0, 5))], sampling=0.2
    ... )
    >>> atoms
    <AtomPositions, title: , dimensions: (2|ragged)>
      atoms     1 in 2 images, 0 to 1 in each
      sampling  0.2 Å/px
      columns   y, x, probability, y_sigma, x_sigma
    >>> atoms.inav[1].data[0].shape
    (0, 5)
    """

    data: Any
    _signal_type = "AtomPositions"
    _signal_dimension = 0

    # Methods that belong together have a file of their own.
    from_dataframe = classmethod(_tables.from_dataframe)
    from_array = classmethod(_tables.from_array)
    to_dataframe = _tables.to_dataframe
    to_csv = _tables.to_csv
    to_ase = _bridges.to_ase
    to_xyz = _bridges.to_xyz
    to_atomap = _bridges.to_atomap
    to_freud = _bridges.to_freud
    to_pyxem = _bridges.to_pyxem
    quality = _report.quality
    plot_quality = _report.plot_quality
    select = _selection.select
    add_atoms = _editing.add_atoms
    remove_atoms = _editing.remove_atoms
    move_atoms = _editing.move_atoms
    to_markers = _markers.to_markers
    plot_on = _markers.plot_on
    plot = _markers.plot
    plot_histogram = _figures.plot_histogram
    plot_counts = _figures.plot_counts
    plot_tracks = _figures.plot_tracks
    plot_strain = _figures.plot_strain
    save_movie = _movie.save_movie
    tracks = _tracking.tracks
    column_intensities = _intensities.column_intensities
    classify_by_intensity = _intensities.classify_by_intensity
    species_counts = _vacancy_methods.species_counts
    vacancy_statistics = _vacancy_methods.vacancy_statistics
    vacancy_pairs = _vacancy_methods.vacancy_pairs

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.metadata.has_item(_SINGLE_FRAME):
            del self.metadata.VectorMetadata.single_frame
            self._remove_axis(0)
        drift = self.metadata.get_item("VectorMetadata.drift")
        if isinstance(drift, da.Array) and drift.dtype != object:
            # It comes from a file that was loaded lazily, and is small.
            self.metadata.VectorMetadata.drift = drift.compute()

    @classmethod
    def _of_found(cls, results: np.ndarray, axes: list[dict], metadata: dict) -> AtomPositions:
        """Make a signal of an object array of `FrameResult`, and record the quality of frames."""
        names = ("sites", *_reports(metadata))
        found = {name: map_frames(attrgetter(name), results) for name in names}
        atoms = cls(found.pop("sites"), axes=axes, metadata=metadata, ragged=True)
        record_quality(atoms.metadata.VectorMetadata, atoms.data, **found)
        return atoms

    @classmethod
    def from_frames(
        cls,
        frames: list[np.ndarray] | np.ndarray,
        *,
        sampling: float,
        species: list[str] | None = None,
    ) -> AtomPositions:
        """Make a signal of positions from elsewhere, for instance the ground truth of a simulation.

        Parameters
        ----------
        frames : list of numpy.ndarray or numpy.ndarray
            An (n, k) array for each frame, k at least 2, with the columns in the order of the class
            description; or one array for a signal without navigation axes. Rows keep their order.
        sampling : float
            Å/px.
        species : list of str, optional
            The names of the classes, needed if there is a column of species.

        Returns
        -------
        AtomPositions
            With one navigation axis, or none for a single array.

        Raises
        ------
        ValueError
            If the arrays are not of shape (n, k) with the same k, the sampling is not positive, or
            the names of the classes are missing.

        Examples
        --------
        >>> truth = AtomPositions.from_frames(np.array([[3.0, 4.0]]), sampling=0.1, species=["Au"])
        >>> truth.to_ase().get_chemical_symbols()
        ['Au']
        """
        single = isinstance(frames, np.ndarray) and frames.dtype != object
        arrays = [np.asarray(frame, dtype=float) for frame in ([frames] if single else frames)]
        widths = {array.shape[1] if array.ndim == 2 else None for array in arrays}
        names = [*_export.COLUMNS, "species"]
        if len(widths) != 1 or not widths <= set(range(2, len(names) + 1)):
            raise ValueError(
                f"The frames have shapes {[array.shape for array in arrays][:5]}: expected (n, k) "
                f"with the same k, 2 to {len(names)}, for the columns {', '.join(names)}."
            )
        axes = [] if single else [{"size": len(arrays), "navigate": True}]
        columns = names[: widths.pop()]
        if "species" in columns:
            _tables.check_classes(np.concatenate([array[:, -1] for array in arrays]), species or [])
        return _tables.signal_of(cls, arrays, columns, float(sampling), species or [], axes)

    @classmethod
    def stack(
        cls,
        results: Iterable[AtomPositions],
        *,
        axis: str | int | None = None,
        new_axis_name: str = "stack_element",
    ) -> AtomPositions:
        """Combine the results of several images or movies, as ``hs.stack`` does for images.

        ``hs.stack`` itself fails on results: it cannot combine arrays of different lengths.

        Parameters
        ----------
        results : iterable of AtomPositions
            With the same columns, species, image size and pixel calibration, and the same
            navigation shape except along `axis`.
        axis : str or int, optional
            The navigation axis along which to join movies, by name or by index in ``axes_manager``;
            by default a new axis, the slowest. Parts of one movie keep their values along it, also
            without the frames between them; movies that start anew go on evenly after the first.
        new_axis_name : str, optional
            The name of a new axis.

        Returns
        -------
        AtomPositions or LazyAtomPositions
            Lazy if any of the results is. Entries of ``metadata.VectorMetadata`` that differ
            between results are left out.

        Raises
        ------
        ValueError
            If there are no results, or columns, calibrations or shapes differ.
        TypeError
            For anything other than AtomPositions.

        Examples
        --------
        >>> one = AtomPositions.from_frames(np.array([[10.0, 5.0, 0.9]]), sampling=0.2)
        >>> AtomPositions.stack([one, one, one], new_axis_name="file").axes_manager[0].name
        'file'
        >>> movie = AtomPositions.from_frames([np.empty((0, 5))] * 4, sampling=0.2)
        >>> AtomPositions.stack([movie, movie], axis=0).data.shape
        (8,)
        """
        results = list(results)
        if not results:
            raise ValueError("There are no results: expected one or more.")
        for result in results:
            if not isinstance(result, AtomPositions):
                raise TypeError(f"One result is a {type(result).__name__}: expected AtomPositions.")
        vectors = _stacking.shared([result._calibrated() for result in results])
        data, axes, place = _stacking.join(results, axis, new_axis_name)
        reports = _stacking.joined_reports(results, REPORTS, place)
        metadata = results[0].metadata.as_dictionary()
        kept = {name: metadata[name] for name in _KEPT if name in metadata}
        kind = LazyAtomPositions if isinstance(data, da.Array) else AtomPositions
        stacked = kind(data, axes=axes, metadata=kept | {"VectorMetadata": vectors}, ragged=True)
        for name, report in reports.items():
            stacked.metadata.VectorMetadata[name] = report
        return stacked

    @property
    def ivec(self) -> _selection.Slicer:
        """Pick columns and rows, ``atoms.ivec[columns, rows]``, as with pyxem's vectors.

        Columns are a name, a list of names starting with `y` and `x`, or a slice; rows are a slice
        or a mask of the atoms: a comparison of a column with a number or another column, or several
        joined by ``&`` and ``|``. A single column by name returns a ragged signal, (n,) per frame,
        species as their index; anything else returns atoms.

        See Also
        --------
        select : Selects atoms by conditions.

        Examples
        --------
        >>> sites = np.array([[1.0, 2.0, 0.9], [3.0, 4.0, 0.6]])
        >>> atoms = AtomPositions.from_frames(sites, sampling=0.2)
        >>> atoms.ivec["probability"].data[0]
        array([0.9, 0.6])
        >>> atoms.ivec[["y", "x"], atoms.ivec["probability"] > 0.8].data[0]
        array([[1., 2.]])
        """
        return _selection.Slicer(self)

    def _set_ragged(self, value: bool) -> None:
        regular = self.ragged and not value
        BaseSignal.ragged.fset(self, value)
        if regular:
            self.set_signal_type("")

    ragged: Any = BaseSignal.ragged.setter(_set_ragged)

    def __deepcopy__(self, memo: dict) -> AtomPositions:
        copied = super().__deepcopy__(memo)
        if not copied._lazy:
            # HyperSpy copies the array of the frames, but not these.
            copied.data = map_frames(np.copy, copied.data)
        return copied

    def diff(self, *args, **kwargs):
        """Raise a TypeError, as `rebin`, `sum`, `transpose` and functions of NumPy do: see `map`.

        Parameters
        ----------
        *args, **kwargs
            As in HyperSpy, which would add up the positions of unrelated atoms, row by row.
        """
        raise TypeError(_NO_NUMBERS)

    derivative = integrate_simpson = rebin = valuemax = valuemin = diff
    change_dtype = get_histogram = diff
    # Behind operators, sums, means and extrema, and NumPy's functions.
    _binary_operator_ruler = _unary_operator_ruler = diff
    _apply_function_on_data_and_remove_axis = __array_ufunc__ = __array_function__ = diff
    # Also behind `T`, ``hs.stack`` and ``hs.load(stack=True)``; see `swap_axes`.
    transpose = diff

    def map(self, function, *args, **kwargs):
        """Apply a function to the atoms of each frame; see ``hyperspy.api.signals.BaseSignal.map``.

        Parameters
        ----------
        function : callable
            It takes an (n, k) array with the columns of :class:`AtomPositions`. With
            ``ragged=False`` HyperSpy infers the shape and type that it returns from the first
            frame.
        *args, **kwargs
            As in HyperSpy.

        Returns
        -------
        AtomPositions, BaseSignal or None
            Atoms only if the function returns (n, k) arrays with the same columns (see `ivec` for
            fewer); None with ``inplace=True``.

        Examples
        --------
        >>> atoms = AtomPositions.from_frames([np.empty((0, 5)), np.ones((2, 5))], sampling=0.2)
        >>> atoms.map(len, inplace=False, ragged=False, show_progressbar=False).data
        array([0, 2])
        """
        single = not self.axes_manager.navigation_dimension
        if single:
            # Without an axis HyperSpy gives the function the array that holds the frame.
            self.axes_manager.create_axes([{"size": 1, "navigate": True}])
        signals = [self]
        try:
            result = super().map(partial(_of_frame, function), *args, **kwargs)
            signals += [] if result is None else [result]
            _check_type(signals[-1])
        finally:
            if single:
                for signal in signals:
                    _leave_out_axis(signal)
        return result

    def __repr__(self) -> str:
        return _rows.to_text(super().__repr__(), _summary.rows_of(self))

    def _repr_html_(self) -> str:
        return _rows.to_html(super().__repr__(), _summary.rows_of(self))

    def save(self, filename=None, overwrite=None, extension=None, file_format=None, **kwds):
        """Save to a file; see :meth:`hyperspy.api.signals.BaseSignal.save`.

        Lazy positions are computed for the file but stay lazy.

        Parameters
        ----------
        filename : str, pathlib.Path or None
            The file, usually ``.hspy``.
        overwrite : bool, optional
            Whether to replace an existing file; by default HyperSpy asks.
        extension, file_format : str, optional
            As in HyperSpy.
        **kwds
            For the writer of the format.

        Raises
        ------
        ValueError
            For tables and structures, which have methods of their own, and for formats that cannot
            store arrays of different lengths.

        See Also
        --------
        to_csv, to_xyz, to_ase

        Examples
        --------
        >>> atoms.save("atoms.hspy")  # doctest: +SKIP
        """
        file = Path("" if filename is None else filename)
        suffix = file.suffix
        if suffix in _NO_SIGNALS:
            raise ValueError(f"{suffix} is not a format for signals: use {_NO_SIGNALS[suffix]}.")
        stored = self
        single = self.axes_manager.navigation_dimension == 0
        if single or self._lazy:
            stored = self._deepcopy_with_new_data(self.data)
            stored.tmp_parameters.add_dictionary(self.tmp_parameters.as_dictionary())
            if self._lazy:
                stored.compute(show_progressbar=False)
            if single:
                stored.data = stored.data.reshape(1)
                stored.axes_manager.create_axes([{"size": 1, "navigate": True}])
                stored.metadata.set_item(_SINGLE_FRAME, True)
        new = not file.exists()
        try:
            BaseSignal.save(stored, filename, overwrite, extension, file_format, **kwds)
        except (AttributeError, ImportError, TypeError, ValueError) as error:
            if suffix in ("", ".hspy"):
                raise
            if new and file.is_file():
                file.unlink()
            # Writers that cannot store ragged arrays, or are not installed, fail in many ways.
            raise ValueError(
                f"{suffix} could not be written ({type(error).__name__}: {error}): save atoms as "
                ".hspy, or write a table with atoms.to_csv(filename)."
            ) from error
        self.tmp_parameters.add_dictionary(stored.tmp_parameters.as_dictionary())

    def _slicer(self, slices, isNavigation=None, out=None):
        sliced = super()._slicer(slices, isNavigation, out)
        if out is not None:
            part = self._slicer(slices, isNavigation)
            out.metadata.VectorMetadata = part.metadata.VectorMetadata
            return sliced
        one = slices[0] if isinstance(slices, tuple) and len(slices) == 1 else slices
        picked = not isinstance(one, slice | tuple) and one is not Ellipsis
        if picked and self.axes_manager.navigation_dimension == 1:
            # HyperSpy keeps a signal's only axis; a frame of images loses it, so ours does.
            sliced._remove_axis(0)
        indices = self._get_array_slices(slices, isNavigation)
        within = tuple(i if isinstance(i, slice) else slice(i, i + 1 or None) for i in indices)
        if sliced.axes_manager.navigation_dimension == 0:
            # HyperSpy would take an element of a dask array for the array itself.
            sliced.data = self.data[within].reshape(1)
        self._number_frames(sliced, indices)
        for name in REPORTS:
            values = self.metadata.get_item(f"VectorMetadata.{name}")
            if isinstance(values, list):
                some = np.reshape(values, self.data.shape)[within].ravel().tolist()
                sliced.metadata.VectorMetadata[name] = some
            elif values is not None:
                shape = *sliced.data.shape, *values.shape[self.data.ndim :]
                sliced.metadata.VectorMetadata[name] = values[within].reshape(shape)
        return sliced

    crop, split, squeeze = _reordering.crop, _reordering.split, _reordering.squeeze
    swap_axes, rollaxis = _reordering.swap_axes, _reordering.rollaxis
    get_current_signal = _reordering.get_current_signal

    def _vectors(self) -> dict[str, Any]:
        """Return what the metadata say about the atoms."""
        vectors = self.metadata.get_item("VectorMetadata")
        return {} if vectors is None else vectors.as_dictionary()

    def _calibrated(self) -> dict[str, Any]:
        """Return the metadata of the positions, without the entries for each frame."""
        return {name: value for name, value in self._vectors().items() if name not in REPORTS}

    @property
    def _calibration(self) -> _export.Calibration:
        return _export.Calibration.of(self._vectors())

    def _number_frames(self, sliced: AtomPositions, indices: Sequence[slice | int]) -> None:
        """Record in the metadata of a part which frames it has, along each remaining axis."""
        if not self.metadata.has_item("VectorMetadata"):
            return
        vectors, numbers = sliced.metadata.VectorMetadata, self._navigation.numbers
        left = [
            one[within]
            for one, within in zip(numbers, indices, strict=True)
            if isinstance(within, slice)
        ]
        for name, attribute in (("first_frames", "start"), ("frame_steps", "step")):
            if sliced.axes_manager.navigation_dimension:
                vectors[name] = [getattr(one, attribute) for one in left]
            elif vectors.has_item(name):
                delattr(vectors, name)

    @property
    def _navigation(self) -> _export.Navigation:
        axes = tuple(reversed(self.axes_manager.navigation_axes))
        firsts, steps = (
            self.metadata.get_item(f"VectorMetadata.{name}", [])
            for name in ("first_frames", "frame_steps")
        )
        if not len(firsts) == len(steps) == len(axes):
            firsts, steps = [first_frame(axis) for axis in axes], [1] * len(axes)
        numbers = [
            range(int(first), int(first + step * axis.size), int(step))
            for axis, first, step in zip(axes, firsts, steps, strict=True)
        ]
        names, units = (
            [text if isinstance(text, str) else "" for text in texts]
            for texts in ([axis.name for axis in axes], [axis.units for axis in axes])
        )
        return _export.Navigation(names, units, numbers, [axis.axis for axis in axes])

    def _on(self, signal: Signal2D | None) -> AtomPositions:
        """Return the atoms on the current axes of images, without those outside the images."""
        if signal is None:
            return self
        ours = self.axes_manager.navigation_shape
        theirs = signal.axes_manager.navigation_shape
        if ours != theirs:
            raise ValueError(
                f"The images have the navigation shape {theirs}, the atoms {ours}: expected the "
                "images in which the atoms were found, sliced alike with inav; of focal series, "
                "one image each, for example the middle one."
            )
        if signal.axes_manager.signal_dimension != 2:
            raise ValueError(
                f"The signal has {signal.axes_manager.signal_dimension} signal axes: expected "
                "images."
            )
        warn_of_other_frames(self.axes_manager.navigation_axes, signal.axes_manager.navigation_axes)
        x, y = signal.axes_manager.signal_axes
        placement = place(self._calibration, (y, x))
        axes = signal.axes_manager._get_navigation_axes_dicts()
        atoms: AtomPositions = self._like(map_frames(placement.of, self.data), axes=axes)
        sampling = placement.calibration.sampling.tolist()
        now = placement_metadata((y, x)) | {"sampling": sampling}
        atoms.metadata.VectorMetadata.add_dictionary(now)
        return atoms

    def _for_tables(self) -> tuple[np.ndarray, _export.Calibration, _export.Navigation]:
        computed = self._computed()
        if not isinstance(computed, AtomPositions):
            raise TypeError(
                "A mapped function returns no atoms with the columns "
                f"{', '.join(self._calibration.columns)}: compute() makes a plain signal of it."
            )
        return computed.data, self._calibration, self._navigation

    def _for_markers(self, function: Callable) -> np.ndarray | da.Array:
        """Apply a function to each frame, and transpose the result as markers are indexed."""
        if self.axes_manager.navigation_dimension == 0:
            return function(self._computed().data.ravel()[0])
        return map_frames(function, self.data).T

    def _computed_at(self, index: tuple[int, ...]) -> AtomPositions:
        """Return the atoms; of lazy ones, the block with this frame is computed and kept."""
        if not self._lazy:
            return self
        data, name = self.data, f"computed-at-{dask.base.tokenize(self.data.name, index)}"
        block = block_of(index, data.chunks)
        layer: dict[Any, Any] = {(name, *at): (data.name, *at) for at in np.ndindex(data.numblocks)}
        layer[(name, *block)] = data.blocks[block].compute()
        graph = HighLevelGraph.from_collections(name, layer, dependencies=[data])
        known = da.Array(graph, name, data.chunks, meta=data._meta)
        return self._deepcopy_with_new_data(known)

    def _some_frames(self, number: int | None = None) -> list[np.ndarray]:
        """Return all frames, a few if they are lazy; or at most `number` evenly spaced ones."""
        if number is None and not self._lazy:
            return list(self.data.flat)
        return self._frames_at(self._some_indices(number or _COMPARED))

    def _frames_at(self, indices: Iterable[int]) -> list[np.ndarray]:
        """Return the frames at indices in the flat array."""
        places = (np.unravel_index(i, self.data.shape) for i in indices)
        return list(dask.compute(*(self.data[place] for place in places)))

    def _some_indices(self, number: int = _COMPARED) -> np.ndarray:
        """Return the indices of at most `number` frames in the flat array."""
        last = self.data.size - 1
        return np.unique(np.linspace(0, last, min(number, last + 1)).round().astype(int))

    def _computed(self) -> AtomPositions:
        """Return the atoms, and the quality of their frames, computed if they are lazy."""
        if not self._lazy:
            return self
        computed = self._deepcopy_with_new_data(self.data)
        computed.compute(show_progressbar=False)
        return computed


class LazyAtomPositions(AtomPositions, LazySignal):
    """Atoms that are found on demand, by ``compute`` or an export.

    See Also
    --------
    AtomPositions : What this becomes once it is computed.

    Examples
    --------
    >>> atoms = AtomPositions.from_frames([np.empty((0, 5))] * 3, sampling=0.2).as_lazy()
    >>> atoms
    <LazyAtomPositions, title: , dimensions: (3|ragged)>
      atoms     not computed yet, in 3 images: call compute()
      sampling  0.2 Å/px
      columns   y, x, probability, y_sigma, x_sigma
    """

    @filled
    def compute(self, close_file=False, show_progressbar=None, **kwargs):
        """Find the atoms; see ``hyperspy.api.signals.LazySignal.compute``.

        Parameters
        ----------
        close_file : bool, default False
            Whether to close the image file.
        {SHOW_PROGRESSBAR}
        **kwargs
            For dask, for example ``scheduler`` or ``num_workers``.

        Raises
        ------
        ExtrapolationError
            For an image unlike the training images, with ``on_extrapolation="raise"``.
        OSError
            If an image cannot be read; the message says which.

        Warns
        -----
        ExtrapolationWarning
            If images are unlike the training images, with ``on_extrapolation="warn"``.
        SamplingWarning
            If the atoms contradict the calibration, or are not found at it.
        NothingFoundWarning
            If nothing was found in any of the images.

        Examples
        --------
        >>> atoms.compute(num_workers=2)  # doctest: +SKIP
        """
        lazy = self._lazy_reports()
        # One pass of the network gives all.
        progress = progress_of(show_progressbar, "Finding atoms", self.data)
        with naming_unreadable(self.data), progress:
            sites, *reports = dask.compute(self.data, *lazy.values(), **kwargs)
        if lazy:
            vectors = self.metadata.VectorMetadata
            names = vectors.get_item("column_names", [])
            all_found = _are_atoms(sites, names) and not vectors.has_item("selections")
            found = sites if all_found else None
            record_quality(vectors, found, **dict(zip(lazy, reports, strict=True)))
        if close_file:
            self.close_file()
        self.data = sites
        self._lazy = False
        self._assign_subclass()
        _check_type(self)

    @classmethod
    def _of_results(cls, results: da.Array, axes: list[dict], metadata: dict):
        """Make a signal of object arrays of `FrameResult`; the other results stay lazy as well."""
        # Without meta dask would call the function on an empty block.
        kind = {"dtype": object, "meta": np.empty((0,) * results.ndim, object)}
        sites, *reports = (
            # Given a name, since hashing would take longer than the rest.
            da.map_blocks(
                map_frames, attrgetter(name), results, name=f"{name}-{results.name}", **kind
            )
            for name in ("sites", *_reports(metadata))
        )
        atoms = cls(sites, axes=axes, metadata=metadata, ragged=True)
        for name, report in zip(REPORTS, reports, strict=False):
            atoms.metadata.VectorMetadata[name] = report
        return atoms

    def record_quality(self) -> None:
        """Record the quality of the images as :meth:`compute` does, without holding their atoms.

        This is cheap only for atoms that are already on disk, in a ``store``.

        Raises
        ------
        ExtrapolationError
            As for :meth:`compute`.

        Warns
        -----
        ExtrapolationWarning, SamplingWarning, NothingFoundWarning
            As for :meth:`compute`; the calibration is compared with the atoms of a few frames.

        Examples
        --------
        >>> atoms.record_quality()  # doctest: +SKIP
        """
        lazy = self._lazy_reports()
        reports = dict(zip(lazy, dask.compute(*lazy.values()), strict=True))
        vectors, sites = self.metadata.VectorMetadata, None
        indices = self._some_indices()
        if "shown" in reports:
            shown = reports["shown"].ravel()
            indices = np.union1d(indices, np.flatnonzero(shown != NOT_EXAMINED))
            reports["shown"] = shown[indices]
        if not vectors.has_item("selections"):
            frames = self._frames_at(indices)
            sites = np.empty(len(frames), object)
            sites[:] = frames
        record_quality(vectors, sites, **reports)

    def _lazy_reports(self) -> dict[str, da.Array]:
        """Return the results for each frame, besides its atoms, that are not computed yet."""
        items = {name: self.metadata.get_item(f"VectorMetadata.{name}") for name in REPORTS}
        return {name: item for name, item in items.items() if isinstance(item, da.Array)}


def _check_type(signal: BaseSignal) -> None:
    """Make a plain signal of anything other than the atoms of frames."""
    names = signal.metadata.get_item("VectorMetadata.column_names", [])
    if not signal.ragged or not (signal._lazy or _are_atoms(signal.data, names)):
        signal.set_signal_type("")


def _are_atoms(frames: np.ndarray, names: Sequence[str]) -> bool:
    """Whether frames are (n, k) arrays with the columns, not something that `map` made."""
    return all(
        np.ndim(frame) == 2 and len(names) in (0, np.shape(frame)[1]) for frame in frames.flat
    )


def _of_frame(function: Callable, frame: Any, /, **kwargs: Any) -> Any:
    """Apply a function to a frame, even where HyperSpy passes the array that holds it."""
    held = isinstance(frame, np.ndarray) and frame.dtype == object
    return function(frame.item() if held else frame, **kwargs)


def _leave_out_axis(signal: BaseSignal) -> None:
    """Drop the first axis, which has one frame."""
    if signal.data.ndim > 1:
        signal.data = signal.data[0]
    signal._remove_axis(0)


def _reports(metadata: dict) -> tuple[str, ...]:
    """Return the names of the results for each frame besides its atoms; only series drift."""
    return REPORTS if "focal_axis" in metadata["VectorMetadata"] else REPORTS[:3]
