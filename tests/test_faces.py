# SPDX-License-Identifier: GPL-3.0-or-later
"""The public names, as `__init__.pyi` declares them."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

import hyperspy_dlatoms

PACKAGE = Path(hyperspy_dlatoms.__file__).parent
FACES = sorted(PACKAGE.rglob("__init__.pyi"))


def dotted(face):
    return ".".join(face.parent.relative_to(PACKAGE.parent).parts)


@pytest.mark.parametrize("face", FACES, ids=dotted)
def test_every_public_name_is_there(face):
    package = importlib.import_module(dotted(face))
    (declared,) = (
        ast.literal_eval(node.value)
        for node in ast.parse(face.read_text()).body
        if isinstance(node, ast.Assign) and node.targets[0].id == "__all__"
    )
    assert sorted(package.__all__) == sorted(declared)
    assert set(declared) <= set(dir(package)) | {"__version__"}
    for name in declared:
        assert getattr(package, name) is not None


def test_unknown_names_are_an_attribute_error():
    with pytest.raises(AttributeError, match="nothing"):
        hyperspy_dlatoms.nothing  # noqa: B018
