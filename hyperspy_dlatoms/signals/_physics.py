# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows from positions: lattice, strain and neighbours, as methods of `AtomPositions`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Self

import dask.array as da
import numpy as np

from hyperspy_dlatoms._warnings import DLAtomsWarning, warn
from hyperspy_dlatoms.analysis import _cell_fit, _frame_strain
from hyperspy_dlatoms.analysis._column_map import column_map
from hyperspy_dlatoms.analysis._grains import find_grains
from hyperspy_dlatoms.analysis._neighbours import (
    Neighbourhoods,
    bond_angles,
    bond_lengths,
    bonds,
    neighbourhoods,
)
from hyperspy_dlatoms.analysis._offsets import offsets_from_neighbours
from hyperspy_dlatoms.analysis._pair_correlation import pair_correlation
from hyperspy_dlatoms.analysis._rings import find_rings
from hyperspy_dlatoms.analysis.lattice import cells_of
from hyperspy_dlatoms.signals import _export
from hyperspy_dlatoms.signals._docstrings import filled
from hyperspy_dlatoms.signals._frame_physics import (
    SIGMAS,
    Sites,
    distance_edges,
    means,
    weighted,
)
from hyperspy_dlatoms.signals._mapping import map_frames
from hyperspy_dlatoms.signals._selection import in_regions, warn_of_region

if TYPE_CHECKING:
    import ase
    import pandas as pd
    from hyperspy.signals import Signal2D


_POINTS = 3  # Points of a map within its resolution.
_FARTHEST = 20.0  # Å: by default a pair correlation shows the shells of a crystal up to here.
# What warnings say of frames, including those that lack the reference of the strain.
_NO_LATTICE = (
    "no lattice of the kind asked for: expected 12 or more atoms that repeat in two directions."
)
_NO_REFERENCE = {
    "cell": "no lattice like the reference: compare it with lattice(). It is in Å, each "
    "translation (y, x), oriented as in the image.",
    "region": "too few atoms of a grain in the region: expected four or more, not in one row. The "
    "region is in the units of the axes.",
}


class Physics:
    """Methods of `AtomPositions` that compute lattice, strain and neighbours, frame by frame."""

    data: Any
    metadata: Any
    axes_manager: Any
    _lazy: bool

    if TYPE_CHECKING:

        @property
        def _calibration(self) -> _export.Calibration: ...

        @property
        def _navigation(self) -> _export.Navigation: ...

    @filled
    def lattice(self, material: str | ase.Atoms | None = None) -> pd.DataFrame:
        """Find the lattice of each grain, and its constants with their errors.

        A grain is a set of atoms that repeat by two translations, in one orientation to within 6°:
        see :func:`hyperspy_dlatoms.analysis.find_grains`. A twin or a crystalline support is
        another grain.

        Parameters
        ----------
        {MATERIAL}

        Returns
        -------
        pandas.DataFrame
            A row for each grain of each frame: the navigation indices; ``grain``, its number, from
            0 for the largest; ``n``, its atoms; ``a`` and ``b``, the lengths of its shortest
            translations in projection (Å), ``gamma``, the angle between them (degrees), each with a
            ``_sigma``; ``orientation`` of a, from x to y (degrees); ``sublattices``, the number of
            atoms in the cell; ``scatter``, the rms deviation of the atoms from the lattice over
            their sigma, 1 for a perfect crystal; and, if a material matches to 10 % in size and 5 %
            in shape, ``material`` and ``zone``, ``a_material``, ``b_material`` and
            ``gamma_material``; ``scale``, the ratio of the measured lengths to the material's, and
            ``scale_sigma``.

        Raises
        ------
        {RAISES_MATERIAL}

        Warns
        -----
        DLAtomsWarning
            If frames have no lattice, and so no row, or none of `material`.

        Notes
        -----
        A weighted least-squares fit to all atoms of the grain; errors count as independent. If the
        atoms are off the lattice by more than their sigma, as in a strained crystal, the errors are
        scaled up by ``scatter``. Around a dislocation and in low-angle boundaries, where atoms have
        no unique place in the lattice, a and b are the mean vectors between neighbours. The error
        of the calibration is not included.

        Examples
        --------
        >>> from hyperspy_dlatoms import AtomPositions
        >>> rows, columns = np.mgrid[:8, :8]
        >>> sites = np.zeros((64, 5)) + 0.05
        >>> sites[:, :2] = 19.6 * np.column_stack([rows.ravel(), columns.ravel()])
        >>> atoms = AtomPositions.from_frames(sites, sampling=0.1)
        >>> atoms.lattice("Pt")[["n", "a", "b", "gamma", "zone", "a_material", "scale"]].round(3)
            n     a     b  gamma   zone  a_material  scale
        0  64  1.96  1.96   90.0  [100]        1.96    1.0
        """
        import pandas as pd

        calibration, materials = self._calibration, self._materials(material)
        parts, empty, unlike = [], 0, 0
        for number, frame in enumerate(_export.each_frame(self.data)):
            sites = Sites(frame, calibration)
            rows = _cell_fit.lattice_rows(*sites.places, materials, sites.kinds)
            parts += [{"frame": number} | row for row in rows]
            empty += not rows
            unlike += bool(rows) and not any(row["material"] for row in rows)
        _warn_of_frames(empty, self.data.size, _NO_LATTICE)
        _warn_of_another_lattice(unlike, self.data.size, material)
        result = pd.DataFrame(parts, columns=["frame", *_cell_fit.COLUMNS])
        return _export.with_navigation(result, self._navigation)

    def strain(self, reference: Any = None, material: str | ase.Atoms | None = None) -> Self:
        """Compute the strain at each atom, and its errors, from the positions of its neighbours.

        Parameters
        ----------
        reference : optional
            What the strain is relative to. By default the lattice that fits each grain best, or
            that of `material`. ``"median"``: the median of the grain. A HyperSpy ROI, as for
            `select`: the mean lattice within it. A (2, 2) array of two translations in Å, each (y,
            x), oriented as in the image: the shortest ones or those of a larger cell.
            `AtomPositions`: the same atoms in another frame, or in as many frames, with any common
            drift removed.
        material : str or ase.Atoms, optional
            As for :meth:`lattice`: its lattice, rotated onto each grain, is the reference.

        Returns
        -------
        AtomPositions
            The same atoms with further columns: ``e_xx``, ``e_yy``, ``e_xy`` along the image's x
            and y, ``rotation`` from x to y (rad), each with a ``_sigma``; ``u_y`` and ``u_x``, the
            displacement from the reference (Å); and ``grain``, -1 for atoms in none. NaN where an
            atom has too few neighbours, is in no grain, or is in the core of a dislocation.

        Raises
        ------
        ValueError
            If both a reference and a material are given, or the reference is of another kind or has
            another navigation shape; and as for :meth:`lattice`.

        Warns
        -----
        DLAtomsWarning
            If frames have no lattice, none of `material` or of the translations, or too few atoms
            in the ROI: all their atoms are NaN. Not for lazy atoms.

        See Also
        --------
        to_map : A map of a column.
        plot_on : With ``by="e_xx"``, the atoms coloured by it.
        hyperspy_dlatoms.analysis.deformation : The method.

        Examples
        --------
        >>> from hyperspy_dlatoms import AtomPositions
        >>> rows, columns = np.mgrid[:8, :8]
        >>> sites = np.zeros((64, 5)) + 0.05
        >>> sites[:, :2] = np.column_stack([19.6 * rows.ravel(), 20.0 * columns.ravel()])
        >>> atoms = AtomPositions.from_frames(sites, sampling=0.1)
        >>> table = atoms.strain(material="Pt").to_dataframe()
        >>> table[["e_xx", "e_xx_sigma", "e_yy"]].loc[27].round(4) + 0.0
        e_xx          0.0204
        e_xx_sigma    0.0010
        e_yy          0.0000
        Name: 27, dtype: float64
        """
        names = _frame_strain.COLUMNS
        if reference is not None and material is not None:
            raise ValueError("Both reference and material are given: expected one of them.")
        if isinstance(reference, Physics):

            def against_frame(sites: Sites, other: tuple) -> np.ndarray:
                return _frame_strain.frame_strain(*sites.places, *other)

            return self._with_columns(against_frame, names, self._reference_frames(reference))
        settings = _strain_settings(reference, self._calibration)
        region = settings.get("region")
        if material is not None:
            settings = {"materials": self._materials(material)}

        def against_lattice(sites: Sites) -> np.ndarray:
            inside = {} if region is None else {"region": region(sites.frame)}
            known = settings | inside
            return _frame_strain.lattice_strain(*sites.places, kinds=sites.kinds, **known)

        found = self._with_columns(against_lattice, names)
        if not self._lazy:
            number = found.data.size
            empty = sum(not (frame[:, -1] >= 0).any() for frame in found.data.flat)
            _warn_of_frames(empty, number, _NO_LATTICE)
            unlike = sum(
                (f[:, -1] >= 0).any() and np.isnan(f[:, -2]).all() for f in found.data.flat
            )
            _warn_of_another_lattice(unlike, number, material)
            for name in _NO_REFERENCE.keys() & settings.keys():
                _warn_of_frames(unlike, number, _NO_REFERENCE[name])
        return found

    def grains(self) -> Self:
        """Label the grains and the sublattices.

        Returns
        -------
        AtomPositions
            The same atoms with the columns ``grain``, from 0 for the largest, and ``sublattice``,
            from 0 for the one with the most atoms in the grain; both are -1 for atoms in no grain.

        See Also
        --------
        hyperspy_dlatoms.analysis.find_grains : The method.

        Examples
        --------
        >>> from hyperspy_dlatoms import AtomPositions
        >>> atoms = AtomPositions.from_frames(np.ones((5, 2)), sampling=0.1)
        >>> atoms.grains().to_dataframe().grain.tolist()
        [-1.0, -1.0, -1.0, -1.0, -1.0]
        """

        def labels(sites: Sites) -> np.ndarray:
            found = find_grains(sites.places[0], sites.kinds)
            return np.column_stack([found.labels, found.sublattices])

        return self._with_columns(labels, ("grain", "sublattice"))

    @filled
    def remove_shear(self, material: str | ase.Atoms | None = None) -> Self:
        """Remove the shear caused by steady drift during a scan, using a known lattice.

        In each frame the largest grain of the material shows how far each line was moved along y
        and x. The size of the lattice is left free, so the calibration along the lines is kept.

        Parameters
        ----------
        {MATERIAL}

        Returns
        -------
        AtomPositions
            The atoms at their positions without drift (px), which no longer match the image.

        Raises
        ------
        ValueError
            If no material is known; and as for :meth:`lattice`.

        Warns
        -----
        DLAtomsWarning
            If frames have no lattice of the material and stay as they are; not for lazy atoms.

        Notes
        -----
        A strain over the whole grain that looks like drift is removed as well.

        Examples
        --------
        >>> from hyperspy_dlatoms import AtomPositions
        >>> rows, columns = np.mgrid[:8, :8]
        >>> y, x = 19.6 * rows.ravel(), 19.6 * columns.ravel()
        >>> atoms = AtomPositions.from_frames(np.column_stack([y, x + 0.02 * y]), sampling=0.1)
        >>> [one.lattice().gamma.round(2)[0] for one in (atoms, atoms.remove_shear("Pt"))]
        [np.float64(88.85), np.float64(90.0)]
        """
        materials = self._materials(material)
        if not materials:
            raise ValueError("The material is not known: give material.")
        calibration = self._calibration

        def unsheared(frame: np.ndarray) -> tuple[np.ndarray, bool]:
            places = Sites(frame, calibration).places
            positions, sigma, known = _frame_strain.without_shear(*places, materials)
            if not known:
                return frame, False
            moved = frame.copy()
            moved[:, :2] = positions / calibration.sampling
            if sigma is not None:
                columns = [calibration.columns.index(name) for name in SIGMAS]
                moved[:, columns] = sigma / calibration.sampling
            return moved, True

        pairs = map_frames(unsheared, self.data)
        if not self._lazy:
            unknown = sum(not known for _, known in pairs.flat)
            _warn_of_frames(unknown, pairs.size, _NO_LATTICE)
        return self._like(map_frames(itemgetter(0), pairs))

    @filled
    def neighbours(self, cutoff: float | None = None, *, voronoi: bool = False) -> Self:
        """Count the neighbours of each atom, and measure how they are arranged.

        Parameters
        ----------
        {CUTOFF}
        {VORONOI}

        Returns
        -------
        AtomPositions
            The same atoms with further columns: ``coordination``; ``distance``, the mean distance
            to the neighbours (Å), and ``distance_sigma``; ``psi_4`` and ``psi_6``, the
            bond-orientational order, 1 for a square and for a hexagonal lattice; and ``edge``, 1 at
            the edge of the specimen or a hole, 0 inside, NaN where the image ends.

        See Also
        --------
        bonds, rings : Tables of bonds and of rings.

        Examples
        --------
        >>> from hyperspy_dlatoms import AtomPositions
        >>> square = np.array([[0.0, 0.0], [0.0, 20.0], [20.0, 0.0], [20.0, 20.0]])
        >>> table = AtomPositions.from_frames(square, sampling=0.1).neighbours().to_dataframe()
        >>> table[["coordination", "distance", "edge"]].loc[0].tolist()
        [2.0, 2.0, 1.0]
        """
        _check_cutoff(cutoff)

        def around(sites: Sites) -> np.ndarray:
            positions, sigma = sites.places
            pairs = bonds(positions, cutoff, voronoi=voronoi)
            return np.column_stack(
                neighbourhoods(positions, sigma, pairs, sites.calibration.window)
            )

        return self._with_columns(around, Neighbourhoods._fields)

    @filled
    def bonds(self, cutoff: float | None = None, *, voronoi: bool = False) -> pd.DataFrame:
        """List the bonds between neighbours.

        Parameters
        ----------
        {CUTOFF}
        {VORONOI}

        Returns
        -------
        pandas.DataFrame
            A row for each bond of each frame: the navigation indices; ``atom`` and ``neighbour``,
            the rows of its ends in the frame; ``y``, ``x``, its midpoint in the units of the
            image's axes; ``length`` (Å) and ``length_sigma``; and ``direction``, from x to y
            (degrees).

        Examples
        --------
        >>> from hyperspy_dlatoms import AtomPositions
        >>> square = np.array([[0.0, 0.0], [0.0, 20.0], [20.0, 0.0], [20.0, 20.0]])
        >>> AtomPositions.from_frames(square, sampling=0.1).bonds().length.tolist()
        [2.0, 2.0, 2.0, 2.0]
        """
        _check_cutoff(cutoff)

        def rows(sites: Sites) -> dict[str, np.ndarray]:
            positions, sigma = sites.places
            pairs = bonds(positions, cutoff, voronoi=voronoi)
            length, spread, direction = bond_lengths(positions, sigma, pairs)
            middle = sites.in_axis_units[pairs].mean(axis=1)
            ends = {"atom": pairs[:, 0], "neighbour": pairs[:, 1]}
            ends |= {"y": middle[:, 0], "x": middle[:, 1]}
            return ends | {"length": length, "length_sigma": spread, "direction": direction}

        return self._table_of(rows)

    @filled
    def bond_angles(self, cutoff: float | None = None) -> pd.DataFrame:
        """List the angles between neighbouring bonds of each atom.

        Parameters
        ----------
        {CUTOFF}

        Returns
        -------
        pandas.DataFrame
            A row for each angle of each frame: the navigation indices; ``atom`` at the vertex, and
            its neighbours ``first`` and ``second``, rows in the frame; ``y``, ``x`` of the vertex
            in the units of the image's axes; ``angle`` (degrees) and ``angle_sigma``.

        Examples
        --------
        >>> from hyperspy_dlatoms import AtomPositions
        >>> square = np.array([[0.0, 0.0], [0.0, 20.0], [20.0, 0.0], [20.0, 20.0]])
        >>> atoms = AtomPositions.from_frames(square, sampling=0.1)
        >>> atoms.bond_angles().angle.round(6)[:2].tolist()
        [90.0, 270.0]
        """
        _check_cutoff(cutoff)

        def rows(sites: Sites) -> dict[str, np.ndarray]:
            positions, sigma = sites.places
            pairs = bonds(positions, cutoff)
            atoms, angle, spread = bond_angles(positions, sigma, pairs)
            vertex = sites.in_axis_units[atoms[:, 0]]
            table = dict(zip(("atom", "first", "second"), atoms.T, strict=True))
            table |= {"y": vertex[:, 0], "x": vertex[:, 1]}
            return table | {"angle": angle, "angle_sigma": spread}

        return self._table_of(rows)

    @filled
    def rings(self, cutoff: float | None = None, *, largest: int = 12) -> pd.DataFrame:
        """List the rings of a sheet: the hexagons of a honeycomb, and the rings of its defects.

        Parameters
        ----------
        {CUTOFF}
        largest : int, optional
            Larger rings count as holes and are left out.

        Returns
        -------
        pandas.DataFrame
            A row for each ring of each frame: the navigation indices; ``size``, the number of its
            atoms; ``y``, ``x``, their mean position in the units of the image's axes; and ``area``
            (Å²). ``table.groupby("size").size()`` counts them.

        Examples
        --------
        >>> from hyperspy_dlatoms import AtomPositions
        >>> angle = np.arange(6) * np.pi / 3
        >>> ring = 30 + 14.2 * np.column_stack([np.sin(angle), np.cos(angle)])
        >>> AtomPositions.from_frames(ring, sampling=0.1).rings().round(2)
           size    y    x  area
        0     6  3.0  3.0  5.24
        """
        _check_cutoff(cutoff)

        def rows(sites: Sites) -> dict[str, np.ndarray]:
            positions = sites.places[0]
            found = find_rings(positions, bonds(positions, cutoff), largest=largest)
            centres = sites.calibration.in_axis_units(found.centres / sites.calibration.sampling)
            y, x = centres.T
            return {"size": found.sizes, "y": y, "x": x, "area": found.areas}

        return self._table_of(rows)

    def pair_correlation(
        self, *, max_distance: float | None = None, bin_width: float = 0.1
    ) -> pd.DataFrame:
        """Compute the pair correlation g(r), corrected for the borders of the image.

        Parameters
        ----------
        max_distance : float, optional
            Å, at most the shorter side of the image; by default 20 Å, or that side if shorter.
        bin_width : float, optional
            Å.

        Returns
        -------
        pandas.DataFrame
            A row for each frame and each range of distances: the navigation indices; ``low`` and
            ``high`` (Å); ``pairs``; ``g``, 1 for the same number of atoms at random in the image,
            and ``g_sigma``, its standard deviation as for a sample of atoms.

        Raises
        ------
        ValueError
            If the size of the image is not known, or an argument is out of range.

        Warns
        -----
        DLAtomsWarning
            If the atoms were selected by a region or a mask, whose area is not known.

        Examples
        --------
        >>> from hyperspy_dlatoms import AtomPositions
        >>> sites = np.random.default_rng(0).uniform(0, 500, (1000, 2))
        >>> atoms = AtomPositions.from_frames(sites, sampling=0.1)
        >>> atoms.metadata.VectorMetadata.image_shape = [500, 500]
        >>> atoms.pair_correlation(max_distance=15, bin_width=5.0).g.round(1).tolist()
        [1.0, 1.0, 1.0]
        """
        warn_of_region(self.metadata.get_item("VectorMetadata.selections", []), "g")
        height, width = (self._calibration.known_shape * self._calibration.sampling).tolist()
        if max_distance is None:
            max_distance = min(_FARTHEST, height, width)
        # Rounding may put the last one beyond the image.
        edges = np.minimum(distance_edges(max_distance, bin_width), max_distance)

        def rows(sites: Sites) -> dict[str, np.ndarray]:
            g, spread, pairs = pair_correlation(sites.places[0], edges, (height, width))
            low, high = edges[:-1], edges[1:]
            return {"low": low, "high": high, "pairs": pairs, "g": g, "g_sigma": spread}

        return self._table_of(rows)

    def polarisation(
        self,
        of: str | float | tuple[float, float],
        among: str | float | tuple[float, float],
        *,
        by: str = "species",
    ) -> Self:
        """Measure the offset of atoms of one sublattice from the centre of their neighbours.

        Parameters
        ----------
        of, among : str, float or tuple of float
            The sublattice whose offset is measured, and that of its neighbours: the name of a
            species, a value of the column `by`, or its lowest and highest value.
        by : str, optional
            The column that distinguishes the sublattices: ``"species"``, ``"height"``,
            ``"sublattice"`` of :meth:`grains`, or any other.

        Returns
        -------
        AtomPositions
            The same atoms with the columns ``offset_y`` and ``offset_x`` (Å), each with a
            ``_sigma``. NaN for all other atoms, and where neighbours are missing.

        Raises
        ------
        ValueError
            If there is no such column or species.

        Examples
        --------
        >>> from hyperspy_dlatoms import AtomPositions
        >>> rows, columns = np.mgrid[:4, :4]
        >>> corners = np.column_stack([rows.ravel(), columns.ravel()]) * 40.0
        >>> sites = np.zeros((32, 6))
        >>> sites[:, :2] = np.concatenate([corners, corners + [20.0, 21.0]])
        >>> sites[16:, 5] = 1
        >>> atoms = AtomPositions.from_frames(sites, sampling=0.1, species=["Sr", "Ti"])
        >>> atoms.polarisation("Ti", "Sr").to_dataframe().offset_x.mean().round(3)
        np.float64(0.1)
        """
        calibration = self._calibration
        column = calibration.at(by)
        ranges = [_range_of(one, by, calibration.species) for one in (of, among)]

        def offsets(sites: Sites) -> np.ndarray:
            value = sites.frame[:, column]
            both = ((value >= low) & (value <= high) for low, high in ranges)
            return np.column_stack(offsets_from_neighbours(*sites.places, *both))

        names = ("offset_y", "offset_x", "offset_y_sigma", "offset_x_sigma")
        return self._with_columns(offsets, names)

    def to_map(self, by: str, *, resolution: float = 10.0) -> Signal2D:
        """Map a column over the image: the local mean over the atoms around each point.

        Parameters
        ----------
        by : str
            The column, for example ``"e_xx"`` of :meth:`strain`.
        resolution : float, optional
            The width at half maximum (Å) of the Gaussian that weights the atoms around a point; if
            the column has a ``_sigma``, they are also weighted by its inverse square.

        Returns
        -------
        Signal2D
            With three points per resolution and the units of the image's axes; NaN where no atom is
            within the resolution. Lazy if the atoms are.

        Raises
        ------
        ValueError
            If there is no such column, the size of the image is not known, or the resolution is not
            a positive distance.

        Examples
        --------
        >>> from hyperspy_dlatoms import AtomPositions
        >>> rows, columns = np.mgrid[:8, :8]
        >>> sites = 19.6 * np.column_stack([rows.ravel(), columns.ravel()])
        >>> atoms = AtomPositions.from_frames(sites, sampling=0.1)
        >>> atoms.metadata.VectorMetadata.image_shape = [160, 160]
        >>> atoms.strain("median").to_map("e_xx", resolution=6)
        <Signal2D, title: e_xx, dimensions: (|8, 8)>
        """
        from hyperspy.signals import Signal2D

        calibration = self._calibration
        column = calibration.at(by)
        if not (np.isfinite(resolution) and resolution > 0):
            raise ValueError(f"resolution is {resolution}: expected a positive distance in Å.")
        step = np.maximum(resolution / _POINTS / calibration.sampling, 1)
        sizes = np.ceil(calibration.known_shape / step).astype(int)
        # Points in the middle of the pixels of the map, from the edge of the first one, px.
        grid = tuple(
            (np.arange(size) + 0.5) * one - 0.5 for size, one in zip(sizes, step, strict=True)
        )
        shape = int(sizes[0]), int(sizes[1])
        places = grid[0] * calibration.sampling[0], grid[1] * calibration.sampling[1]

        def of_frame(frame: np.ndarray) -> np.ndarray:
            sigma = calibration.values(frame, f"{by}_sigma")
            atoms = calibration.in_angstrom(frame)
            return column_map(atoms, frame[:, column], sigma, places, resolution)

        def stacked(maps: np.ndarray) -> np.ndarray:
            return np.array(list(maps.flat), float).reshape(*maps.shape, *shape)

        frames = map_frames(of_frame, self.data)
        single = self.axes_manager.navigation_dimension == 0
        if isinstance(frames, da.Array):
            data = da.map_blocks(
                stacked,
                frames,
                dtype=float,
                meta=np.empty((0,) * (frames.ndim + 2)),
                new_axis=[frames.ndim, frames.ndim + 1],
                chunks=(*frames.chunks, (shape[0],), (shape[1],)),
            )
        else:
            data = stacked(frames)
        axes = self.axes_manager._get_navigation_axes_dicts()
        scales = calibration.scales * step
        offsets = calibration.offsets + calibration.scales * [along[0] for along in grid]
        axes += [
            {"name": name, "size": size, "units": unit, "scale": scale, "offset": offset}
            for name, size, unit, scale, offset in zip(
                "yx", shape, calibration.units, scales, offsets, strict=True
            )
        ]
        result = Signal2D(data[0] if single else data, axes=axes)
        if isinstance(data, da.Array):
            result = result.as_lazy()
        result.metadata.General.title = by
        return result

    def frame_means(self) -> pd.DataFrame:
        """Return the number of atoms in each frame, and the mean of each column, over time.

        Returns
        -------
        pandas.DataFrame
            A row for each frame: ``atoms``; and for each column except positions, `species` and
            labels, its mean over the atoms for which it is known, and ``_error``, the standard
            error of that mean from the scatter of the atoms. Strains, rotations, offsets and
            distances are weighted by the inverse square of their ``_sigma``. The index holds the
            values of the navigation axes, or the frame number for axes without a name.

        See Also
        --------
        tracks : The columns of each atom along its track.

        Examples
        --------
        >>> from hyperspy_dlatoms import AtomPositions
        >>> frames = [np.array([[1.0, 2.0, 0.9], [3.0, 4.0, 0.7]]), np.array([[1.0, 2.0, 0.8]])]
        >>> AtomPositions.from_frames(frames, sampling=0.1).frame_means().round(3)
                 atoms  probability  probability_error
        index_0
        0            2          0.8                0.1
        1            1          0.8                NaN
        """
        import pandas as pd

        calibration = self._calibration
        left_out = {"y", "x", "species", "grain", "sublattice"}
        columns = [name for name in calibration.columns if name not in left_out]
        rows = []
        for frame in _export.each_frame(self.data):
            both = means(*weighted(frame, calibration.columns, columns))
            rows.append([len(frame), *np.transpose(both).flat])
        names = ["atoms", *(f"{name}{end}" for name in columns for end in ("", "_error"))]
        return pd.DataFrame(rows, self._navigation.table_index(names), columns=names)

    def _materials(self, material: str | ase.Atoms | None) -> tuple[str | ase.Atoms, ...]:
        """Return the requested material, checked, or those of the network."""
        if material is None:
            return tuple(self.metadata.get_item("VectorMetadata.materials", ()))
        cells_of(material)
        return (material,)

    def _like(
        self,
        data: np.ndarray | da.Array,
        columns: Sequence[str] | None = None,
        axes: list[dict] | None = None,
    ) -> Any:
        """Return a signal like this one with other frames, and perhaps other columns or axes."""
        if axes is None:
            axes = self.axes_manager._get_navigation_axes_dicts()
        # Entries for each frame may be dask arrays, which are kept as they are; lists are copied.
        vectors = {
            name: [*value] if isinstance(value, list) else value
            for name, value in self.metadata.VectorMetadata.as_dictionary().items()
        }
        if columns is not None:
            vectors["column_names"] = [*columns]
        metadata = self.metadata.deepcopy().as_dictionary() | {"VectorMetadata": vectors}
        return type(self)(data, axes=axes, metadata=metadata, ragged=True)  # type: ignore[call-arg]

    def _with_columns(
        self, function: Callable, names: Sequence[str], *others, left_out: Collection[str] = ()
    ) -> Any:
        """Return the atoms with columns that a function of each frame gives, old ones replaced."""
        calibration = self._calibration
        gone = {*names, *left_out}
        kept = [at for at, name in enumerate(calibration.columns) if name not in gone]

        def extended(frame: np.ndarray, *of_frame) -> np.ndarray:
            added = function(Sites(frame, calibration), *of_frame)
            return np.column_stack([frame[:, kept], added])

        data = map_frames(extended, self.data, *others)
        return self._like(data, [*(calibration.columns[at] for at in kept), *names])

    def _table_of(self, rows: Callable[[Sites], dict[str, np.ndarray]]) -> pd.DataFrame:
        """Return a table of what a function gives for each frame, with the navigation indices."""
        import pandas as pd

        calibration = self._calibration
        parts = [
            pd.DataFrame({"frame": number} | rows(Sites(frame, calibration)))
            for number, frame in enumerate(_export.each_frame(self.data))
        ]
        if not parts:
            none = rows(Sites(np.empty((0, len(calibration.columns))), calibration))
            parts.append(pd.DataFrame({"frame": 0} | none).iloc[:0])
        return _export.with_navigation(pd.concat(parts, ignore_index=True), self._navigation)

    def _reference_frames(self, reference: Physics) -> np.ndarray | da.Array:
        """Return the positions and errors (Å) of reference atoms, a frame for each of these."""
        calibration = reference._calibration
        frames = map_frames(lambda frame: Sites(frame, calibration).places, reference.data)
        if frames.shape == self.data.shape:
            return frames
        if frames.size != 1:
            raise ValueError(
                "The reference has the navigation shape "
                f"{reference.axes_manager.navigation_shape}, the atoms "
                f"{self.axes_manager.navigation_shape}: expected the same, or one frame."
            )
        one = np.asarray(frames).ravel()[0]
        return map_frames(lambda _: one, np.empty(self.data.shape, object))


def _strain_settings(reference: Any, calibration: _export.Calibration) -> dict[str, Any]:
    """Return the arguments of `lattice_strain` for a reference other than positions."""
    if reference is None:
        return {}
    if isinstance(reference, str):
        if reference != "median":
            raise ValueError(f"reference is {reference!r}: expected 'median', if a string.")
        return {"median": True}
    if isinstance(reference, list | tuple | np.ndarray):
        cell = np.asarray(reference, float)
        if cell.shape != (2, 2) or not np.isfinite(cell).all() or abs(np.linalg.det(cell)) < 1e-6:
            given = cell.tolist() if cell.shape == (2, 2) else f"of shape {cell.shape}"
            raise ValueError(
                f"reference is {given}: expected two translations (y, x) in Å that are not "
                "parallel, of shape (2, 2)."
            )
        return {"cell": cell}
    try:
        return {"region": in_regions([reference], calibration)}
    except TypeError as error:
        raise ValueError(
            f"reference is {reference!r}: expected None, 'median', a RectangularROI, CircleROI or "
            "PolygonROI, an array of two translations (2, 2) in Å, or AtomPositions."
        ) from error


def _range_of(value: Any, by: str, species: list[str]) -> tuple[float, float]:
    """Return the lowest and highest value that a sublattice has in a column."""
    if isinstance(value, str):
        if by != "species" or value not in species:
            raise ValueError(
                f"{value!r} is not known: expected a species, one of "
                f"{', '.join(species) or 'none'}; for another column, a value or its lowest and "
                "highest value."
            )
        return species.index(value), species.index(value)
    low, high = value if isinstance(value, tuple | list) else (value, value)
    if not low <= high:
        raise ValueError(f"The range is {value}: expected the lowest value first.")
    return low, high


def _check_cutoff(cutoff: float | None) -> None:
    if cutoff is not None and not (np.isfinite(cutoff) and cutoff > 0):
        raise ValueError(f"cutoff is {cutoff}: expected a positive distance in Å.")


def _warn_of_frames(some: int, number: int, what: str) -> None:
    """Warn of what some of the frames have, if there are any."""
    if some:
        which = "This frame has" if number == 1 else f"{some} of {number} frames have"
        warn(f"{which} {what}", DLAtomsWarning)


def _warn_of_another_lattice(unlike: int, number: int, material: str | ase.Atoms | None) -> None:
    if material is not None:
        name = material if isinstance(material, str) else material.get_chemical_formula()
        what = (
            f"no lattice of {name}, to 10 % in size and 5 % in shape: compare lattice() with the "
            "cell of the material, and check the sampling. Give a crystal viewed along z, without "
            "columns that are not found."
        )
        _warn_of_frames(unlike, number, what)
