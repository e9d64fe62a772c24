# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"tensorflow", "keras", "jax", "torch", "abtem", "ase", "pandas", "matplotlib", "skimage"}
NETWORKS = {"tensorflow", "keras", "jax", "torch", "abtem", "ase"}
PACKAGE = "import hyperspy_dlatoms"
PARTS = [
    "from hyperspy_dlatoms import AtomPositions, LazyAtomPositions",
    "import hyperspy_dlatoms.signals._blocks",
    "import hyperspy_dlatoms.detection.pipeline",
    "import hyperspy_dlatoms.registry, hyperspy_dlatoms.networks.network",
    "import hyperspy_dlatoms.analysis.matching, hyperspy_dlatoms.cli.demo",
    "import hyperspy_dlatoms.cli as cli\ntry: cli.main(['--help'])\nexcept SystemExit: pass",
]


def imported_after(*codes):
    """Return the names of the modules that are there after each code, in a fresh process."""
    lines = (f"{code}\nprint('\\nmodules:', *sys.modules)" for code in codes)
    result = subprocess.run(
        [sys.executable, "-c", "\n".join(["import sys", *lines])],
        capture_output=True,
        text=True,
        check=True,
    )
    printed = [line for line in result.stdout.splitlines() if line.startswith("modules:")]
    return [{name.partition(".")[0] for name in line.split()[1:]} for line in printed]


@pytest.fixture(scope="module")
def modules():
    """Those after the package and then each of its parts: what one imports, the next ones have."""
    codes = [PACKAGE, *PARTS]
    return dict(zip(codes, imported_after(*codes), strict=True))


def test_the_package_imports_nothing_heavy(modules):
    assert "hyperspy" in modules[PACKAGE]
    assert not modules[PACKAGE] & HEAVY


@pytest.mark.parametrize("code", PARTS)
def test_no_part_imports_a_network_or_simulation_library(modules, code):
    assert not modules[code] & NETWORKS


def test_atom_positions_load_no_tables(modules):
    assert "pandas" not in modules[PARTS[0]]


def test_commands_load_nothing_of_clusters():
    (modules,) = imported_after(
        "import dask.array as da\n"
        "from hyperspy_dlatoms.cli._searching import on_threads\n"
        "with on_threads():\n"
        "    assert da.ones(3).sum().compute() == 3"
    )
    assert "distributed" not in modules


def test_the_signal_type_is_known_without_importing_the_package():
    (modules,) = imported_after(
        "import hyperspy.api as hs\n"
        "from hyperspy.extensions import ALL_EXTENSIONS\n"
        "assert 'AtomPositions' in ALL_EXTENSIONS['signals']"
    )
    assert "hyperspy_dlatoms" not in modules
