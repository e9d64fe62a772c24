# SPDX-License-Identifier: GPL-3.0-or-later
"""Sphinx configuration."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# Before TensorFlow is imported: what it prints is no part of an example.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import hyperspy_dlatoms

sys.path.insert(0, str(Path(__file__).with_name("_ext")))

project = "hyperspy-dlatoms"
author = "The hyperspy-dlatoms developers"
copyright = author
release = version = hyperspy_dlatoms.__version__

extensions = [
    "local_links",
    "numpydoc",
    "shipped_models",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
autosummary_generate = True
autodoc_member_order = "bysource"
autodoc_typehints = "none"
numpydoc_show_class_members = False
add_module_names = False
toc_object_entries_show_parents = "hide"

# Other projects' references are fetched from the network, which not every build has.
if os.environ.get("READTHEDOCS") or os.environ.get("DLATOMS_INTERSPHINX"):
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "dask": ("https://docs.dask.org/en/stable", None),
        "hyperspy": ("https://hyperspy.org/hyperspy-doc/current", None),
        "matplotlib": ("https://matplotlib.org/stable", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "pandas": ("https://pandas.pydata.org/pandas-docs/stable", None),
        "python": ("https://docs.python.org/3", None),
        "scipy": ("https://docs.scipy.org/doc/scipy", None),
    }

# Names of this package that are not found are warnings, and so errors of the build.
nitpicky = True
nitpick_ignore_regex = [(r"py:.*", r"(?!hyperspy_dlatoms).*")]

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    "within_subsection_order": "gallery_setup.by_order",
    "copyfile_regex": r"$^",
    "reset_modules": ("matplotlib", "gallery_setup.quiet"),
    "matplotlib_animations": False,
    "remove_config_comments": True,
    "capture_repr": ("_repr_html_", "__repr__"),
    "ignore_repr_types": r"matplotlib|<class 'list'>|<class 'tuple'>",
    "show_memory": False,
    "download_all_examples": False,
    "show_signature": False,
    "plot_gallery": "True",
    "min_reported_time": 1e9,
}

html_theme = "pydata_sphinx_theme"
html_title = "hyperspy-dlatoms"
html_static_path = ["_static"]
html_css_files = ["style.css"]
html_copy_source = False
html_show_sourcelink = False
# Pages without neighbours have no side bar on the left.
html_sidebars = {name: [] for name in ("index", "install", "limits", "comparison", "networks")}
html_theme_options = {
    "navigation_with_keys": False,
    "show_prev_next": False,
    "logo": {"text": "hyperspy-dlatoms"},
    "header_links_before_dropdown": 8,
    "navbar_align": "left",
    "navbar_persistent": ["search-button"],
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
