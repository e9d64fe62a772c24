# SPDX-License-Identifier: GPL-3.0-or-later
"""Which part of the package may import which, that no files import each other in a circle, and
what must not be imported with the package.

An import counts wherever it stands: at the top of a file, in a function, for types only, or as the
name of a module in a string.
"""

import ast
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

import hyperspy_dlatoms

NAME = hyperspy_dlatoms.__name__
PACKAGE = Path(hyperspy_dlatoms.__file__).parent
GROUND = {"_atomic_write", "_doing", "_extras", "_near", "_rows", "_version", "_warnings"}
# Every package and module at the root, with those that it may import besides itself.
DOWNSTREAM = {
    "__init__": {"_moved", "_version", "signals"},
    "_atomic_write": set(),
    "_doing": set(),
    "_extras": set(),
    "_near": set(),
    "_rows": set(),
    "_version": set(),
    "_warnings": set(),
    # It knows the names that modules have now, as strings.
    "_moved": {"analysis", "simulation"},
    # The ground floor.
    "networks": GROUND,
    "analysis": GROUND,
    "recipes": GROUND,
    # To use: signals -> detection -> networks, with registry beside it.
    "detection": {"networks", "analysis"} | GROUND,
    "registry": {"networks"} | GROUND,
    "signals": {"detection", "networks", "registry", "analysis"} | GROUND,
    # To make: training -> simulation -> recipes, and training -> networks.
    "simulation": {"recipes"} | GROUND,
    "training": {"simulation", "recipes", "networks", "registry", "detection", "analysis"} | GROUND,
    # Examples and data sets, as signals.
    "data": {"signals", "simulation", "recipes", "registry", "networks"} | GROUND,
    # It looks at all of them, and nothing but the command line at it.
    "evaluation": {
        *("data", "signals", "detection", "networks", "registry", "analysis"),
        *("training", "simulation", "recipes"),
    }
    | GROUND,
    "cli": {
        *("evaluation", "data", "signals", "detection", "networks", "registry", "analysis"),
        *("training", "simulation", "recipes"),
    }
    | GROUND,
}
# The public name `registry.load_dataset` leads to what knows signals and simulations.
DOORS = {("registry/_datasets.py", "data")}
HEAVY = {"tensorflow", "keras", "abtem", "ase", "jax", "torch", "trackpy", "jinja2"}
FILES = sorted(PACKAGE.rglob("*.py"))
A_MODULE = re.compile(rf"{NAME}(\.\w+)+")


def part_of(module):
    """The package or root module that a module, or a name in it, belongs to; None for the root."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else None


def descriptions(tree):
    """Docstrings, and the strings behind constants that describe them."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        for one in body if isinstance(body, list) else []:
            if isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant):
                yield one.value


def imports_of(text, package):
    """The modules, and the names in modules, that code in a package imports from ours."""
    tree = ast.parse(text)
    described = set(descriptions(tree))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            found |= {f"{module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Constant) and node not in described and is_module(node.value):
            found.add(node.value)
    return {name for name in found if name.startswith(f"{NAME}.") or name == NAME}


def is_module(value):
    return isinstance(value, str) and A_MODULE.fullmatch(value) and part_of(value) in DOWNSTREAM


@cache
def imported(path):
    return imports_of(path.read_text("utf-8"), [NAME, *path.relative_to(PACKAGE).parts[:-1]])


def file_of(module):
    """The file of a module, or of that which a name is in."""
    place = PACKAGE.joinpath(*module.split(".")[1:])
    for path in (place.with_suffix(".py"), place / "__init__.py"):
        if path.is_file():
            return path
    return file_of(module.rpartition(".")[0]) if module != NAME else PACKAGE / "__init__.py"


def name_of(path):
    return path.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize(
    ("code", "parts"),
    [
        ("import hyperspy_dlatoms.data.examples", {"data"}),
        ("from hyperspy_dlatoms import registry", {"registry"}),
        ("def f():\n    from hyperspy_dlatoms.signals import methods", {"signals"}),
        ("if TYPE_CHECKING:\n    from hyperspy_dlatoms.cli import main", {"cli"}),
        ("from ..training import fit", {"training"}),
        ("from . import sites", {"detection"}),
        ("importlib.import_module('hyperspy_dlatoms.evaluation.scores')", {"evaluation"}),
        ("'hyperspy_dlatoms.cli'\nimport numpy", set()),
        ("X = 1\n'hyperspy_dlatoms.cli'", set()),
    ],
)
def test_imports_are_seen_wherever_they_stand(code, parts):
    assert {part_of(name) for name in imports_of(code, [NAME, "detection"])} == parts


def test_every_package_is_listed():
    there = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    there |= {path.stem for path in PACKAGE.glob("*.py")}
    assert there == set(DOWNSTREAM)
    assert set().union(*DOWNSTREAM.values()) <= there


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_nothing_flows_upstream(path):
    ours = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    # What comes from the root is its version, the public names of other parts are not.
    parts = {part_of(name) for name in imported(path)} - {None, "__version__", ours}
    parts -= {part for place, part in DOORS if place == name_of(path)}
    assert parts <= DOWNSTREAM[ours]


def test_no_files_import_each_other_in_a_circle():
    number = {path: index for index, path in enumerate(FILES)}
    arrows = {
        (number[path], number[file_of(name)])
        for path in FILES
        for name in imported(path)
        # The face of a package and the root load their parts when they are asked for.
        if file_of(name).name != "__init__.py"
    }
    ends = tuple(zip(*arrows, strict=True))
    graph = coo_array((np.ones(len(arrows)), ends), shape=(len(FILES), len(FILES)))
    _, circle = connected_components(graph, connection="strong")
    members = {}
    for path in FILES:
        members.setdefault(circle[number[path]], []).append(name_of(path))
    assert [some for some in members.values() if len(some) > 1] == []


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_heavy_libraries_are_imported_where_they_are_used(path):
    top = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Import):
            top |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            top.add(node.module.split(".")[0])
    assert not top & HEAVY
