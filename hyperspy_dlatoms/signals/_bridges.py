# SPDX-License-Identifier: GPL-3.0-or-later
"""Atoms in the forms that other packages take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import uniform_filter

from hyperspy_dlatoms._atomic_write import atomic_write
from hyperspy_dlatoms._extras import require
from hyperspy_dlatoms.analysis._grains import nearest_distance
from hyperspy_dlatoms.signals import _export
from hyperspy_dlatoms.signals._colours import PALETTE
from hyperspy_dlatoms.signals._docstrings import filled
from hyperspy_dlatoms.signals._mapping import map_frames

if TYPE_CHECKING:
    import os

    import ase
    from hyperspy.signals import Signal2D

    from hyperspy_dlatoms.signals import AtomPositions


@filled
def to_ase(
    self: AtomPositions,
    element: str | None = None,
    signal: Signal2D | None = None,
    *,
    thickness: float = 10.0,
    y_up: bool = True,
) -> ase.Atoms | list[ase.Atoms]:
    """Return the atoms for ASE, in Å: image x along x, image rows downwards, z = 0.

    Parameters
    ----------
    {STRUCTURE}

    Returns
    -------
    ase.Atoms or list of ase.Atoms
        One for a signal without navigation axes, else a list in the order of the data. The cell is
        the image times the thickness, not periodic; the origin is the centre of its lower left
        pixel, or with ``y_up=False`` of its upper left one, which is also 0 along y if the size of
        the image is not known. `y_sigma` and `x_sigma` become arrays in Å, the other columns arrays
        as they are.

    Raises
    ------
    {RAISES_PLACE}

    Examples
    --------
    >>> from hyperspy_dlatoms import AtomPositions
    >>> atoms = AtomPositions.from_frames(np.array([[10.0, 5.0, 0.9]]), sampling=0.2)
    >>> atoms.metadata.VectorMetadata.image_shape = [51, 51]
    >>> atoms.to_ase("Au").positions
    array([[1., 8., 0.]])
    """
    frames, calibration, _ = self._on(signal)._for_tables()
    models = [_structure(frame, calibration, element, thickness, y_up) for frame in frames.flat]
    return models if self.axes_manager.navigation_dimension else models[0]


@filled
def to_xyz(
    self: AtomPositions,
    path: str | os.PathLike[str],
    element: str | None = None,
    signal: Signal2D | None = None,
    *,
    thickness: float = 10.0,
    y_up: bool = True,
) -> None:
    """Write the structures of :meth:`to_ase` to an extended XYZ file.

    OVITO, ASE and others read it. Lazy atoms are found and written a few frames at a time.

    Parameters
    ----------
    {PATH}
    {STRUCTURE}

    Examples
    --------
    >>> atoms.to_xyz("atoms.xyz", "Au")  # doctest: +SKIP
    """
    import ase.io

    atoms = self._on(signal)
    said = atoms._calibration, element, thickness, y_up
    with atomic_write(Path(path)) as draft, draft.open("w", encoding="utf-8") as file:
        for frames in _export.slabs(atoms.data):
            structures = [_structure(frame, *said) for frame in frames.flat]
            ase.io.write(file, structures, format="extxyz")


def to_atomap(self: AtomPositions, signal: Signal2D, *, dark: bool | None = None) -> Any:
    """Return the atoms of one image for Atomap, one sublattice per species.

    Atomap refines positions by fitting bright Gaussians to the image of a sublattice: for dark
    atoms this is the negative of the image. Either is shifted so that its minimum is 0; pixels
    without a value (NaN) get the median.

    Parameters
    ----------
    signal : Signal2D
        The image in which the atoms were found; its current axes are used.
    dark : bool, optional
        Whether the atoms are dark; by default measured: whether the image is darker on average at
        the atoms than around them.

    Returns
    -------
    atomap.atom_lattice.Atom_Lattice
        Its ``sublattice_list`` has an ``atomap.sublattice.Sublattice`` for each species with atoms,
        by its name, with the scale and the units of the image.

    Raises
    ------
    ValueError
        If there is more than one frame or no atom, or the image does not fit, see :meth:`plot_on`.
    MissingExtraError
        Without Atomap; an ImportError.

    Examples
    --------
    >>> lattice = atoms.to_atomap(s)  # doctest: +SKIP
    >>> lattice.sublattice_list[0].construct_zone_axes()  # doctest: +SKIP
    """
    require("atomap", extra="bridges", what="Handing atoms to Atomap")
    from atomap import api

    if self.axes_manager.navigation_dimension:
        raise ValueError(
            f"The atoms have the navigation shape {self.axes_manager.navigation_shape}: Atomap "
            "takes one image. Pick the same frame of atoms and images with inav."
        )
    atoms = self._on(signal)
    frames, calibration, _ = atoms._for_tables()
    frame = frames.ravel()[0]
    if not len(frame):
        raise ValueError("There are no atoms, and Atomap cannot make an empty sublattice.")
    image = _with_bright_atoms(signal.data, frame[:, :2], dark)
    species = calibration.values(frame, "species")
    kinds = np.zeros(len(frame), int) if species is None else species.astype(int)
    names = calibration.species or ["atoms"]
    unit = calibration.units[1]
    sublattices = [
        api.Sublattice(
            frame[kinds == kind][:, 1::-1],
            image,
            name=names[kind],
            color=PALETTE[kind % len(PALETTE)],
            pixel_size=abs(calibration.scales[1]) if unit else calibration.sampling[1],
            units=unit or "Å",
        )
        for kind in np.unique(kinds)
    ]
    return api.Atom_Lattice(image, names[0], sublattices)


@filled
def to_freud(self: AtomPositions, signal: Signal2D | None = None) -> Any:
    """Return the atoms for freud, in Å: a non-periodic box, and points from its centre.

    Parameters
    ----------
    {IMAGES}

    Returns
    -------
    tuple or list of tuple
        ``(freud.box.Box, points)``, points of shape (n, 3), float32, z = 0, y upwards, in the order
        of the rows: a *system* for freud's functions. One for a signal without navigation axes,
        else a list in the order of the data.

    Raises
    ------
    {RAISES_PLACE}
    MissingExtraError
        Without freud; an ImportError.

    Examples
    --------
    >>> system = atoms.to_freud()  # doctest: +SKIP
    >>> freud.order.Hexatic(k=6).compute(system).order  # doctest: +SKIP
    """
    require("freud", extra="bridges", what="Handing atoms to freud")
    frames, calibration, _ = self._on(signal)._for_tables()
    systems = [_freud_system(frame, calibration) for frame in frames.flat]
    return systems if self.axes_manager.navigation_dimension else systems[0]


@filled
def to_pyxem(self: AtomPositions, signal: Signal2D | None = None) -> Any:
    """Return the atoms as pyxem vectors, in the units of the image's axes.

    pyxem's clustering, slicing and plots of vectors work on them; it calls them diffraction
    vectors, which makes no difference.

    Parameters
    ----------
    {IMAGES}

    Returns
    -------
    pyxem.signals.DiffractionVectors
        Ragged, with ``column_names``, ``units``, ``scales`` and ``offsets`` for each column; for
        positions they are such that ``pixel_vectors`` are in pixels. Lazy atoms are computed.

    Raises
    ------
    {RAISES_PLACE}
    MissingExtraError
        Without pyxem; an ImportError.

    Examples
    --------
    >>> vectors = atoms.to_pyxem()  # doctest: +SKIP
    >>> vectors.ivec["probability"]  # doctest: +SKIP
    """
    require("pyxem", extra="pyxem", what="Handing atoms to pyxem")
    from pyxem.signals import DiffractionVectors

    atoms = self._on(signal)
    frames, calibration, _ = atoms._for_tables()
    scale_of = np.ones(len(calibration.columns))
    offset_of = np.zeros(len(calibration.columns))
    scale_of[:2], offset_of[:2] = calibration.scales, calibration.offsets
    units = [*calibration.units, *[""] * (len(scale_of) - 2)]
    for at, name in enumerate(("y_sigma", "x_sigma")):
        if name in calibration.columns:
            scale_of[calibration.columns.index(name)] = abs(calibration.scales[at])
            units[calibration.columns.index(name)] = calibration.units[at]
    data = map_frames(lambda frame: offset_of + scale_of * frame, frames)
    return DiffractionVectors(
        data,
        axes=atoms.axes_manager._get_navigation_axes_dicts() or [{"size": 1, "navigate": True}],
        ragged=True,
        column_names=list(calibration.columns),
        units=units,
        scales=scale_of,
        offsets=offset_of,
    )


def _structure(
    frame: np.ndarray,
    calibration: _export.Calibration,
    element: str | None,
    thickness: float,
    y_up: bool,
) -> ase.Atoms:
    """Return the atoms of a frame for ASE, see `to_ase`."""
    import ase
    from ase.data import atomic_numbers

    if not (np.isfinite(thickness) and thickness > 0):
        raise ValueError(f"thickness is {thickness}: expected a positive length in Å.")
    if element is not None and element not in atomic_numbers:
        raise ValueError(f"element is {element!r}: expected a chemical symbol such as 'Au'.")
    columns = {name: frame[:, at] for at, name in enumerate(calibration.columns)}
    if element is not None:
        symbols = [element] * len(frame)
    else:
        species = calibration.species or ["X"]
        names = [species[int(one)] for one in columns.get("species", np.zeros(len(frame)))]
        symbols = [name if name in atomic_numbers else "X" for name in names]
    sampling, size = calibration.sampling, calibration.image_shape
    y, x = calibration.in_angstrom(frame).T
    if y_up:
        # Rows of images count downwards, y of structures upwards.
        y = (0.0 if size is None else (size[0] - 1) * sampling[0]) - y
    atoms = ase.Atoms(symbols, positions=np.column_stack([x, y, np.zeros(len(frame))]))
    if size is not None:
        atoms.cell = [size[1] * sampling[1], size[0] * sampling[0], thickness]
    in_angstrom = dict(zip(("y_sigma", "x_sigma"), sampling, strict=True))
    for name, values in columns.items():
        if name not in ("y", "x", "species"):
            atoms.set_array(name, values * in_angstrom.get(name, 1.0))
    return atoms


def _with_bright_atoms(image: Any, places: np.ndarray, dark: bool | None) -> np.ndarray:
    """Return an image, or its negative if the atoms, (y, x) in px, are dark; its minimum is 0."""
    # The Gaussians are fitted without a background below 0, and without NaN.
    image = np.array(image, np.float64)
    known = np.isfinite(image)
    image[~known] = np.median(image[known])
    if dark is None:
        dark = _are_dark(image, places)
    return image.max() - image if dark else image - image.min()


def _are_dark(image: np.ndarray, places: np.ndarray) -> bool:
    """Whether an image is darker at atoms, (y, x) in px, than around them."""
    spacing = nearest_distance(places) or 3.0
    about = uniform_filter(image, 2 * max(round(spacing), 1) + 1)
    y, x = np.clip(np.rint(places).astype(int), 0, np.array(image.shape) - 1).T
    return bool((uniform_filter(image, 3)[y, x] - about[y, x]).mean() < 0)


def _freud_system(frame: np.ndarray, calibration: _export.Calibration) -> tuple[Any, np.ndarray]:
    """Return a freud box around the image, or around the atoms, and the points in it."""
    import freud

    places = calibration.in_angstrom(frame)
    about = places.min(axis=0, initial=0.0) - 1, places.max(axis=0, initial=0.0) + 1
    low, high = calibration.window or about
    height, width = high - low
    y, x = (places - (low + high) / 2).T
    box = freud.box.Box(Lx=width, Ly=height, is2D=True)
    box.periodic = False
    return box, np.column_stack([x, -y, np.zeros(len(frame))]).astype(np.float32)
