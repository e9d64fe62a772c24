# SPDX-License-Identifier: GPL-3.0-or-later
"""Which part of the package may import which, and what must not be imported with it."""

import ast
from pathlib import Path

import pytest

import hyperspy_dlatoms

PACKAGE = Path(hyperspy_dlatoms.__file__).parent
DOWNSTREAM = {
    "analysis": {"analysis"},
    "recipes": {"recipes"},
    "networks": {"networks", "registry"},
    "registry": {"registry", "networks"},
    "detection": {"detection", "networks", "analysis"},
    "simulation": {"simulation", "recipes"},
    "training": {
        *("training", "simulation", "recipes", "networks"),
        *("registry", "detection", "analysis"),
    },
    "signals": {"signals", "detection", "networks", "registry", "analysis"},
    # What examples and data sets are made of; nothing but the command line is made of them.
    "data": {"data", "signals", "simulation", "recipes", "networks", "registry"},
}
# The public name `registry.load_dataset` is a door to what knows signals and simulations.
DOORS = {"registry/_datasets.py": {"data"}}
HEAVY = {"tensorflow", "keras", "abtem", "ase", "jax", "torch"}
MODULES = sorted(PACKAGE.rglob("*.py"))


def imported(nodes):
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def for_types_only(node):
    return isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_flows_upstream(path):
    tree = ast.parse(path.read_text())
    typed = {n for block in ast.walk(tree) if for_types_only(block) for n in ast.walk(block)}
    names = imported(node for node in ast.walk(tree) if node not in typed)
    parts = {n.split(".")[1] for n in names if n.startswith("hyperspy_dlatoms.")}
    parts = {part for part in parts if (PACKAGE / part).is_dir()}
    folder = path.relative_to(PACKAGE).parts[0]
    parts -= DOORS.get(path.relative_to(PACKAGE).as_posix(), set())
    assert parts <= DOWNSTREAM.get(folder, parts)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_libraries_are_imported_where_they_are_used(path):
    top = {name.split(".")[0] for name in imported(ast.parse(path.read_text()).body)}
    assert not top & HEAVY
