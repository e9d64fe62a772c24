# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts shared by the docstrings of several methods, written once.

A line ``{NAME}`` in the docstring of a method decorated with `filled` stands for the text.
"""

import re
from collections.abc import Callable
from textwrap import indent
from typing import TypeVar

_Method = TypeVar("_Method", bound=Callable)

_TEXTS = {
    "MODEL": """\
model : str, pathlib.Path, AtomNetwork or list
    The name of a network or an ensemble in the registry, the path of a model file, a loaded
    network, or a list of these, which are applied to each image as an ensemble.""",
    "SERIES_MODEL": """\
model : str, pathlib.Path, AtomNetwork or list
    The name of a focal-series network, or of an ensemble of them, in the registry, the path of
    a model file, a loaded network, or a list of these, which are applied to each series as an
    ensemble.""",
    "SAMPLING": """\
sampling : float or "estimate", optional
    Å/px; by default that of the signal axes, in any unit of length. ``"estimate"`` first
    measures it in the images, see `estimate_sampling`.""",
    "STATED_SAMPLING": """\
sampling : float, optional
    Å/px; by default that of the signal axes, in any unit of length.""",
    "THRESHOLD": """\
threshold : float, optional
    The minimum probability of a site, between 0 and 1; by default that on the model card. Most
    cards also have an upper threshold: weak sites are kept only if they are connected to at
    least one that reaches it (hysteresis thresholding). Sites count as connected up to a
    distance given on the card, by default twice the minimum distance. A threshold that you give
    applies to each site on its own. Each member of an ensemble uses this threshold or, by
    default, those on its own card.""",
    "SYMMETRISE": """\
symmetrise : bool, default False
    Whether to average over the eight rotations by 90° and reflections of the image, so that its
    orientation does not matter. It takes eight times as long.""",
    "SHOW_PROGRESSBAR": """\
show_progressbar : bool, optional
    Whether to show a progress bar; by default as in HyperSpy's preferences.""",
    "NUM_WORKERS": """\
num_workers : int, optional
    How many blocks of frames to process at once; by default dask decides. For a lazy result
    pass it to ``compute``.""",
    "LAZY_OUTPUT": """\
lazy_output : bool, optional
    Whether to return a lazy signal; by default only if the input is lazy.""",
    "LAZY_ATOMS": """\
lazy_output : bool, optional
    Whether to return a :class:`~hyperspy_dlatoms.LazyAtomPositions`, computed on demand; by
    default only if the input is lazy.
store : str or os.PathLike, optional
    A directory for a checkpoint: the atoms of each block of frames are written to it as they
    are found, immediately even if the result is lazy. Calling again with the same images and
    arguments resumes an interrupted search, even after a power failure. A lazy result reads
    from the directory, so memory does not grow with the number of frames; keep it as long as
    the result is lazy. With ``lazy_output=True`` nothing is computed until it is needed, and
    blocks that this or another process has written by then are read.""",
    "FOCAL_SERIES": """\
focal_axis : str or int, optional
    The navigation axis along which the images of a series lie, by name or by index in
    ``axes_manager``; by default the axis called ``defocus`` (or ``focus``), else the last
    navigation axis of the array that is as long as the network expects, which is printed first.
    If several fit, a warning names the one used.
defoci : sequence of float, optional
    The defocus of each image in Å (positive is underfocus), in the order of the axis, which may
    rise or fall; by default read from a focal axis that is called ``defocus`` and has a unit of
    length; otherwise the network does without.
align : bool, default False
    Whether to align the images of a series to the middle one first, to fractions of a pixel.
    Pixels outside an image are filled with its mean. Shifts are known only up to a period of
    the lattice: of those that fit equally well, the smallest is used.""",
    "LAYER": """\
material : str, optional
    The formula of an MX2 layer, such as ``"WS2"``, for a network whose species are ``metal``
    and ``chalcogen``: it is told the elements, so it does not mistake one for the other, and
    the species are named after them. By default the layer that ``metadata.Sample.elements`` can
    make. Without either, the network judges from the images, and the species keep the names
    ``metal`` and ``chalcogen``.""",
    "RAISES_MODEL": """\
RegistryError
    For a model that is not in the registry, or an ensemble with a missing member.
FileNotFoundError
    For a model file that does not exist.""",
    "RAISES_IMAGES": """\
SamplingError
    With ``sampling="estimate"``, if it cannot be measured; a ValueError.
ValueError
    If the signal axes have no unit of length, are unequal or not uniform, an argument is out of
    range, or the networks of a list do not fit together or take focal series.
TypeError
    For complex or colour images.""",
    "RAISES_SERIES": """\
ValueError
    If the focal axis does not exist or is not as long as the network expects, or the number of
    defoci differs; for a single-image network; if the signal axes have no unit of length, are
    unequal or not uniform, an argument is out of range, or the networks of a list do not fit
    together.
TypeError
    For complex or colour images, and defoci that are not numbers.""",
    "RAISES_STORE": """\
OSError
    If the checkpoint cannot be written; its contents are kept. A ValueError if it belongs to
    another search.""",
    "BORDER": """\
border : float, optional
    Width (Å) of the margin to leave out along each edge of the image.""",
    "MATERIAL": """\
material : str or ase.Atoms, optional
    The symbol of an fcc metal, viewed along [110] or [100], the name of a sheet such as
    ``"graphene"`` or ``"MoS2"``, or a crystal, viewed along z. By default the most likely of
    those on the network's card, if there are any.""",
    "RAISES_MATERIAL": """\
ValueError
    For an unknown name of a material, or a crystal without two periods across z; a TypeError
    for anything else.""",
    "CUTOFF": """\
cutoff : float, optional
    The largest distance between neighbours (Å); by default the first gap in the distances of
    each frame.""",
    "VORONOI": """\
voronoi : bool, default False
    Whether neighbours are atoms whose Voronoi cells share a side, by default up to twice the
    cut-off, instead of all atoms within it.""",
    "IMAGES": """\
signal : Signal2D, optional
    The images in which the atoms were found. Their current axes are used, even if they were
    calibrated, cropped or binned since the search; by default the axes at the time of the
    search.""",
    "RAISES_PLACE": """\
ValueError
    If the images have another navigation shape, or another size and axes that do not say which
    part they are.""",
    "UNITS": """\
units : {"nm", "pm", "angstrom", "px"}, optional
    The unit of all lengths, which the column names carry; by default the columns of earlier
    releases are included as well.""",
    "STRUCTURE": """\
element : str, optional
    Chemical symbol of all atoms; by default the names of the species if they are chemical
    symbols, else ``"X"``.
signal : Signal2D, optional
    As for :meth:`to_dataframe`.
thickness : float, optional
    Thickness of the cell along z (Å): viewers and tools expect a cell with a volume.
y_up : bool, optional
    Whether y points upwards, as viewers draw it, so that the structure looks like the image. If
    False it points downwards, as rows count, and viewers show the mirror image.""",
    "PATH": """\
path : str or os.PathLike
    The file; an existing one is replaced once everything is written.""",
    "IMPORTS": """\
>>> import hyperspy.api as hs
>>> import hyperspy_dlatoms""",
}

# What is computed, and how.
_COMPUTATION = f"{_TEXTS['SHOW_PROGRESSBAR']}\n{_TEXTS['NUM_WORKERS']}"
_TEXTS["OUTPUT"] = f"{_COMPUTATION}\n{_TEXTS['LAZY_OUTPUT']}"
_TEXTS["ATOMS_OUTPUT"] = f"{_COMPUTATION}\n{_TEXTS['LAZY_ATOMS']}"


def filled(method: _Method) -> _Method:
    """Replace the names in the docstring of a method by the texts."""
    if method.__doc__:
        method.__doc__ = re.sub(
            r"^( *)\{([A-Z_]+)\}$",
            lambda line: indent(_TEXTS[line[2]], line[1]),
            method.__doc__,
            flags=re.MULTILINE,
        )
    return method
