# SPDX-License-Identifier: GPL-3.0-or-later
"""The methods that the package puts on ``Signal2D``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hyperspy.signals import Signal2D

from hyperspy_dlatoms._warnings import DLAtomsWarning, warn
from hyperspy_dlatoms.signals._docstrings import filled

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from typing import Literal

    import ase
    import pandas as pd
    from hyperspy.signals import ComplexSignal2D

    from hyperspy_dlatoms.registry.catalogue import ModelLike
    from hyperspy_dlatoms.signals import AtomPositions

__all__ = [
    "classify_species",
    "ensemble_agreement",
    "estimate_sampling",
    "find_atoms_nn",
    "masked_pixels",
    "predict_atoms_nn",
    "predict_species",
    "reconstruct_exit_wave_nn",
    "suggest_model",
]


@filled
def find_atoms_nn(
    self: Signal2D,
    model: ModelLike = "auto",
    *,
    sampling: float | Literal["estimate"] | None = None,
    threshold: float | None = None,
    minimum_agreement: float | None = None,
    symmetrise: bool = False,
    on_extrapolation: Literal["warn", "raise", "ignore"] = "warn",
    show_progressbar: bool | None = None,
    num_workers: int | None = None,
    lazy_output: bool | None = None,
    store: str | os.PathLike[str] | None = None,
    interactive: bool = False,
    display: bool = True,
    toolkit: str | Sequence[str] | None = None,
) -> AtomPositions:
    """Find the atoms, or atomic columns, of every image with a neural network.

    Parameters
    ----------
    {MODEL}
        By default, ``"auto"``, windows of up to three images are shown to the networks of the
        package for single images, and the one that reads them best is used, see `suggest_model`.
    {SAMPLING}
    {THRESHOLD}
    minimum_agreement : float, optional
        The minimum fraction of the members of an ensemble that found a site: 0 returns what any of
        them found, 1 only what all of them found. By default sites are reported if their mean
        probability reaches `threshold`, or else the threshold of the ensemble in the registry, or
        the lowest of its members. A single network ignores it.
    {SYMMETRISE}
    on_extrapolation : {"warn", "raise", "ignore"}, default "warn"
        What to do about images outside the domain that the network was trained on, if its model
        file describes one.
    {ATOMS_OUTPUT}
    interactive : bool, default False
        Whether to choose the settings with widgets, as ``find_peaks`` of HyperSpy does: the image
        is plotted with its atoms, which follow the sliders. A click adds an atom, a click with the
        shift key removes the nearest one, and an area in which no atoms are reported can be drawn.
        The atoms of all images are found when OK is pressed; until then the returned signal holds
        none. Lazy atoms are computed if some were added or removed by hand.
    display, toolkit
        Of the widgets, as for :meth:`hyperspy.api.signals.Signal2D.find_peaks`.

    Returns
    -------
    AtomPositions or LazyAtomPositions
        A ragged signal with the navigation shape of the image. Each frame is a (n, k) float
        array, sorted by y and x; ``metadata.VectorMetadata.column_names`` names the columns: `y`,
        `x` (px, the centre of the first pixel at 0), `probability`, `y_sigma` and `x_sigma` (px),
        `species` for a network of several classes, `agreement`, the fraction of the members that
        found the site, for an ensemble, and `height` and `height_sigma`, the atoms in the column,
        if the network estimates them. ``metadata.VectorMetadata.domain`` has a score for
        each image, above 1 where it is unlike those that the network was trained on, if the network
        has a domain.

    Raises
    ------
    {RAISES_IMAGES}
    {RAISES_MODEL}
    {RAISES_STORE}
    ExtrapolationError
        With ``on_extrapolation="raise"``, for an image unlike those that the network was trained
        on; a lazy result raises it when it is computed.
    ImportError
        With ``interactive=True``, if there are no widgets: the extras ``gui-jupyter`` and
        ``gui-traitsui`` install them.

    Warns
    -----
    ExtrapolationWarning
        With ``on_extrapolation="warn"``, once for all images unlike those that the network was
        trained on, or that show a lattice which it does not find; a lazy result warns when it is
        computed. Also of scanned images (STEM, by the metadata) with a network for HRTEM, and vice
        versa. With ``model="auto"``, also of images that no network reads clearly; with a network
        for any crystal, also of images where the mean probability of its columns is below 0.84.
    SamplingWarning
        If the lattice of the atoms, one that the network knows, suggests a sampling more than 10 %
        off, or if the network finds its lattice at another sampling only.
    NothingFoundWarning
        If nothing was found in any of the images.
    MaskedPixelsWarning
        If bad pixels were masked.

    See Also
    --------
    classify_species : The same for focal series.
    suggest_model : Which network reads the images.
    estimate_sampling : The sampling of images without a calibration.
    ensemble_agreement : Where the members of an ensemble agree.
    predict_atoms_nn : The probability map in which the atoms are found.

    Examples
    --------
    {IMPORTS}
    >>> s = hs.load("movie.emd", lazy=True)  # doctest: +SKIP
    >>> atoms = s.find_atoms_nn("metal-nanoparticle")  # doctest: +SKIP
    >>> atoms.plot_on(s)  # doctest: +SKIP
    >>> atoms = s.find_atoms_nn("graphene", interactive=True)  # doctest: +SKIP
    """
    from hyperspy_dlatoms.signals import _blocks

    search = _blocks.SearchOptions(threshold, minimum_agreement, symmetrise, on_extrapolation)
    output = _blocks.Output(show_progressbar, num_workers, lazy_output, store)
    if interactive:
        from hyperspy_dlatoms.signals._atoms_tool import open_tool

        return open_tool(self, model, sampling, search, output, display=display, toolkit=toolkit)
    return _blocks.find_atoms(self, model, sampling, search, output)


@filled
def suggest_model(
    self: Signal2D,
    *,
    sampling: float | Literal["estimate"] | None = None,
    frames: int = 3,
) -> pd.DataFrame:
    """Compare the networks of the package on some of the images, and suggest one.

    Each network for single images is tried on a window of each image, around its sharpest lattice.
    Among the networks whose domain covers the images, it suggests the one that is surest of its
    sites and whose sites the others find too. Of two that find the same sites, it is the one made
    for the material, if the sites form its lattice; one that finds only a part of the crystal is
    left out. If ``metadata.Acquisition_instrument.TEM.acquisition_mode`` says how the images were
    made, only networks for such images are compared. If it does not, images along an axis called
    ``defocus`` are taken to be HRTEM; for all others the networks ``crystal`` and ``stem`` judge by
    the images how likely HRTEM and STEM are.

    Parameters
    ----------
    {SAMPLING}
    frames : int, default 3
        How many images, evenly spread, are shown.

    Returns
    -------
    pandas.DataFrame
        A row for each network, the suggested one first: whether it is the `chosen` one,
        `sites_per_nm2`, the mean `probability` of the sites, how like a `lattice` of the network's
        materials they are (1 for a crystal), the `domain` score (above 1 the images are unlike
        those that the network was trained on), why they are `outside`, and how `likely` it is that
        they were made the way the network is for, HRTEM or STEM (1 where the metadata say so, or
        nothing is known).

    Raises
    ------
    {RAISES_IMAGES}

    See Also
    --------
    find_atoms_nn : With ``model="auto"``, the atoms by the suggested network.

    Examples
    --------
    {IMPORTS}
    >>> from hyperspy_dlatoms import data
    >>> data.graphene().suggest_model().index[0]
    'graphene'
    """
    from hyperspy_dlatoms.signals import _blocks, _choice

    _blocks.check_count("frames", frames, "a whole number of images")
    return _choice.table(_choice.choose_model(self, sampling, frames)[0])


@filled
def predict_atoms_nn(
    self: Signal2D,
    model: ModelLike,
    *,
    sampling: float | Literal["estimate"] | None = None,
    symmetrise: bool = False,
    show_progressbar: bool | None = None,
    num_workers: int | None = None,
    lazy_output: bool | None = None,
) -> Signal2D:
    """Map the probability of an atom at every pixel, with a neural network.

    Parameters
    ----------
    {MODEL}
    {SAMPLING}
    {SYMMETRISE}
    {OUTPUT}

    Returns
    -------
    Signal2D or LazySignal2D
        Probability, float32, with the axes of the image; of an ensemble the mean of its members. A
        network of several classes adds a navigation axis ``species``, the fastest one;
        ``metadata.VectorMetadata.species`` names its entries.

    Raises
    ------
    {RAISES_IMAGES}
    {RAISES_MODEL}

    See Also
    --------
    find_atoms_nn : The atoms themselves.

    Examples
    --------
    {IMPORTS}
    >>> s = hs.load("sheet.dm4")  # doctest: +SKIP
    >>> maps = s.predict_atoms_nn("graphene")  # doctest: +SKIP
    """
    from hyperspy_dlatoms.signals import _blocks

    output = _blocks.Output(show_progressbar, num_workers, lazy_output)
    return _blocks.predict_atoms(self, model, sampling, symmetrise, output)


@filled
def ensemble_agreement(
    self: Signal2D,
    model: ModelLike = "metal-nanoparticle-ensemble",
    *,
    sampling: float | Literal["estimate"] | None = None,
    symmetrise: bool = False,
    show_progressbar: bool | None = None,
    num_workers: int | None = None,
    lazy_output: bool | None = None,
) -> Signal2D:
    """Map where the networks of an ensemble agree on whether there is an atom.

    Parameters
    ----------
    model : str, AtomEnsemble or list, default "metal-nanoparticle-ensemble"
        The name of an ensemble in the registry, or a list of names, paths or networks; a single
        network is a TypeError.
    {SAMPLING}
    {SYMMETRISE}
    {OUTPUT}

    Returns
    -------
    Signal2D or LazySignal2D
        Agreement, float32, with the axes of the image: 1 less twice the standard deviation of the
        members' probabilities. It is 1 where all agree that there is an atom, or that there is
        none, and 0 where half of them are certain of an atom and the others of none.

    Raises
    ------
    {RAISES_IMAGES}
    {RAISES_MODEL}

    See Also
    --------
    find_atoms_nn : The atoms themselves, each with the fraction of the members that found it.

    Examples
    --------
    {IMPORTS}
    >>> s = hs.load("particle.dm4")  # doctest: +SKIP
    >>> s.ensemble_agreement("metal-nanoparticle-ensemble").plot(vmin=0, vmax=1)  # doctest: +SKIP
    """
    from hyperspy_dlatoms.signals import _blocks

    output = _blocks.Output(show_progressbar, num_workers, lazy_output)
    return _blocks.map_agreement(self, model, sampling, symmetrise, output)


@filled
def masked_pixels(
    self: Signal2D,
    *,
    sampling: float | None = None,
    scanned: bool | None = None,
    show_progressbar: bool | None = None,
    num_workers: int | None = None,
    lazy_output: bool | None = None,
) -> Signal2D:
    """Return the pixels that are masked before a network sees an image.

    Parameters
    ----------
    {STATED_SAMPLING}
    scanned : bool, optional
        Whether the images are scanned (STEM) and searched by a network for STEM. If so, X-ray hits
        that a scintillator has blurred are not masked. By default it is read from the metadata.
    {OUTPUT}

    Returns
    -------
    Signal2D or LazySignal2D
        Bool, with the axes of the images: True where a pixel shows no image (NaN, areas of one
        value, faulty lines, outliers). Of the images of a focal series each has its own. Pixels at
        steps of brightness, such as the edge of a beam stop, that are set to the mean when an image
        is normalised, are not among them.

    Raises
    ------
    ValueError
        If the signal axes have no unit of length, are unequal or not uniform, or an argument is out
        of range.
    TypeError
        For complex or colour images.

    See Also
    --------
    find_atoms_nn : Warns of them, and has their fraction in its metadata.

    Examples
    --------
    {IMPORTS}
    >>> s = hs.load("aligned.hspy")  # doctest: +SKIP
    >>> s.masked_pixels().plot()  # doctest: +SKIP
    """
    from hyperspy_dlatoms.signals import _blocks

    output = _blocks.Output(show_progressbar, num_workers, lazy_output)
    return _blocks.map_masked(self, sampling, scanned, output)


@filled
def estimate_sampling(
    self: Signal2D,
    model: ModelLike = "metal-nanoparticle",
    *,
    material: str | ase.Atoms | None = None,
    frames: int = 3,
) -> float:
    """Estimate the sampling of images from the lattice of the atoms in them.

    The calibration of the images, if they have one, is not used.

    Parameters
    ----------
    {MODEL}
    material : str or ase.Atoms, optional
        The specimen: the symbol of an fcc metal, which is to be seen along [110] or [100];
        ``"graphene"``, ``"BN"``, ``"MoS2"``, ``"WS2"``, ``"MoSe2"`` or ``"WSe2"``; or any crystal,
        seen along z, with or without light columns, which the network may not find. By default the
        materials on the model card are tried, only those of ``metadata.Sample.elements`` if there
        are any; a network for any crystal, such as ``"crystal"`` or ``"stem"``, needs one.
    frames : int, default 3
        How many images, evenly spread, are used; the median is returned.

    Returns
    -------
    float
        Å/px.

    Raises
    ------
    SamplingError
        If it cannot be measured: there is no lattice, several fit equally well, or the result
        depends by more than 2 % on the material. A ValueError.
    ValueError
        If the material is not known, the model card names none, or an argument is out of range.
    TypeError
        For images or a material of an unknown kind.
    {RAISES_MODEL}

    See Also
    --------
    find_atoms_nn : With ``sampling="estimate"``, the atoms at once.

    Notes
    -----
    A support that is imaged alone, and has the same structure as the material, is taken for it. If
    the columns of a crystal with and without the light ones are one kind of lattice, as those of
    SrTiO3 along [100], the error lists both samplings: give the crystal of the columns that are
    seen.

    Examples
    --------
    {IMPORTS}
    >>> from ase import Atoms
    >>> columns = Atoms("SrTi", scaled_positions=[(0, 0, 0), (0.5, 0.5, 0.5)], cell=[3.905] * 3)
    >>> s = hs.load("haadf.dm4")  # doctest: +SKIP
    >>> s.estimate_sampling("stem", material=columns)  # doctest: +SKIP
    >>> s = hs.load("particle.tif")  # doctest: +SKIP
    >>> sampling = s.estimate_sampling("metal-nanoparticle", material="Pt")  # doctest: +SKIP
    >>> atoms = s.find_atoms_nn("metal-nanoparticle", sampling=sampling)  # doctest: +SKIP
    """
    from hyperspy_dlatoms.signals import _blocks

    return _blocks.estimate_sampling(self, model, material, frames)


@filled
def classify_species(
    self: Signal2D,
    model: ModelLike = "mos2-focal-series",
    *,
    material: str | None = None,
    focal_axis: str | int | None = None,
    defoci: Sequence[float] | None = None,
    align: bool = False,
    sampling: float | None = None,
    threshold: float | None = None,
    minimum_agreement: float | None = None,
    symmetrise: bool = False,
    on_extrapolation: Literal["warn", "raise", "ignore"] = "warn",
    show_progressbar: bool | None = None,
    num_workers: int | None = None,
    lazy_output: bool | None = None,
    store: str | os.PathLike[str] | None = None,
) -> AtomPositions:
    """Find atoms and vacancies, and their species, in focal series.

    One navigation axis holds the images of a series; the others are frames, so that the signal may
    be a movie of focal series.

    Parameters
    ----------
    {SERIES_MODEL}
    {LAYER}
    {FOCAL_SERIES}
    {STATED_SAMPLING}
    {THRESHOLD}
    minimum_agreement : float, optional
        The minimum fraction of the members of an ensemble that found a site, see `find_atoms_nn`.
    {SYMMETRISE}
    on_extrapolation : {"warn", "raise", "ignore"}, default "warn"
        What to do about defoci and images outside the domain that the network was trained on.
    {ATOMS_OUTPUT}

    Returns
    -------
    AtomPositions or LazyAtomPositions
        As from `find_atoms_nn`, with the navigation axes of the images but for the focal one;
        positions are in pixels of the middle image of the series. The columns are `y`, `x`,
        `probability` (of a site of any species), `y_sigma`, `x_sigma`; `species`, an index into
        ``metadata.VectorMetadata.species``; `agreement` for an ensemble; ``probability_Mo``,
        ``probability_S_vacancy`` and so on, of each species; `height` and `height_sigma`, the atoms
        in the column, if the network estimates them. ``metadata.VectorMetadata.drift`` has the
        measured shift of each image of a series against the middle one, y and x in px.

    Raises
    ------
    {RAISES_SERIES}
    {RAISES_MODEL}
    {RAISES_STORE}
    ExtrapolationError
        With ``on_extrapolation="raise"``, for defoci or images unlike those that the network was
        trained on; of images a lazy result raises it when it is computed.

    Warns
    -----
    ExtrapolationWarning
        With ``on_extrapolation="warn"``, of defoci and of images unlike those that the network was
        trained on; a lazy result warns of images when it is computed.
    DLAtomsWarning
        If a network for layers MX2 is not told the material, so that it may swap the species.
    DriftWarning
        Of images that are certainly misaligned by more than 1 Å, and with ``align=True`` of
        uncertain shifts; a lazy result warns when it is computed.
    FocalAxisWarning
        If several axes may be the focal one.
    SamplingWarning, NothingFoundWarning
        As `find_atoms_nn`.
    MaskedPixelsWarning
        If bad pixels were masked.

    See Also
    --------
    find_atoms_nn : The same for single images.
    predict_species : The probability maps in which the sites are found.

    Examples
    --------
    {IMPORTS}
    >>> series = hs.load("series.emd")  # doctest: +SKIP
    >>> sites = series.classify_species("mos2-focal-series", defoci=[-40, 0, 40])  # doctest: +SKIP
    >>> sites.to_dataframe().species.value_counts()  # doctest: +SKIP
    >>> sites.plot_on(series.inav[1], by="species")  # doctest: +SKIP
    """
    from hyperspy_dlatoms.signals import _blocks

    series = _blocks.Series(focal_axis, defoci, align)
    search = _blocks.SearchOptions(threshold, minimum_agreement, symmetrise, on_extrapolation)
    output = _blocks.Output(show_progressbar, num_workers, lazy_output, store)
    return _blocks.find_atoms(self, model, sampling, search, output, series, material)


@filled
def predict_species(
    self: Signal2D,
    model: ModelLike = "mos2-focal-series",
    *,
    material: str | None = None,
    focal_axis: str | int | None = None,
    defoci: Sequence[float] | None = None,
    align: bool = False,
    sampling: float | None = None,
    symmetrise: bool = False,
    show_progressbar: bool | None = None,
    num_workers: int | None = None,
    lazy_output: bool | None = None,
) -> Signal2D:
    """Map the probability of each species at every pixel of focal series.

    Parameters
    ----------
    {SERIES_MODEL}
    {LAYER}
    {FOCAL_SERIES}
    {STATED_SAMPLING}
    {SYMMETRISE}
    {OUTPUT}

    Returns
    -------
    Signal2D or LazySignal2D
        Probability, float32, on the pixels of the middle image of each series. The focal axis is
        replaced by a navigation axis ``species``, the fastest one;
        ``metadata.VectorMetadata.species`` names its entries. 1 minus their sum is the probability
        of the background.

    Raises
    ------
    {RAISES_SERIES}
    {RAISES_MODEL}

    Warns
    -----
    ExtrapolationWarning
        Of defoci unlike those that the network was trained on.
    DriftWarning
        Of images that are certainly misaligned by more than 1 Å, and with ``align=True`` of
        uncertain shifts; a lazy result warns when it is computed.

    See Also
    --------
    classify_species : The sites themselves.

    Examples
    --------
    {IMPORTS}
    >>> series = hs.load("series.emd")  # doctest: +SKIP
    >>> maps = series.predict_species("mos2-focal-series")  # doctest: +SKIP
    >>> maps.metadata.VectorMetadata.species  # doctest: +SKIP
    ['Mo', 'S', 'Mo vacancy', 'S vacancy']
    >>> maps.plot(vmin=0, vmax=1)  # doctest: +SKIP
    """
    from hyperspy_dlatoms.signals import _blocks

    series = _blocks.Series(focal_axis, defoci, align)
    output = _blocks.Output(show_progressbar, num_workers, lazy_output)
    return _blocks.predict_atoms(self, model, sampling, symmetrise, output, series, material)


@filled
def reconstruct_exit_wave_nn(
    self: Signal2D,
    model: ModelLike = "mos2-exit-wave",
    *,
    material: str | None = None,
    focal_axis: str | int | None = None,
    defoci: Sequence[float] | None = None,
    align: bool = False,
    sampling: float | None = None,
    symmetrise: bool = False,
    show_progressbar: bool | None = None,
    num_workers: int | None = None,
    lazy_output: bool | None = None,
) -> ComplexSignal2D:
    """Reconstruct the exit wave from focal series with a neural network.

    The aberrations of the lens need not be known: the network infers the wave from the images and
    from the kind of specimen that it was trained on.

    Parameters
    ----------
    model : str, pathlib.Path or AtomNetwork, default "mos2-exit-wave"
        The name of a network of exit waves in the registry, the path of a model file, or a loaded
        network.
    material : str, optional
        The formula of a layer MX2, such as ``"WS2"``, for ``mx2-exit-wave`` and others whose recipe
        has ``network.material``: they then need not infer how strongly the atoms scatter. By
        default the layer that ``metadata.Sample.elements`` can make. Other networks accept only
        what they were trained on, which changes nothing.
    {FOCAL_SERIES}
    {STATED_SAMPLING}
    {SYMMETRISE}
    {OUTPUT}

    Returns
    -------
    ComplexSignal2D or LazyComplexSignal2D
        The wave, complex64, with the navigation axes of the images but for the focal one, at the
        sampling that the network works at. Its mean intensity is about 1, and its mean phase about
        0, since the images do not determine a constant phase; spatial frequencies above 0.9 1/Å are
        left out. ``mx2-exit-wave`` gives the wave in the middle of the layer, ``mos2-exit-wave``
        some 5 Å behind it, and defoci are counted from there. NaN for a series of which an image
        shows nothing, such as a dark one. ``wave.amplitude`` and ``wave.phase`` are signals.

    Raises
    ------
    ValueError
        For a network that finds sites; if there is no such axis, it is not as long as the network
        expects, or there are not as many defoci; if the local mean of an image is not positive, as
        after a background subtraction; if the signal axes have no unit of length, are unequal or
        not uniform, or an argument is out of range.
    TypeError
        For complex or colour images, and defoci that are not numbers.
    {RAISES_MODEL}

    Warns
    -----
    ExtrapolationWarning
        Of defoci and of ``metadata.Sample.elements`` unlike those that the network was trained on,
        and of series of which an image shows noise alone, as with a closed shutter.
    DriftWarning
        Of images that are certainly misaligned by more than 1 Å.
    MaskedPixelsWarning, SamplingWarning
        If bad pixels were masked, or the sampling is outside what the network was trained on.

    See Also
    --------
    classify_species : The sites and their species, without a wave.

    Examples
    --------
    {IMPORTS}
    >>> series = hs.load("series.emd")  # doctest: +SKIP
    >>> wave = series.reconstruct_exit_wave_nn(defoci=[-40, 0, 40])  # doctest: +SKIP
    >>> wave.phase.plot()  # doctest: +SKIP
    """
    from hyperspy_dlatoms.signals import _blocks

    series = _blocks.Series(focal_axis, defoci, align)
    output = _blocks.Output(show_progressbar, num_workers, lazy_output)
    return _blocks.reconstruct_waves(self, model, sampling, symmetrise, output, series, material)


def attach_methods(signal_class: type = Signal2D) -> None:
    """Put the methods on a signal class, and so on its subclasses.

    An attribute of the same name that another package put there stays, with a warning.
    """
    package = __name__.partition(".")[0]
    for name in __all__:
        present = getattr(signal_class, name, None)
        owner = getattr(present, "__module__", None) or ""
        if present is None or owner.partition(".")[0] == package:
            setattr(signal_class, name, globals()[name])
        else:
            warn(
                f"{signal_class.__name__}.{name} already comes from {owner!r} and stays as it is; "
                f"call hyperspy_dlatoms.signals.methods.{name}(signal, ...) for ours.",
                DLAtomsWarning,
            )
