# SPDX-License-Identifier: GPL-3.0-or-later
"""How bright each column is in the images in which it was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hyperspy_dlatoms._warnings import DLAtomsWarning, warn
from hyperspy_dlatoms.analysis._intensities import column_intensities as _of_image
from hyperspy_dlatoms.analysis._intensity_classes import intensity_classes
from hyperspy_dlatoms.detection.masking import mask_bad
from hyperspy_dlatoms.signals._axes import read_images
from hyperspy_dlatoms.signals._docstrings import filled

if TYPE_CHECKING:
    from hyperspy.signals import Signal2D

    from hyperspy_dlatoms.signals import AtomPositions
    from hyperspy_dlatoms.signals._frame_physics import Sites

COLUMNS = ("intensity", "intensity_sigma")

_DOUBT = 0.1  # Share of wrong columns beyond which the species are hardly worth counting.


@filled
def column_intensities(
    self: AtomPositions,
    signal: Signal2D,
    *,
    width: float | None = None,
    show_progressbar: bool | None = None,
    num_workers: int | None = None,
) -> AtomPositions:
    """Measure the integrated intensity of each column, without the background.

    In each image all columns are fitted together by Gaussians of one width at their positions, on a
    slowly varying background: for Z contrast, counting the atoms in columns, and vacancies.

    Parameters
    ----------
    signal : Signal2D
        The images in which the atoms were found, or a part of them, cropped or binned since: atoms
        outside are left out. Scanned images, or any others that show columns.
    width : float, optional
        The standard deviation of the Gaussians (Å), by default the one that fits each image best.
        To compare images from one microscope, give the same width for all.
    {SHOW_PROGRESSBAR}
    {NUM_WORKERS}

    Returns
    -------
    AtomPositions or LazyAtomPositions
        The same atoms with the columns ``intensity`` and ``intensity_sigma``, its standard
        deviation, in the unit of the images times Å²: scattering cross-sections if the images are
        fractions of the incident beam. Negative for columns darker than the gaps between them; NaN
        for columns whose pixels are masked. Lazy if the atoms or the images are.

    Raises
    ------
    {RAISES_PLACE}
    TypeError
        For complex images.

    See Also
    --------
    to_map : With ``by="intensity"``, its mean over several columns.
    hyperspy_dlatoms.analysis.column_intensities : The method.

    Notes
    -----
    The standard deviation is that of columns relative to each other, from noise, scan and misfit of
    the model. An error in the width changes all intensities of an image by one factor. Columns that
    were not found add to their neighbours or to the background.

    Examples
    --------
    >>> from hyperspy.signals import Signal2D
    >>> from hyperspy_dlatoms import AtomPositions
    >>> y, x = np.mgrid[:60, :60] * 0.1
    >>> s = Signal2D(7 + 5 * np.exp(-((y - 3) ** 2 + (x - 2) ** 2) / 2 / 0.4**2))
    >>> atoms = AtomPositions.from_frames(np.array([[30.0, 20.0]]), sampling=0.1)
    >>> atoms.column_intensities(s).to_dataframe().intensity.round(1)[0]
    np.float64(5.0)
    """
    if width is not None and not (np.isfinite(width) and width > 0):
        raise ValueError(f"width is {width}: expected a positive length in Å.")
    atoms = self._on(signal)
    lazy = atoms._lazy or signal._lazy
    frames = read_images(signal, float(np.sqrt(atoms._calibration.sampling.prod()))).frames
    if not atoms._lazy:
        atoms = atoms.as_lazy()
        atoms.data = atoms.data.rechunk(frames.chunks[:-2])

    def measure(sites: Sites, image: np.ndarray) -> np.ndarray:
        sampling = sites.calibration.sampling
        bad = mask_bad(image, float(np.sqrt(sampling.prod())))[1]
        found = _of_image(image, sites.frame[:, :2], sampling, bad, width)
        return np.column_stack([found.intensity, found.sigma])

    measured: AtomPositions = atoms._with_columns(measure, COLUMNS, frames)
    if not lazy:
        workers = {} if num_workers is None else {"num_workers": int(num_workers)}
        measured.compute(show_progressbar=show_progressbar, **workers)
    return measured


def classify_by_intensity(
    self: AtomPositions, species: Mapping[str, str] | Sequence[str]
) -> AtomPositions:
    """Identify columns of thin layers by their intensity in annular dark field (Z contrast).

    Parameters
    ----------
    species : mapping of str to str, or sequence of str
        The formula of the atoms in a column of each species, for example ``{"Mo": "Mo", "S": "S2",
        "S vacancy": "S"}``; formulas alone also serve as names. At least two, for all kinds of
        columns that there are.

    Returns
    -------
    AtomPositions or LazyAtomPositions
        The same atoms with the column ``species``, an index into
        ``metadata.VectorMetadata.species``, and ``probability_Mo``, ``probability_S_vacancy`` and
        so on, one for each. For columns without an intensity the probabilities are the shares of
        the species. Lazy if the atoms are.

    Raises
    ------
    ValueError
        If there are no intensities, see :meth:`column_intensities`, or a formula is not understood.

    Warns
    -----
    DLAtomsWarning
        If more than a tenth of the columns are likely to be wrong; not for lazy atoms.

    See Also
    --------
    species_counts : How many there are in each frame.
    hyperspy_dlatoms.analysis.intensity_classes : The method.

    Notes
    -----
    Each frame is treated separately; the scale of the intensities and the power of the atomic
    number are fitted. A site without any atom is not a column, so empty sites are not counted.

    Examples
    --------
    >>> from hyperspy_dlatoms import AtomPositions
    >>> atoms = AtomPositions.from_frames(np.zeros((4, 2)), sampling=0.1)
    >>> atoms.data[0] = np.column_stack([atoms.data[0], [2.0, 4.1, 4.0, 11.0], [0.2] * 4])
    >>> atoms.metadata.VectorMetadata.column_names += ["intensity", "intensity_sigma"]
    >>> species = {"Mo": "Mo", "S": "S2", "S vacancy": "S"}
    >>> atoms.classify_by_intensity(species).to_dataframe().species.tolist()
    ['S vacancy', 'S', 'S', 'Mo']
    """
    columns = self._calibration.columns
    if not set(COLUMNS) <= set(columns):
        raise ValueError("There are no intensities: use column_intensities first.")
    named = dict(species) if isinstance(species, Mapping) else {one: one for one in species}
    kinds = [_atomic_numbers(formula) for formula in named.values()]
    if len(kinds) < 2:
        raise ValueError(f"species is {species!r}: expected two or more.")
    names = ["species", *map(_probability_of, named)]
    before = {_probability_of(name) for name in self._calibration.species} - {*names}
    places = [columns.index(name) for name in COLUMNS]

    def classify(sites: Sites) -> np.ndarray:
        intensity, sigma = sites.frame[:, places].T
        probability = intensity_classes(intensity, sigma, kinds)
        return np.column_stack([probability.argmax(axis=1), probability])

    classified = self._with_columns(classify, names, left_out=before)
    classified.metadata.VectorMetadata.species = list(named)
    if not self._lazy:
        _warn_of_doubt(classified, len(kinds))
    return classified


def _probability_of(name: str) -> str:
    """Return the name of the column with the probability of a species."""
    return f"probability_{name.replace(' ', '_')}"


def _atomic_numbers(formula: str) -> list[int]:
    from ase.data import atomic_numbers
    from ase.formula import Formula

    try:
        counts = Formula(formula).count()
        return [atomic_numbers[symbol] for symbol, n in counts.items() for _ in range(n)]
    except (AssertionError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(
            f"A column is {formula!r}: expected the formula of its atoms, such as 'S2'."
        ) from error


def _warn_of_doubt(atoms: AtomPositions, kinds: int) -> None:
    doubt = np.concatenate([1 - frame[:, -kinds:].max(axis=1) for frame in atoms.data.flat])
    if len(doubt) and (wrong := float(doubt.mean())) > _DOUBT:
        warn(
            f"The intensities do not distinguish the species: {100 * wrong:.0f} % of the columns "
            "are likely to be wrong. See their probabilities.",
            DLAtomsWarning,
        )
