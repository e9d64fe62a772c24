# SPDX-License-Identifier: GPL-3.0-or-later
"""The atoms of images, as a HyperSpy signal."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from hyperspy.signals import BaseSignal, LazySignal

from hyperspy_dlatoms.signals import export

if TYPE_CHECKING:
    import ase
    import pandas as pd
    from hyperspy.signals import Signal2D

# Set in a file only: a ragged signal without navigation axes could be saved but not loaded.
_SINGLE_FRAME = "VectorMetadata.single_frame"


class AtomPositions(BaseSignal):
    """Atoms found in images: a ragged signal with the navigation shape of the images.

    Each frame is a (n, k) float array, a row an atom, sorted by y and x; (0, k) where nothing
    was found. ``metadata.VectorMetadata.column_names`` names the columns, at least `y` and `x`
    (px of the image, the centre of the first pixel at 0), `probability`, `y_sigma` and `x_sigma`
    (px). A column `species` counts in ``metadata.VectorMetadata.species``.

    See Also
    --------
    hyperspy_dlatoms.signals.methods.find_atoms_nn : Makes them.

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
        names = [*export.COLUMNS, "species"]
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
        names = [axis.name for axis in reversed(self.axes_manager.navigation_axes)]
        return export.table(self._computed_frames(), export.Calibration.of(self), names)

    def to_markers(self, **kwargs):
        """Return markers for a plot of the images, in the units of their axes.

        Parameters
        ----------
        **kwargs
            For ``hyperspy.api.plot.markers.Points``, for example ``sizes`` and ``edgecolor``.

        Returns
        -------
        hyperspy.api.plot.markers.Points
            One collection that follows the navigation.

        Examples
        --------
        >>> atoms = AtomPositions.from_frames(np.array([[10.0, 5.0, 0.9]]), sampling=0.2)
        >>> atoms.to_markers().kwargs["offsets"]
        array([[1., 2.]])
        """
        from hyperspy.api import plot

        offsets_of = partial(export.marker_offsets, calibration=export.Calibration.of(self))
        if self.axes_manager.navigation_dimension == 0:
            offsets = offsets_of(self._computed_frames()).ravel()[0]
        elif self._lazy:
            offsets = self.data.map_blocks(
                offsets_of, dtype=object, meta=np.empty((0,) * self.data.ndim, object)
            ).T
        else:
            offsets = offsets_of(self.data).T
        style = {"sizes": 6, "facecolor": "none", "edgecolor": "#ff2d55", "linewidth": 1.2}
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
        calibration = export.Calibration.of(self)
        frames = self._computed_frames()
        models = [export.ase_atoms(frame, calibration, element) for frame in frames.ravel()]
        return models if self.axes_manager.navigation_dimension else models[0]

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
        """
        ours = self.axes_manager.navigation_shape
        theirs = signal.axes_manager.navigation_shape
        if ours != theirs:
            raise ValueError(
                f"The images have the navigation shape {theirs}, the atoms {ours}: expected the "
                "images that the atoms were found in, sliced alike with inav."
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
        if sliced.axes_manager.navigation_dimension == 0:
            # An element of a dask array would be taken for the array itself.
            indices = self._get_array_slices(slices, isNavigation)
            within = (i if isinstance(i, slice) else slice(i, i + 1 or None) for i in indices)
            sliced.data = self.data[tuple(within)].reshape(1)
        return sliced

    def _computed_frames(self) -> np.ndarray:
        return self.data.compute() if self._lazy else self.data


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
