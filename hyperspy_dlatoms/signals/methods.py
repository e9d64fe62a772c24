# SPDX-License-Identifier: GPL-3.0-or-later
"""The methods that the package puts on ``Signal2D``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from hyperspy.signals import Signal2D

    from hyperspy_dlatoms.networks.network import AtomNetwork
    from hyperspy_dlatoms.signals import AtomPositions

__all__ = ["find_atoms_nn", "predict_atoms_nn"]


def find_atoms_nn(
    self: Signal2D,
    model: str | Path | AtomNetwork = "metal-nanoparticle",
    *,
    sampling: float | None = None,
    threshold: float | None = None,
    show_progressbar: bool | None = None,
    num_workers: int | None = None,
    lazy_output: bool | None = None,
) -> AtomPositions:
    """Find the atoms, or atomic columns, of every image with a neural network.

    Parameters
    ----------
    model : str, pathlib.Path or AtomNetwork, default "metal-nanoparticle"
        The name of a network in the registry, the path of a model file, or a loaded network.
    sampling : float, optional
        Å/px. Taken from the signal axes, in any unit of length, where it is not given.
    threshold : float, optional
        The least probability of a site, between 0 and 1; the model card's where not given.
    show_progressbar : bool, optional
        Whether to show a progress bar; HyperSpy's preference where not given.
    num_workers : int, optional
        How many frame blocks are worked on at once; dask's default where not given. For a lazy
        result give it to its ``compute``.
    lazy_output : bool, optional
        Whether to return a :class:`~hyperspy_dlatoms.LazyAtomPositions`, computed when it is asked
        for. As the signal is where not given.

    Returns
    -------
    AtomPositions or LazyAtomPositions
        A ragged signal with the navigation shape of the image. Each frame is a (n, k) float
        array, sorted by y and x; ``metadata.VectorMetadata.column_names`` names the columns: `y`,
        `x` (px, the centre of the first pixel at 0), `probability`, `y_sigma` and `x_sigma` (px),
        and `species` for a network of several classes.

    Raises
    ------
    ValueError
        Where the signal axes have no length unit, are unequal or not uniform, or where an
        argument is out of its range.
    TypeError
        For complex or colour images.
    RegistryError
        For a model that the registry does not know.
    FileNotFoundError
        For a model file that does not exist.

    See Also
    --------
    predict_atoms_nn : The probability map that the atoms are read from.

    Examples
    --------
    >>> import hyperspy.api as hs
    >>> import hyperspy_dlatoms
    >>> s = hs.load("movie.emd", lazy=True)  # doctest: +SKIP
    >>> atoms = s.find_atoms_nn("metal-nanoparticle")  # doctest: +SKIP
    >>> atoms.plot_on(s)  # doctest: +SKIP
    """
    from hyperspy_dlatoms.signals import blockwise

    return blockwise.find_atoms(
        self,
        model,
        sampling=sampling,
        threshold=threshold,
        output=blockwise.Output(show_progressbar, num_workers, lazy_output),
    )


def predict_atoms_nn(
    self: Signal2D,
    model: str | Path | AtomNetwork,
    *,
    sampling: float | None = None,
    show_progressbar: bool | None = None,
    num_workers: int | None = None,
    lazy_output: bool | None = None,
) -> Signal2D:
    """Filter every image with a neural network: the probability of an atom at every pixel.

    Parameters
    ----------
    model : str, pathlib.Path or AtomNetwork
        The name of a network in the registry, the path of a model file, or a loaded network.
    sampling : float, optional
        Å/px. Taken from the signal axes, in any unit of length, where it is not given.
    show_progressbar : bool, optional
        Whether to show a progress bar; HyperSpy's preference where not given.
    num_workers : int, optional
        How many frame blocks are worked on at once; dask's default where not given. For a lazy
        result give it to its ``compute``.
    lazy_output : bool, optional
        Whether to return a lazy signal. As the signal is where not given.

    Returns
    -------
    Signal2D or LazySignal2D
        Probability, float32, with the axes of the image. A network of several classes adds a
        navigation axis ``species``, the fastest one; ``metadata.VectorMetadata.species`` names
        its entries.

    Raises
    ------
    ValueError
        Where the signal axes have no length unit, are unequal or not uniform, or where an
        argument is out of its range.
    TypeError
        For complex or colour images.
    RegistryError
        For a model that the registry does not know.
    FileNotFoundError
        For a model file that does not exist.

    See Also
    --------
    find_atoms_nn : The atoms themselves.

    Examples
    --------
    >>> import hyperspy.api as hs
    >>> import hyperspy_dlatoms
    >>> s = hs.load("sheet.dm4")  # doctest: +SKIP
    >>> maps = s.predict_atoms_nn("graphene")  # doctest: +SKIP
    """
    from hyperspy_dlatoms.signals import blockwise

    return blockwise.predict_atoms(
        self,
        model,
        sampling=sampling,
        output=blockwise.Output(show_progressbar, num_workers, lazy_output),
    )
