# SPDX-License-Identifier: GPL-3.0-or-later
"""Sphinx configuration."""

from __future__ import annotations

import sys
from pathlib import Path

import hyperspy_dlatoms

sys.path.insert(0, str(Path(__file__).with_name("_ext")))

project = "hyperspy-dlatoms"
author = "The hyperspy-dlatoms developers"
copyright = author
release = version = hyperspy_dlatoms.__version__

extensions = [
    "numpydoc",
    "shipped_models",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
]
autosummary_generate = True
autodoc_member_order = "bysource"
autodoc_typehints = "none"
numpydoc_show_class_members = False

html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_theme_options = {"navigation_with_keys": False, "show_prev_next": False}
exclude_patterns = ["_build"]
