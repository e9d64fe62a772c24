# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"tensorflow", "keras", "jax", "torch", "abtem", "ase", "pandas", "matplotlib", "skimage"}


def imported_after(code):
    """Return the names of the modules that are there after some code in a fresh process."""
    code += "\nimport sys; print('modules:', *sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    last = result.stdout.splitlines()[-1]
    assert last.startswith("modules:")
    return {name.partition(".")[0] for name in last.split()[1:]}


def test_the_package_imports_nothing_heavy():
    modules = imported_after("import hyperspy_dlatoms")
    assert "hyperspy" in modules
    assert not modules & HEAVY


@pytest.mark.parametrize(
    "code",
    [
        "from hyperspy_dlatoms import AtomPositions, LazyAtomPositions",
        "import hyperspy_dlatoms.signals._blocks",
        "import hyperspy_dlatoms.detection.pipeline",
        "import hyperspy_dlatoms.registry, hyperspy_dlatoms.networks.network",
        "import hyperspy_dlatoms.analysis.matching, hyperspy_dlatoms.cli.demo",
        "import hyperspy_dlatoms.cli as cli\ntry: cli.main(['--help'])\nexcept SystemExit: pass",
    ],
)
def test_no_part_imports_a_network_or_simulation_library(code):
    assert not imported_after(code) & {"tensorflow", "keras", "jax", "torch", "abtem", "ase"}


def test_the_signal_type_is_known_without_importing_the_package():
    modules = imported_after(
        "import hyperspy.api as hs\n"
        "from hyperspy.extensions import ALL_EXTENSIONS\n"
        "assert 'AtomPositions' in ALL_EXTENSIONS['signals']"
    )
    assert "hyperspy_dlatoms" not in modules
