# SPDX-License-Identifier: GPL-3.0-or-later
"""The docstrings of the public methods, of which parts are written once and put in."""

from __future__ import annotations

import inspect
import re

import pytest

from hyperspy_dlatoms import AtomPositions, LazyAtomPositions
from hyperspy_dlatoms.signals import _docstrings, methods

METHODS = [getattr(methods, name) for name in methods.__all__]
METHODS += [
    value
    for kind in (AtomPositions, LazyAtomPositions)
    for name, value in vars(kind).items()
    if not name.startswith("_") and inspect.isfunction(value)
]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.__qualname__)
def test_each_parameter_is_described(method):
    text = inspect.getdoc(method)
    assert not re.search(r"\{[A-Z_]+\}", text)
    section = re.search(r"Parameters\n-+\n(.*?)(\n\n|\Z)", text, re.DOTALL)
    lines = section[1].splitlines() if section else []
    described = [
        name.strip("* ")
        for line in lines
        if not line.startswith(" ")
        for name in line.partition(":")[0].split(",")
    ]
    assert described == list(inspect.signature(method).parameters)[1:]


def test_a_text_takes_the_place_of_its_name():
    @_docstrings.filled
    def method():
        """Do something.

        Parameters
        ----------
        {PATH}
        """

    lines = method.__doc__.splitlines()
    assert lines[4:6] == [
        "        path : str or os.PathLike",
        "            The file; an existing one is replaced once everything is written.",
    ]


def test_a_name_without_a_text_is_an_error():
    def method():
        """Do {something}.

        {NO_SUCH_TEXT}
        """

    with pytest.raises(KeyError):
        _docstrings.filled(method)
