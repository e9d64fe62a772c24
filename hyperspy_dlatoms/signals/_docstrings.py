# SPDX-License-Identifier: GPL-3.0-or-later
"""What the docstrings of several methods have in common, written once.

A line ``{NAME}`` in the docstring of a method that is decorated with `filled` stands for the text.
"""

from __future__ import annotations

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
    Å/px. Taken from the signal axes, in any unit of length, where it is not given;
    ``"estimate"`` finds it in the images first, see `estimate_sampling`.""",
    "STATED_SAMPLING": """\
sampling : float, optional
    Å/px. Taken from the signal axes, in any unit of length, where it is not given.""",
    "THRESHOLD": """\
threshold : float, optional
    The least probability of a site, between 0 and 1. The model card's where not given, which
    may have a higher threshold besides: weak sites are then kept only if they are connected to
    at least one that reaches it, each within twice the least distance of the next (hysteresis
    thresholding). Each member of an ensemble finds its sites with it, or with those of its own
    card.""",
    "SYMMETRISE": """\
symmetrise : bool, default False
    Whether to average over the eight quarter turns and flips of the image, so that its
    orientation does not matter. It costs eight times as much.""",
    "SHOW_PROGRESSBAR": """\
show_progressbar : bool, optional
    Whether to show a progress bar; HyperSpy's preference where not given.""",
    "NUM_WORKERS": """\
num_workers : int, optional
    How many blocks of frames are processed at once; dask's default where not given. For a lazy
    result give it to its ``compute``.""",
    "LAZY_OUTPUT": """\
lazy_output : bool, optional
    Whether to return a lazy signal. As the signal is where not given.""",
    "LAZY_ATOMS": """\
lazy_output : bool, optional
    Whether to return a :class:`~hyperspy_dlatoms.LazyAtomPositions`, computed when it is asked
    for. As the signal is where not given.""",
    "STORE": """\
store : str or os.PathLike, optional
    A directory that the atoms of each block of frames are written to as they are found, at once
    and not when the result is asked for. Called again with the same images and arguments the
    search goes on where it was cut short, even by a power failure. A lazy result reads from
    there, so that memory does not grow with the number of frames; keep it as long as the
    result is lazy. With ``lazy_output=True`` nothing is computed until it is asked for, and
    then what is there already, from this or another process, is read.""",
    "FOCAL_AXIS": """\
focal_axis : str or int, optional
    The navigation axis along which the images of a series lie, by its name or its index in
    ``axes_manager``. Where it is not given it is the axis called ``defocus`` (or ``focus``),
    else the last navigation axis of the array that is as long as the network expects, the one
    that is printed first; a warning says which where there are several.""",
    "DEFOCI": """\
defoci : sequence of float, optional
    The defocus of each image in Å, positive is underfocus, in the order of the axis, which may
    go up or down. Where it is not given it is read from a focal axis that is called ``defocus``
    and has a unit of length; else the network does without.""",
    "ALIGN": """\
align : bool, default False
    Whether to shift the images of a series onto its middle one first, by fractions of a pixel.
    Where they do not reach, they are filled with their mean. A shift is known up to a period of
    the lattice only: of shifts that fit alike the least is taken.""",
    "RAISES_MODEL": """\
RegistryError
    For a model that the registry does not know, or an ensemble that lacks a member.
FileNotFoundError
    For a model file that does not exist.""",
    "RAISES_IMAGES": """\
SamplingError
    With ``sampling="estimate"``, where it cannot be found; a ValueError.
ValueError
    Where the signal axes have no length unit, are unequal or not uniform, or where an
    argument is out of its range, or the networks of a list do not fit together, or take
    focal series.""",
    "RAISES_SERIES": """\
ValueError
    Where there is no such axis, or it is not as long as the network expects, or there are not
    as many defoci; for a network of single images; where the signal axes have no length unit,
    are unequal or not uniform, or an argument is out of its range, or the networks of a list do
    not fit together.
TypeError
    For complex or colour images, and defoci that are not numbers.""",
    "RAISES_STORE": """\
OSError
    Where the store cannot be written; what is in it stays. A ValueError where it holds what
    another search found.""",
    "BORDER": """\
border : float, optional
    What is left out along each edge of the image (Å).""",
    "PATH": """\
path : str or os.PathLike
    The file; one that is there is replaced when all is written.""",
    "IMPORTS": """\
>>> import hyperspy.api as hs
>>> import hyperspy_dlatoms""",
}


def filled(method: _Method) -> _Method:
    """Put the texts in the place of their names in the docstring of a method."""
    if method.__doc__:
        method.__doc__ = re.sub(
            r"^( *)\{([A-Z_]+)\}$",
            lambda line: indent(_TEXTS[line[2]], line[1]),
            method.__doc__,
            flags=re.MULTILINE,
        )
    return method
