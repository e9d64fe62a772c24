# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts that the docstrings of several methods share, written once.

A line ``{NAME}`` in the docstring of a method that is decorated with `filled` stands for the text.
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
    The name of a network of focal series, or of an ensemble of them, in the registry, the path
    of a model file, a loaded network, or a list of these, which are applied to each series as
    an ensemble.""",
    "SAMPLING": """\
sampling : float or "estimate", optional
    Å/px; by default that of the signal axes, in any unit of length. ``"estimate"`` measures it
    in the images first, see `estimate_sampling`.""",
    "STATED_SAMPLING": """\
sampling : float, optional
    Å/px; by default that of the signal axes, in any unit of length.""",
    "THRESHOLD": """\
threshold : float, optional
    The minimum probability of a site, between 0 and 1, by default that of the model card. Most
    cards also have an upper threshold: weak sites are kept only if they are connected to at
    least one that reaches it (hysteresis thresholding). Sites are connected up to a distance on
    the card, by default twice the minimum distance. A threshold that you give applies to each
    site alone. Each member of an ensemble uses this threshold, or those of its own card.""",
    "SYMMETRISE": """\
symmetrise : bool, default False
    Whether to average over the eight rotations by 90° and reflections of the image, so that
    its orientation does not matter. It costs eight times as much.""",
    "SHOW_PROGRESSBAR": """\
show_progressbar : bool, optional
    Whether to show a progress bar; by default HyperSpy's preference.""",
    "NUM_WORKERS": """\
num_workers : int, optional
    Blocks of frames that are processed at once; by default dask decides. For a lazy result pass
    it to ``compute``.""",
    "LAZY_OUTPUT": """\
lazy_output : bool, optional
    Whether to return a lazy signal; by default if the signal is lazy.""",
    "LAZY_ATOMS": """\
lazy_output : bool, optional
    Whether to return a :class:`~hyperspy_dlatoms.LazyAtomPositions`, computed on demand; by
    default if the signal is lazy.
store : str or os.PathLike, optional
    A directory for a checkpoint: the atoms of each block of frames are written to it as they
    are found, immediately even if the result is lazy. Called again with the same images and
    arguments, an interrupted search is resumed, even after a power failure. A lazy result reads
    from the directory, so that memory does not grow with the number of frames; keep it as long
    as the result is lazy. With ``lazy_output=True`` nothing is computed until it is needed, and
    blocks that this or another process has written by then are read.""",
    "FOCAL_SERIES": """\
focal_axis : str or int, optional
    The navigation axis along which the images of a series lie, by its name or its index in
    ``axes_manager``; by default the axis called ``defocus`` (or ``focus``), else the last
    navigation axis of the array that is as long as the network expects, which is printed first.
    If there are several, a warning names the one that is used.
defoci : sequence of float, optional
    The defocus of each image in Å, positive is underfocus, in the order of the axis, which may
    go up or down; by default read from a focal axis that is called ``defocus`` and has a unit
    of length; otherwise the network does without.
align : bool, default False
    Whether to align the images of a series to its middle one first, by fractions of a pixel.
    Pixels outside of an image are filled with its mean. Shifts are only known up to a period of
    the lattice: of those that fit equally well the smallest is used.""",
    "LAYER": """\
material : str, optional
    The formula of a layer MX2, such as ``"WS2"``, for a network whose species are ``metal`` and
    ``chalcogen``: it is told the elements, so that it does not take one for the other, and the
    species are named after them. By default the layer that ``metadata.Sample.elements`` can
    make. Without either the network judges by the images, and the species keep the names
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
    range, the networks of a list do not fit together, or take focal series.
TypeError
    For complex or colour images.""",
    "RAISES_SERIES": """\
ValueError
    If there is no such axis, it is not as long as the network expects, or there are not as many
    defoci; for a network of single images; if the signal axes have no unit of length, are
    unequal or not uniform, an argument is out of range, or the networks of a list do not fit
    together.
TypeError
    For complex or colour images, and defoci that are not numbers.""",
    "RAISES_STORE": """\
OSError
    If the checkpoint cannot be written; what is in it is kept. A ValueError if it is that of
    another search.""",
    "BORDER": """\
border : float, optional
    Width of the margin along each edge of the image that is left out (Å).""",
    "MATERIAL": """\
material : str or ase.Atoms, optional
    The symbol of an fcc metal, seen along [110] or [100], the name of a sheet such as
    ``"graphene"`` or ``"MoS2"``, or a crystal, seen along z. By default the likeliest of those
    on the card of the network, if there are any.""",
    "RAISES_MATERIAL": """\
ValueError
    For a material that is not known by name, or a crystal without two periods across z; a
    TypeError for anything else.""",
    "CUTOFF": """\
cutoff : float, optional
    The longest distance of neighbours (Å); by default, in each frame, the first gap in the
    distances.""",
    "VORONOI": """\
voronoi : bool, default False
    Whether neighbours are those whose Voronoi cells share a side, up to twice the cut-off by
    default, instead of all within it.""",
    "IMAGES": """\
signal : Signal2D, optional
    The images that the atoms were found in. Their present axes are used, also if they were
    calibrated, cropped or binned since the search; by default the axes during the search.""",
    "RAISES_PLACE": """\
ValueError
    If the images have another navigation shape, or another size and their axes do not say which
    part they are.""",
    "UNITS": """\
units : {"nm", "pm", "angstrom", "px"}, optional
    The one unit of all lengths, which is in the names of their columns; by default the columns
    of earlier releases are there as well.""",
    "STRUCTURE": """\
element : str, optional
    Chemical symbol of all the atoms; by default the names of the species if they are
    chemical symbols, else ``"X"``.
signal : Signal2D, optional
    As for :meth:`to_dataframe`.
thickness : float, optional
    Of the cell along z, Å: viewers and tools ask for a cell with a volume.
y_up : bool, optional
    Whether y of the structure counts upwards, as viewers draw it, so that it looks like the image.
    If False it counts downwards as rows do, and viewers show the mirror image.""",
    "PATH": """\
path : str or os.PathLike
    The file; an existing one is replaced once all is written.""",
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
