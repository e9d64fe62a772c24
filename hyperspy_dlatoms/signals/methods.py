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
        The default, ``"auto"``, shows windows of up to three images to the package's single-image
        networks and uses the one that reads them best, see `suggest_model`.
    {SAMPLING}
    {THRESHOLD}
    minimum_agreement : float, optional
        The minimum fraction of an ensemble's members that must find a site: 0 returns what any of
        them found, 1 only what all found. By default a site is reported if its mean probability
        reaches `threshold` or, without one, the ensemble's threshold in the registry or the lowest
        of its members. Single networks ignore it.
    {SYMMETRISE}
    on_extrapolation : {"warn", "raise", "ignore"}, default "warn"
        What to do about images outside the network's training domain, if its model file describes
        one.
    {ATOMS_OUTPUT}
    interactive : bool, default False
        Whether to choose the settings with widgets, as in HyperSpy's ``find_peaks``: the image is
        plotted with its atoms, which follow the sliders. Click to add an atom, shift-click to
        remove the nearest one, or draw an area in which no atoms are reported. Pressing OK finds
        the atoms of all images; until then the returned signal holds none. Lazy atoms are computed
        if you added or removed any by hand.
    display, toolkit
        For the widgets, as in :meth:`hyperspy.api.signals.Signal2D.find_peaks`.

    Returns
    -------
    AtomPositions or LazyAtomPositions
        A ragged signal with the navigation shape of the images. Each frame is an (n, k) float
        array, sorted by y and x; ``metadata.VectorMetadata.column_names`` names the columns: `y`,
        `x` (px, the centre of the first pixel at 0), `probability`, `y_sigma` and `x_sigma` (px),
        `species` for a network with several classes; `agreement`, the fraction of members that
        found the site, for an ensemble; and `height` and `height_sigma`, the number of atoms in the
        column, if the network estimates it. If the network has a domain,
        ``metadata.VectorMetadata.domain`` holds a score for each image, above 1 if it is unlike the
        training images.

    Raises
    ------
    {RAISES_IMAGES}
    {RAISES_MODEL}
    {RAISES_STORE}
    ExtrapolationError
        With ``on_extrapolation="raise"``, for an image unlike the training images; a lazy result
        raises it when computed.
    ImportError
        With ``interactive=True``, if no widgets are installed: the extras ``gui-jupyter`` and
        ``gui-traitsui`` provide them.

    Warns
    -----
    ExtrapolationWarning
        With ``on_extrapolation="warn"``, once for all images that are unlike the training images or
        show a lattice that the network does not find; a lazy result warns when computed. Also if
        scanned images (STEM, according to the metadata) are searched by a network for HRTEM, or
        vice versa. With ``model="auto"``, also if no network reads the images clearly; with a
        network for any crystal, also if the mean probability of an image's columns is below 0.84.
    SamplingWarning
        If the atoms form a lattice that the network knows and that suggests a sampling more than
        10 % off, or if the network finds its lattice only at another sampling. Networks for any
        crystal know no lattice.
    NothingFoundWarning
        If nothing was found in any of the images.
    MaskedPixelsWarning
        If bad pixels were masked.

    See Also
    --------
    classify_species : The same for focal series.
    suggest_model : Which network reads the images best.
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

    Each single-image network is tried on a window around the sharpest lattice of each image. Among
    the networks whose domain covers the images, the one suggested is surest of its sites and finds
    sites that the others find too. If two find the same sites, the one made for the material is
    suggested, provided the sites form its lattice; one that finds only part of the crystal is left
    out. If ``metadata.Acquisition_instrument.TEM.acquisition_mode`` says how the images were made,
    only networks for such images are compared. Otherwise images along an axis called ``defocus`` or
    ``focus`` are taken to be HRTEM; for all others the networks ``crystal`` and ``stem`` judge from
    the images how likely HRTEM and STEM are.

    Parameters
    ----------
    {SAMPLING}
    frames : int, default 3
        How many evenly spaced images to show the networks.

    Returns
    -------
    pandas.DataFrame
        A row for each network, the suggested one first: whether it was `chosen`; `sites_per_nm2`;
        the mean `probability` of the sites; how closely they match a `lattice` of the network's
        materials (1 for a crystal); the `domain` score (above 1 the images are unlike the training
        images); why they are `outside`; and how `likely` it is that they are of the network's kind,
        HRTEM or STEM (1 if the metadata say so, or nothing is known).

    Raises
    ------
    {RAISES_IMAGES}

    See Also
    --------
    find_atoms_nn : With ``model="auto"``, finds the atoms with the suggested network.

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
        Probability, float32, with the axes of the image; for an ensemble, the mean of its members.
        A network with several classes adds a navigation axis ``species``, the fastest one;
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
        network raises a TypeError.
    {SAMPLING}
    {SYMMETRISE}
    {OUTPUT}

    Returns
    -------
    Signal2D or LazySignal2D
        Agreement, float32, with the axes of the image: 1 minus twice the standard deviation of the
        members' probabilities. It is 1 where all agree on an atom or on none, and 0 where half are
        certain of an atom and half of none.

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
        that a scintillator has blurred are not masked. By default taken from the metadata.
    {OUTPUT}

    Returns
    -------
    Signal2D or LazySignal2D
        Bool, with the axes of the images: True where a pixel shows no image (NaN, areas of one
        value, faulty lines, outliers). Each image of a focal series has its own mask. Pixels at
        steps in brightness, such as the edge of a beam stop, which are set to the mean when an
        image is normalised, are not included.

    Raises
    ------
    ValueError
        If the signal axes have no unit of length, are unequal or not uniform, or an argument is out
        of range.
    TypeError
        For complex or colour images, and a sampling that is not a number.

    See Also
    --------
    find_atoms_nn : Warns of masked pixels and records their fraction in the metadata.

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
    """Estimate the sampling of images from the lattice of their atoms.

    Any calibration of the images is ignored.

    Parameters
    ----------
    {MODEL}
    material : str or ase.Atoms, optional
        The specimen: the symbol of an fcc metal, viewed along [110] or [100]; ``"graphene"``,
        ``"BN"``, ``"MoS2"``, ``"WS2"``, ``"MoSe2"`` or ``"WSe2"``; or any crystal, viewed along z,
        with or without light columns, which the network may miss. By default the materials on the
        model card are tried, or only those of ``metadata.Sample.elements`` if any match; networks
        for any crystal, such as ``"crystal"`` or ``"stem"``, need a material.
    frames : int, default 3
        How many evenly spaced images to use; the median is returned.

    Returns
    -------
    float
        Å/px.

    Raises
    ------
    SamplingError
        If the sampling cannot be measured: there is no lattice, several fit equally well, or the
        result varies by more than 2 % with the material. A ValueError.
    ValueError
        If the material is unknown, the model card names none, an argument is out of range, or the
        network takes focal series.
    TypeError
        For images or a material of an unsupported kind.
    {RAISES_MODEL}

    See Also
    --------
    find_atoms_nn : With ``sampling="estimate"``, measures the sampling and finds the atoms.

    Notes
    -----
    A support imaged on its own is mistaken for the material if it has the same structure. If a
    crystal forms the same kind of lattice with and without its light columns, as SrTiO3 does along
    [100], the error lists both samplings: give a crystal of the visible columns only.

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
    """Find atoms and vacancies, and identify their species, in focal series.

    One navigation axis holds the images of a series; any others are frames, so the signal may be a
    movie of focal series.

    Parameters
    ----------
    {SERIES_MODEL}
    {LAYER}
    {FOCAL_SERIES}
    {STATED_SAMPLING}
    {THRESHOLD}
    minimum_agreement : float, optional
        The minimum fraction of an ensemble's members that must find a site, see `find_atoms_nn`.
    {SYMMETRISE}
    on_extrapolation : {"warn", "raise", "ignore"}, default "warn"
        What to do about defoci and images outside the network's training domain.
    {ATOMS_OUTPUT}

    Returns
    -------
    AtomPositions or LazyAtomPositions
        As from `find_atoms_nn`, with the navigation axes of the images except the focal one;
        positions are in pixels of the middle image of the series. The columns are `y`, `x`,
        `probability` (of a site of any species), `y_sigma`, `x_sigma`; `species`, an index into
        ``metadata.VectorMetadata.species``; `agreement` for an ensemble; ``probability_Mo``,
        ``probability_S_vacancy`` and so on, one for each species; `height` and `height_sigma`, the
        number of atoms in the column, if the network estimates it.
        ``metadata.VectorMetadata.drift`` holds the measured shift of each image of a series
        relative to the middle one, y and x in px.

    Raises
    ------
    {RAISES_SERIES}
    {RAISES_MODEL}
    {RAISES_STORE}
    ExtrapolationError
        With ``on_extrapolation="raise"``, for defoci or images unlike the training data; for
        images, a lazy result raises it when computed.

    Warns
    -----
    ExtrapolationWarning
        With ``on_extrapolation="warn"``, if defoci or images are unlike the training data; a lazy
        result warns of images when computed.
    DLAtomsWarning
        If a network for MX2 layers is not told the material and so may swap the species.
    DriftWarning
        If images are misaligned by more than 1 Å or, with ``align=True``, shifts are
        uncertain; a lazy result warns when computed.
    FocalAxisWarning
        If several axes could be the focal one.
    SamplingWarning, NothingFoundWarning
        As in `find_atoms_nn`.
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
        If defoci are unlike the training data.
    DriftWarning
        If images are misaligned by more than 1 Å or, with ``align=True``, shifts are
        uncertain; a lazy result warns when computed.

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
        The name of an exit-wave network in the registry, the path of a model file, or a loaded
        network.
    material : str, optional
        The formula of an MX2 layer, such as ``"WS2"``, for ``mx2-exit-wave`` and other networks
        whose recipe has ``network.material``: they then need not infer how strongly the atoms
        scatter. By default the layer that ``metadata.Sample.elements`` can make. Other networks
        accept only the material they were trained on, which changes nothing.
    {FOCAL_SERIES}
    {STATED_SAMPLING}
    {SYMMETRISE}
    {OUTPUT}

    Returns
    -------
    ComplexSignal2D or LazyComplexSignal2D
        The wave, complex64, with the navigation axes of the images except the focal one, at the
        network's own sampling. Its mean intensity is about 1, and its mean phase about 0, since the
        images do not determine a constant phase; spatial frequencies above 0.9 1/Å are left out.
        ``mx2-exit-wave`` gives the wave in the middle of the layer, ``mos2-exit-wave`` some 5 Å
        behind it, and defoci are counted from there. NaN for a series in which an image shows
        nothing, such as a dark one. ``wave.amplitude`` and ``wave.phase`` are signals.

    Raises
    ------
    ValueError
        For a network that finds sites; if the focal axis does not exist or is not as long as the
        network expects, or the number of defoci differs; if the local mean of an image is not
        positive, as after background subtraction; if the signal axes have no unit of length, are
        unequal or not uniform, or an argument is out of range.
    TypeError
        For complex or colour images, and defoci that are not numbers.
    {RAISES_MODEL}

    Warns
    -----
    ExtrapolationWarning
        If defoci or ``metadata.Sample.elements`` are unlike the training data, or an image of a
        series shows only noise, as with a closed shutter.
    DriftWarning
        If images are misaligned by more than 1 Å.
    MaskedPixelsWarning, SamplingWarning
        If bad pixels were masked, or the sampling is outside the network's training range.

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
