# SPDX-License-Identifier: GPL-3.0-or-later
"""What works without the extras, and what says which one to install."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from hyperspy_dlatoms import AtomPositions, cli, registry
from hyperspy_dlatoms._extras import MissingExtraError, require
from hyperspy_dlatoms.simulation import exit_wave, simulate

OURS = "hyperspy-dlatoms"
PROJECT = Path(__file__).parents[1] / "pyproject.toml"
OF_EXTRAS = {"abtem", "trackpy", "zarr"}
RECIPE = "name: none\n"


@pytest.fixture
def hidden(monkeypatch):
    """Make libraries look as if they were not installed."""

    def hide(*names):
        for name in names:
            monkeypatch.setitem(sys.modules, name, None)

    return hide


def declared(name):
    """Return what a distribution declares to need; ours as the tree has it, installed or not."""
    if name == OURS and PROJECT.is_file():
        project = tomllib.loads(PROJECT.read_text("utf-8"))["project"]
        extras = project["optional-dependencies"]
        lines = [f"{one}; extra == {extra!r}" for extra in extras for one in extras[extra]]
        return project["dependencies"] + lines
    try:
        return requires(name) or []
    except PackageNotFoundError:
        # Not on this platform, or not in this environment: then it is not in the way either.
        return []


def needed(extras):
    """Return the names of all distributions that ours needs with some of its extras."""
    seen, new = set(), {(OURS, extras)}
    while new:
        name, extras = new.pop()
        seen.add((name, extras))
        for one in map(Requirement, declared(name)):
            given = [{"extra": extra} for extra in extras or {""}]
            if one.marker is None or any(map(one.marker.evaluate, given)):
                new |= {(canonicalize_name(one.name), frozenset(one.extras))} - seen
    return {name for name, _ in seen}


def test_the_base_needs_no_library_of_an_extra():
    names = needed(frozenset())
    assert {"hyperspy", "tensorflow"} <= names
    assert not names & OF_EXTRAS


def test_all_extras_need_them():
    assert needed(frozenset({"all"})) >= OF_EXTRAS


def test_the_message_says_what_to_install(hidden):
    hidden("abtem")
    with pytest.raises(
        MissingExtraError,
        match=r'^Simulating needs abtem, .*: run pip install "hyperspy-dlatoms\[simulation\]"\.$',
    ):
        require("numpy", "abtem", extra="simulation", what="Simulating")


def test_a_library_that_lacks_another_is_not_called_missing(tmp_path, monkeypatch):
    (tmp_path / "half_installed.py").write_text("import nowhere_to_be_found")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="nowhere_to_be_found"):
        require("half_installed", extra="simulation", what="Simulating")


def test_what_works_without_extras():
    code = (
        "import sys\n"
        f"for name in {sorted(OF_EXTRAS)}: sys.modules[name] = None\n"
        "import hyperspy_dlatoms, numpy as np\n"
        "from hyperspy_dlatoms import analysis, cli, data, evaluation, recipes, registry, "
        "simulation, training\n"
        "for package in (analysis, data, evaluation, recipes, registry, simulation, training):\n"
        "    for name in package.__all__: getattr(package, name)\n"
        "assert len(data.movie()) == 12\n"
        "cli.main(['models'])\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_simulating_says_what_it_needs(hidden, tmp_path):
    hidden("abtem")
    with pytest.raises(MissingExtraError, match="Simulating .*abtem"):
        simulate(tmp_path / "recipe.yaml", tmp_path)
    with pytest.raises(MissingExtraError, match="exit wave"):
        exit_wave(np.random.default_rng(0), None, 80e3)


def test_generated_data_sets_say_what_they_need(hidden, tmp_path, monkeypatch):
    monkeypatch.setenv("HYPERSPY_DLATOMS_CACHE", str(tmp_path))
    hidden("abtem")
    with pytest.raises(MissingExtraError, match="Generating 'metal-benchmark'"):
        registry.load_dataset("metal-benchmark")


def test_following_atoms_says_what_it_needs(hidden):
    hidden("trackpy")
    atoms = AtomPositions.from_frames([np.zeros((1, 2))] * 2, sampling=0.1)
    with pytest.raises(MissingExtraError, match=re.escape("hyperspy-dlatoms[tracking]")):
        atoms.tracks(search_range=1.0)


@pytest.mark.parametrize(
    "arguments",
    [
        ["simulate", "RECIPE", "-o", "OUT"],
        ["train", "RECIPE", "--runs", "OUT"],
        ["calibrate", "graphene"],
        ["evaluate", "graphene", "-o", "OUT"],
    ],
)
def test_commands_end_with_the_message(arguments, hidden, tmp_path, capsys):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE)
    hidden("abtem")
    given = [{"RECIPE": str(recipe), "OUT": str(tmp_path / "out")}.get(a, a) for a in arguments]
    assert cli.main(given) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "hyperspy-dlatoms[simulation]" in line
