# SPDX-License-Identifier: GPL-3.0-or-later
"""The example images that come with the package."""

from hyperspy.signals import Signal2D


def nanoparticle() -> Signal2D:
    """Return a noisy HRTEM image of a gold nanoparticle on ceria, 300 kV and 800 e/Å².

    Returns
    -------
    Signal2D
        Electrons per pixel, 512 x 512 px of 0.11 Å.

    See Also
    --------
    hyperspy_dlatoms.data.load_dataset : With the true columns, by the same name.

    Examples
    --------
    >>> from hyperspy_dlatoms import data
    >>> data.nanoparticle()
    <Signal2D, title: Nanoparticle, dimensions: (|512, 512)>
    """
    return _example("nanoparticle")


def graphene() -> Signal2D:
    """Return an HRTEM image of graphene with a grain boundary and vacancies, 80 kV, 6000 e/Å².

    Returns
    -------
    Signal2D
        Electrons per pixel.

    See Also
    --------
    hyperspy_dlatoms.data.load_dataset : With the true atoms, by the name graphene-image.

    Examples
    --------
    >>> from hyperspy_dlatoms import data
    >>> data.graphene()
    <Signal2D, title: Graphene with a grain boundary, dimensions: (|491, 491)>
    """
    return _example("graphene-image")


def focal_series() -> Signal2D:
    """Return three images of one sheet of graphene with vacancies, at three values of defocus.

    No network of the package reads it: those for focal series know MX2 layers (see `mos2_series`)
    and BN.

    Returns
    -------
    Signal2D
        Electrons per pixel, with the navigation axis `defocus` in nm.

    See Also
    --------
    hyperspy_dlatoms.data.load_dataset : With the true atoms, by the name focal-series.

    Examples
    --------
    >>> from hyperspy_dlatoms import data
    >>> data.focal_series()
    <Signal2D, title: Focal series of graphene, dimensions: (3|333, 333)>
    """
    return _example("focal-series")


def mos2_series() -> Signal2D:
    """Return three images of one layer of MoS2 with vacancies, at three values of defocus, 80 kV.

    Returns
    -------
    Signal2D
        Electrons per pixel, 10 000 e/Å² each, with the navigation axis `defocus` in nm.

    See Also
    --------
    hyperspy_dlatoms.data.load_dataset : With the true sites and their species, by the name
        mos2-series.

    Examples
    --------
    >>> from hyperspy_dlatoms import data
    >>> data.mos2_series()
    <Signal2D, title: Focal series of MoS2, dimensions: (3|333, 333)>
    """
    return _example("mos2-series")


def movie() -> Signal2D:
    """Return a short movie of a platinum particle that drifts and tilts, 300 kV, 1000 e/Å² a frame.

    Returns
    -------
    Signal2D
        Electrons per pixel, with the navigation axis `time` in s.

    See Also
    --------
    hyperspy_dlatoms.data.load_dataset : With the true columns, by the same name.

    Examples
    --------
    >>> from hyperspy_dlatoms import data
    >>> data.movie()
    <Signal2D, title: Movie of a drifting particle, dimensions: (12|240, 240)>
    """
    return _example("movie")


def _example(name: str) -> Signal2D:
    from hyperspy_dlatoms.data.datasets import load_dataset

    images, _ = load_dataset(name)
    images.compute(show_progressbar=False)
    return images
