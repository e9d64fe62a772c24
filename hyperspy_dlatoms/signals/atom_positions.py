# SPDX-License-Identifier: GPL-3.0-or-later
"""The atoms of images, as a HyperSpy signal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dask
import dask.array as da
import numpy as np
from hyperspy.signals import BaseSignal, LazySignal

from hyperspy_dlatoms.signals import _calibration, _export, _quality, statistics
from hyperspy_dlatoms.signals._arguments import Output
from hyperspy_dlatoms.signals._picture import PLAIN

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

    import ase
    import pandas as pd
    from hyperspy.signals import Signal2D

# Frames whose atoms a stated calibration is compared with, where not all are held.
_COMPARED = 16
# Set in a file only: a ragged signal without navigation axes could be saved but not loaded.
_SINGLE_FRAME = "VectorMetadata.single_frame"


class AtomPositions(BaseSignal):
    """Atoms found in images: a ragged signal with the navigation shape of the images.

    Each frame is a (n, k) float array, a row an atom, sorted by y and x; (0, k) where nothing
    was found. ``metadata.VectorMetadata.column_names`` names the columns, at least `y` and `x`
    (px of the image, the centre of the first pixel at 0), `probability`, `y_sigma` and `x_sigma`
    (px). A column `species` counts in ``metadata.VectorMetadata.species``; a column `agreement` is
    the fraction of an ensemble of networks that found the atom. ``probability_Mo`` and so on are
    the probabilities of the species, `height` and `height_sigma` the number of atoms in a column.
    ``metadata.VectorMetadata.domain``, where the network knows what it was trained on, has a number
    for each frame, in the order of the data: above 1 the frame is unlike that. Of focal series,
    ``metadata.VectorMetadata.drift``, of shape (..., images, 2), has where each image lies against
    the middle one (y and x, px).

    See Also
    --------
    hyperspy_dlatoms.signals.methods.find_atoms_nn : Makes them.
    hyperspy_dlatoms.signals.methods.classify_species : Makes them from focal series.

    Examples
    --------
    >>> atoms = AtomPositions.from_frames(
    ...     [np.array([[1.0, 2.0, 0.9, 0.1, 0.1]]), np.empty((0, 5))], sampling=0.2
    ... )
    >>> atoms
    <AtomPositions, title: , dimensions: (2|ragged)>
    >>> atoms.inav[1].data[0].shape
    (0, 5)
    """

    _signal_type = "AtomPositions"
    _signal_dimension = 0

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
    def from_frames(
        cls,
        frames: list[np.ndarray] | np.ndarray,
        *,
        sampling: float,
        species: list[str] | None = None,
    ) -> AtomPositions:
        """Make a signal of positions from elsewhere, for instance the truth of a simulation.

        Parameters
        ----------
        frames : list of numpy.ndarray or numpy.ndarray
            A (n, k) array for each frame, k at least 2, with the columns in the order of the
            class's description; or one array for a signal without navigation axes.
        sampling : float
            Å/px.
        species : list of str, optional
            The names of the classes, needed where there is a column of them.

        Returns
        -------
        AtomPositions
            With one navigation axis, or none for one array.

        Raises
        ------
        ValueError
            If the arrays are not of shape (n, k) with one k.

        Examples
        --------
        >>> truth = AtomPositions.from_frames(np.array([[3.0, 4.0]]), sampling=0.1, species=["Au"])
        >>> truth.to_ase().get_chemical_symbols()
        ['Au']
        """
        single = isinstance(frames, np.ndarray)
        arrays = [np.asarray(frame, dtype=float) for frame in ([frames] if single else frames)]
        widths = {array.shape[1] if array.ndim == 2 else None for array in arrays}
        names = [*_export.COLUMNS, "species"]
        if len(widths) != 1 or not widths <= set(range(2, len(names) + 1)):
            raise ValueError(
                f"The frames have shapes {[array.shape for array in arrays][:5]}: expected (n, k) "
                f"with the same k, 2 to {len(names)}, for the columns {', '.join(names)}."
            )
        data = np.empty(len(arrays), dtype=object)
        for index, array in enumerate(arrays):
            data[index] = array
        vectors = {
            "column_names": names[: widths.pop()],
            "offsets": [0.0, 0.0],
            "scales": [float(sampling)] * 2,
            "units": ["Å", "Å"],
            "sampling": [float(sampling)] * 2,
            "species": list(species or []),
        }
        axes = [] if single else [{"size": len(data), "navigate": True}]
        return cls(data, axes=axes, metadata={"VectorMetadata": vectors}, ragged=True)

    def to_dataframe(self) -> pd.DataFrame:
        """Return a table with a row an atom.

        Returns
        -------
        pandas.DataFrame
            The navigation indices, named as the axes (``index_0``, ... for axes without a name),
            `y_px` and `x_px`, `y` and `x` in the units of the image's axes, the other columns,
            and `species` by name. ``attrs["units"]`` has the units of `y` and `x`.

        Examples
        --------
        >>> atoms = AtomPositions.from_frames(np.array([[10.0, 5.0, 0.9]]), sampling=0.2)
        >>> atoms.to_dataframe()
           y_px  x_px    y    x  probability
        0  10.0   5.0  2.0  1.0          0.9
        """
        return _export.table(*self._for_tables())

    def species_counts(self) -> pd.DataFrame:
        """Count the atoms of each species in each frame.

        Returns
        -------
        pandas.DataFrame
            A row a frame, indexed by the navigation indices, a column a species, vacancies
            included.

        Raises
        ------
        ValueError
            If the species are not told apart.

        See Also
        --------
        vacancy_statistics : With the errors of the network.

        Examples
        --------
        >>> sites = np.array([[2, 2, 0.9, 0.1, 0.1, 0], [4, 2, 0.9, 0.1, 0.1, 1.0]])
        >>> atoms = AtomPositions.from_frames([sites, sites[:1]], sampling=1, species=["Mo", "S"])
        >>> atoms.species_counts()
                 Mo  S
        index_0
        0         1  1
        1         1  0
        """
        return statistics.species_counts(*self._for_tables())

    def vacancy_statistics(
        self,
        *,
        dose: float | None = None,
        rates: Mapping[str, Mapping[str, float]] | None = None,
        border: float = 0.0,
        level: float = 0.95,
    ) -> pd.DataFrame:
        """Estimate how many vacancies there are, with the errors of the network taken into account.

        Of the sites of an atom, those with it and its vacancies, a share is reported as vacant.
        Some vacancies are overlooked and some atoms taken for vacancies; from how often either
        happens where the truth is known follows the share that is vacant, and its interval. See
        :func:`hyperspy_dlatoms.analysis.prevalence.prevalence` for the model and its sources.

        Parameters
        ----------
        dose : float, optional
            Of each image (e/Å²), needed where `rates` are not given: they are then read from the
            card of the network, at the highest dose measured that is not above it.
        rates : mapping, optional
            For each vacancy its ``recall`` and ``false_per_site``, the false reports per site that
            is not one; and how many ``vacancies`` and ``sites`` these were measured on, exactly
            known unless told. Other vacancies get no estimate.
        border : float, optional
            What is left out along each edge of the image (Å).
        level : float, optional
            Of the intervals.

        Returns
        -------
        pandas.DataFrame
            A row for each frame and each vacancy: the navigation indices; ``vacancy``, its name;
            ``sites``, and ``found``, those reported as vacant; ``number``, the estimate of those
            that are; ``fraction`` of the sites and ``density`` per nm² with the ends of their
            intervals, ``_low`` and ``_high``; and ``area`` (nm²), that of the image within the
            border. Where a site has two atoms and there is a column `height`, vacancies with one
            atom left and with none are also counted apart, ``(one)`` and ``(both)``. NaN without
            rates and without sites.

        Raises
        ------
        ValueError
            If there are no vacancies among the species, the size of the image is not known, an
            argument is out of range, or the errors of the network are not known.

        Notes
        -----
        The interval is that of the material of which the frame shows a piece: it holds what
        counting few leaves open, and above 0 ends that of a frame without any vacancy. Sites are
        taken as independent.

        See Also
        --------
        vacancy_pairs : Whether they lie together.

        Examples
        --------
        >>> sites = np.zeros((400, 6))
        >>> sites[:10, 5] = 1
        >>> atoms = AtomPositions.from_frames(sites, sampling=0.1, species=["S", "S vacancy"])
        >>> atoms.metadata.VectorMetadata.image_shape = [600, 600]
        >>> rates = {"S vacancy": {"recall": 0.8, "false_per_site": 0.005}}
        >>> table = atoms.vacancy_statistics(rates=rates)
        >>> table[["found", "number", "density_low", "density_high"]].round(2)
           found  number  density_low  density_high
        0     10   10.06         0.11          0.54
        """
        frames, calibration, names = self._for_tables()
        if rates is None:
            model = self.metadata.get_item("VectorMetadata.model", "")
            known = statistics.rates_of_model(model, dose)
        else:
            known = statistics.rates_as_given(rates)
        return statistics.vacancy_statistics(
            frames, calibration, names, rates=known, border=border, level=level
        )

    def vacancy_pairs(
        self,
        *,
        max_distance: float = 20.0,
        bin_width: float = 1.0,
        border: float = 0.0,
        seed: int = 0,
    ) -> pd.DataFrame:
        """Count pairs of vacancies by distance, beside what chance would give.

        Chance puts as many vacancies at random on the sites of the frame, so that lattice, edges
        and holes are accounted for; see
        :func:`hyperspy_dlatoms.analysis.pair_distances.pair_distances`.

        Parameters
        ----------
        max_distance : float, optional
            Å.
        bin_width : float, optional
            Å.
        border : float, optional
            What is left out along each edge of the image (Å).
        seed : int, optional
            Of the random draws behind the limits.

        Returns
        -------
        pandas.DataFrame
            A row for each frame, each vacancy and each range of distances: the navigation indices;
            ``vacancy``, its name; ``low`` and ``high`` (Å); ``pairs``; ``expected``, their mean
            number by chance; ``ratio`` of the two, the pair correlation, NaN where no sites are
            so far apart; and ``expected_low`` and ``expected_high``, between which chance lies with
            a probability of 95 % in each range.

        Raises
        ------
        ValueError
            If there are no vacancies among the species, or an argument is out of range.

        Notes
        -----
        To put frames together, add up their pairs and their expected ones:
        ``table.groupby(["vacancy", "low"])[["pairs", "expected"]].sum()``.

        Examples
        --------
        >>> sites = np.zeros((5, 6))
        >>> sites[:, 0] = np.arange(5)
        >>> sites[:2, 5] = 1
        >>> atoms = AtomPositions.from_frames(sites, sampling=3.0, species=["S", "S vacancy"])
        >>> table = atoms.vacancy_pairs(max_distance=8.0, bin_width=4.0)
        >>> table[["vacancy", "low", "high", "pairs", "expected", "ratio"]]
             vacancy  low  high  pairs  expected  ratio
        0  S vacancy  0.0   4.0      1       0.4    2.5
        1  S vacancy  4.0   8.0      0       0.3    0.0
        """
        if not (bin_width > 0 and max_distance >= bin_width and np.isfinite(max_distance)):
            raise ValueError(
                f"bin_width is {bin_width} and max_distance {max_distance}: expected a positive "
                "width in Å, and a distance that is no less."
            )
        edges = bin_width * np.arange(int(np.floor(max_distance / bin_width + 1e-9)) + 1)
        return statistics.vacancy_pairs(*self._for_tables(), edges=edges, border=border, seed=seed)

    def tracks(
        self,
        *,
        search_range: float | None = None,
        memory: int = 2,
        show_progressbar: bool | None = None,
    ) -> pd.DataFrame:
        """Follow the atoms through a movie.

        Frames are taken one block after another, so that of a long lazy movie only the atoms are in
        memory. A drift of all atoms is followed as long as it changes by less than the search range
        from one frame to the next; align the images first where it does not.

        Parameters
        ----------
        search_range : float, optional
            How far from its place an atom of the next frame is the same one (Å); 0.4 times the
            distance of neighbours in the first frame with atoms where not given.
        memory : int, optional
            In how many frames in a row an atom may be missing.
        show_progressbar : bool, optional
            HyperSpy's preference where not given.

        Returns
        -------
        pandas.DataFrame
            As from `to_dataframe`, and ``frame``, the number of the frame; ``track``, the same
            number for the same atom; ``y_drift``, ``x_drift``, how far all atoms have moved since
            the first frame, and ``y_steady``, ``x_steady``, the positions less that, in the units
            of the image's axes.

        Raises
        ------
        ValueError
            If there is not one navigation axis, an argument is out of range, or the first frame
            does not tell how far apart the atoms are.

        See Also
        --------
        hyperspy_dlatoms.residence : How long each atom stays.
        hyperspy_dlatoms.jumps : Atoms that vanish in one place and appear in another.

        Examples
        --------
        >>> frames = [np.array([[10.0, 5.0], [30.0, 5.0]]), np.array([[31.0, 6.0], [11.0, 6.0]])]
        >>> atoms = AtomPositions.from_frames(frames, sampling=0.1)
        >>> atoms.tracks()[["frame", "track", "y", "y_steady"]].round(6)
           frame  track    y  y_steady
        0      0      0  1.0       1.0
        1      0      1  3.0       3.0
        2      1      1  3.1       3.0
        3      1      0  1.1       1.0
        """
        from hyperspy_dlatoms.signals.tracks import tracks

        shown = Output(show_progressbar, None, None).shows_progress
        return tracks(self, search_range, memory, show_progressbar=shown)

    def to_markers(self, by: str | None = None, **kwargs):
        """Return markers for a plot of the images, in the units of their axes.

        Parameters
        ----------
        by : {"agreement", "probability", "species"}, optional
            The column that colours the markers: from cyan for 0 to magenta for 1, or one colour a
            species. Lazy positions are computed once more for it, so better compute them first.
        **kwargs
            For ``hyperspy.api.plot.markers.Points``, for example ``sizes`` and ``edgecolor``.

        Returns
        -------
        hyperspy.api.plot.markers.Points
            One collection that follows the navigation.

        Raises
        ------
        ValueError
            If there is no such column.

        Examples
        --------
        >>> atoms = AtomPositions.from_frames(np.array([[10.0, 5.0, 0.9]]), sampling=0.2)
        >>> atoms.to_markers().kwargs["offsets"]
        array([[1., 2.]])
        >>> atoms.to_markers(by="probability").kwargs["edgecolor"].round(1)
        array([[0.9, 0.1, 1. , 1. ]])
        """
        from hyperspy.api import plot

        calibration = _export.Calibration.of(self)
        style = {"sizes": 6, "facecolor": "none", "edgecolor": PLAIN, "linewidth": 1.2}
        if by is not None:
            column = _export.column_of_colours(calibration, by)
            style["edgecolor"] = self._for_markers(_export.marker_colours, column=column, by=by)
        offsets = self._for_markers(_export.marker_offsets, calibration=calibration)
        return plot.markers.Points(offsets, **(style | kwargs))

    def to_ase(self, element: str | None = None) -> ase.Atoms | list[ase.Atoms]:
        """Return the atoms for ASE, in Å, image x along x and image y along y, z = 0.

        Parameters
        ----------
        element : str, optional
            Chemical symbol of all the atoms. Where it is not given, the names of the species are
            used if they are chemical symbols, else ``"X"``.

        Returns
        -------
        ase.Atoms or list of ase.Atoms
            One for a signal without navigation axes, else a list in the order of the data.
            The centre of the first pixel is at the origin and the image is the cell; `y_sigma`
            and `x_sigma` are in Å there, the other columns arrays as they are.

        Examples
        --------
        >>> atoms = AtomPositions.from_frames(np.array([[10.0, 5.0, 0.9]]), sampling=0.2)
        >>> atoms.to_ase("Au").positions
        array([[1., 2., 0.]])
        """
        calibration = _export.Calibration.of(self)
        frames = self._computed_frames()
        models = [_export.ase_atoms(frame, calibration, element) for frame in frames.ravel()]
        return models if self.axes_manager.navigation_dimension else models[0]

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the table of :meth:`to_dataframe` to a file.

        Lazy atoms are found and written a few frames at a time, so that the memory that it takes
        does not grow with their number.

        Parameters
        ----------
        path : str or os.PathLike
            The file; one that is there is replaced when all is written.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> atoms = AtomPositions.from_frames(np.array([[10.0, 5.0, 0.9]]), sampling=0.2)
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     atoms.to_csv(f"{directory}/atoms.csv")
        ...     print(Path(directory, "atoms.csv").read_text().strip())
        y_px,x_px,y,x,probability
        10,5,2,1,0.9
        """
        _export.write_csv(self, path)

    def to_xyz(self, path: str | os.PathLike[str], element: str | None = None) -> None:
        """Write the structures of :meth:`to_ase` to a file of extended XYZ.

        Lazy atoms are found and written a few frames at a time.

        Parameters
        ----------
        path : str or os.PathLike
            The file; one that is there is replaced when all is written.
        element : str, optional
            As for :meth:`to_ase`.

        Examples
        --------
        >>> atoms.to_xyz("atoms.xyz", "Au")  # doctest: +SKIP
        """
        _export.write_xyz(self, path, element)

    def plot_on(self, signal: Signal2D, **kwargs) -> None:
        """Plot images with the atoms over them.

        Parameters
        ----------
        signal : Signal2D
            The images that the atoms were found in.
        **kwargs
            For the markers, as in :meth:`to_markers`.

        Raises
        ------
        ValueError
            If the navigation shape of the images is another one.

        Examples
        --------
        >>> atoms.plot_on(s, edgecolor="cyan")  # doctest: +SKIP
        >>> atoms.plot_on(s, by="agreement")  # doctest: +SKIP
        >>> sites.plot_on(series.inav[1], by="species")  # doctest: +SKIP
        """
        ours = self.axes_manager.navigation_shape
        theirs = signal.axes_manager.navigation_shape
        if ours != theirs:
            raise ValueError(
                f"The images have the navigation shape {theirs}, the atoms {ours}: expected the "
                "images that the atoms were found in, sliced alike with inav; of focal series one "
                "image each, for example the middle one."
            )
        signal.plot()
        signal.add_marker(self.to_markers(**kwargs))

    def save(self, filename=None, overwrite=None, extension=None, file_format=None, **kwds):
        """Save to a file; see :meth:`hyperspy.api.signals.BaseSignal.save`.

        Lazy positions are computed for it, and stay lazy.

        Parameters
        ----------
        filename : str, pathlib.Path or None
            The file, in general a ``.hspy``.
        overwrite : bool, optional
            Whether an existing file is replaced; asks where not given.
        extension, file_format : str, optional
            As in HyperSpy.
        **kwds
            For the writer of the format.

        Examples
        --------
        >>> atoms.save("atoms.hspy")  # doctest: +SKIP
        """
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
        BaseSignal.save(stored, filename, overwrite, extension, file_format, **kwds)
        self.tmp_parameters.add_dictionary(stored.tmp_parameters.as_dictionary())

    def _slicer(self, slices, isNavigation=None, out=None):
        sliced = super()._slicer(slices, isNavigation, out)
        if out is not None:
            return sliced
        one = slices[0] if isinstance(slices, tuple) and len(slices) == 1 else slices
        picked = not isinstance(one, slice | tuple) and one is not Ellipsis
        if picked and self.axes_manager.navigation_dimension == 1:
            # HyperSpy keeps the only axis of a signal; a frame of images loses it, so ours does.
            sliced._remove_axis(0)
        indices = self._get_array_slices(slices, isNavigation)
        within = tuple(i if isinstance(i, slice) else slice(i, i + 1 or None) for i in indices)
        if sliced.axes_manager.navigation_dimension == 0:
            # An element of a dask array would be taken for the array itself.
            sliced.data = self.data[within].reshape(1)
        domain = self.metadata.get_item("VectorMetadata.domain")
        if isinstance(domain, list):
            scores = np.reshape(domain, self.data.shape)[within]
            sliced.metadata.VectorMetadata.domain = scores.ravel().tolist()
        elif domain is not None:
            sliced.metadata.VectorMetadata.domain = domain[within].reshape(sliced.data.shape)
        drift = self.metadata.get_item("VectorMetadata.drift")
        if drift is not None:
            of_series = drift.shape[self.data.ndim :]
            sliced.metadata.VectorMetadata.drift = drift[within].reshape(
                *sliced.data.shape, *of_series
            )
        return sliced

    def _for_markers(self, function: Callable, **kwargs) -> np.ndarray | da.Array:
        """Apply a function of frames, and turn the result the way that markers are indexed."""
        if self.axes_manager.navigation_dimension == 0:
            return function(self._computed_frames(), **kwargs).ravel()[0]
        if self._lazy:
            return _quality.lazily(function, self.data, **kwargs).T
        return function(self.data, **kwargs).T

    def _for_tables(self) -> tuple[np.ndarray, _export.Calibration, list]:
        names = _export.navigation_names(self)
        return self._computed_frames(), _export.Calibration.of(self), names

    def _judge(self, found: np.ndarray, reports: dict[str, np.ndarray]) -> None:
        """Say or refuse what is wrong with the images, from what was found in them."""
        vectors = self.metadata.VectorMetadata
        _quality.settle(vectors, reports)
        _calibration.compare(vectors, found)

    def _computed_frames(self) -> np.ndarray:
        if not self._lazy:
            return self.data
        computed = self._deepcopy_with_new_data(self.data)
        computed.compute(show_progressbar=False)
        return computed.data


class LazyAtomPositions(AtomPositions, LazySignal):
    """Atoms that are found when they are asked for, with ``compute`` or by an export.

    See Also
    --------
    AtomPositions : What it becomes.

    Examples
    --------
    >>> atoms = AtomPositions.from_frames([np.empty((0, 5))] * 3, sampling=0.2).as_lazy()
    >>> atoms
    <LazyAtomPositions, title: , dimensions: (3|ragged)>
    """

    def compute(self, close_file=False, show_progressbar=None, **kwargs):
        """Find the atoms; see ``hyperspy.api.signals.LazySignal.compute``.

        Parameters
        ----------
        close_file : bool, default False
            Whether to close the file of the images.
        show_progressbar : bool, optional
            HyperSpy's preference where not given.
        **kwargs
            For dask, for example ``scheduler`` or ``num_workers``.

        Raises
        ------
        ExtrapolationError
            For an image unlike those that the network was trained on, with
            ``on_extrapolation="raise"``.

        Warns
        -----
        UserWarning
            Of images unlike those that the network was trained on, with
            ``on_extrapolation="warn"``, and of a calibration that the atoms contradict.

        Examples
        --------
        >>> atoms.compute(num_workers=2)  # doctest: +SKIP
        """
        lazy = self._lazy_reports()
        if not lazy:
            super().compute(close_file, show_progressbar, **kwargs)
            return
        # One pass of the network gives all.
        reports = (item.rechunk(self.data.chunks) for item in lazy.values())
        computed = LazySignal(_quality.lazily(_quality.together, self.data, *reports), ragged=True)
        computed.compute(close_file, show_progressbar, **kwargs)
        found, *reports = (_quality.part(computed.data, which) for which in range(1 + len(lazy)))
        self._judge(found, dict(zip(lazy, reports, strict=True)))
        self.data = found
        self._lazy = False
        self._assign_subclass()

    def settle(self) -> None:
        """Say what :meth:`compute` would say of the images, without holding their atoms.

        It is cheap only for atoms that are on disk already, those of a ``store``.

        Raises
        ------
        ExtrapolationError
            As :meth:`compute`.

        Warns
        -----
        UserWarning
            As :meth:`compute`; the calibration is compared with the atoms of a few frames.

        Examples
        --------
        >>> atoms.settle()  # doctest: +SKIP
        """
        vectors, lazy = self.metadata.VectorMetadata, self._lazy_reports()
        _quality.settle(vectors, dict(zip(lazy, dask.compute(*lazy.values()), strict=True)))
        some = np.unique(np.linspace(0, self.data.size - 1, _COMPARED).round().astype(int))
        frames = [self.data[np.unravel_index(one, self.data.shape)] for one in some]
        found = np.empty(len(frames), object)
        found[:] = dask.compute(*frames)
        _calibration.compare(vectors, found)

    def _lazy_reports(self) -> dict[str, da.Array]:
        """Give what is not known yet of each frame besides its atoms."""
        get = self.metadata.get_item
        items = {name: get(f"VectorMetadata.{name}") for name in _quality.REPORTS}
        return {name: item for name, item in items.items() if isinstance(item, da.Array)}
