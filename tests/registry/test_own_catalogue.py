# SPDX-License-Identifier: GPL-3.0-or-later
"""The package's own catalogue is that of the files in the package."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from hyperspy_dlatoms.registry import sources
from hyperspy_dlatoms.registry.entries import parse_catalogue

SCRIPT = Path(__file__).parents[2] / "tools" / "catalogue.py"


@pytest.fixture(scope="module")
def script():
    if not SCRIPT.exists():
        pytest.skip("needs the tree, not an installed package")
    spec = importlib.util.spec_from_file_location("catalogue_script", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_is_up_to_date(script):
    """Where this fails, run ``python tools/catalogue.py``."""
    written = parse_catalogue(sources.OWN.read_text("utf-8"), str(sources.OWN))
    assert script.current(sources.OWN) == written


def test_every_embedded_file_is_in_it(script):
    embedded = {place for entry in sources.own_entries() for place in entry.places()}
    files = [*script.WEIGHTS.iterdir(), *(script.ROOT / "data").glob("*.npz")]
    assert embedded == set(files)


def test_the_examples_are_small(script):
    assert sum(file.stat().st_size for file in (script.ROOT / "data").glob("*.npz")) <= 1_600_000
