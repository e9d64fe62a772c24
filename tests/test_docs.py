# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documentation names is there, and its links are checked."""

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS, EXAMPLES = ROOT / "docs", ROOT / "examples"
if not EXAMPLES.is_dir():
    pytest.skip("needs the tree, not an installed package", allow_module_level=True)
PAGES = [path for path in DOCS.rglob("*.rst") if "gallery" not in path.parts]
A_FILE = re.compile(r"\b(?:benchmarks|tools|recipes|tests)/[\w/-]+\.(?:py|md|sh|yaml)\b")


@pytest.fixture
def extensions(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(DOCS / "_ext"), *sys.path])


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda path: path.name)
def test_files_that_pages_name_are_there(page):
    named = set(A_FILE.findall(page.read_text("utf-8")))
    missing = [name for name in named if not (ROOT / name).exists() and "NAME" not in name]
    assert not missing


def test_each_table_is_shown():
    text = "".join(page.read_text("utf-8") for page in PAGES)
    assert [path.name for path in (DOCS / "_tables").iterdir() if path.name not in text] == []


def test_each_example_has_its_place(extensions):
    from gallery_setup import ORDER

    assert sorted(ORDER) == sorted(path.stem for path in EXAMPLES.glob("*.py"))
    shown = {
        name
        for page in PAGES
        for name in re.findall(r"images/sphx_glr_(\w+)_\d{3}\.png", page.read_text("utf-8"))
    }
    assert shown <= set(ORDER)


def test_links_that_lead_nowhere_are_found(extensions, tmp_path):
    pytest.importorskip("sphinx")
    from local_links import broken

    (tmp_path / "page.html").write_text(
        '<a href="other.html#here"></a><a href="other.html#gone"></a><img src="none.png">'
        '<a href="https://example.com/none"></a><a href="#"></a>'
    )
    (tmp_path / "other.html").write_text('<p id="here"><a href="page.html"></a></p>')
    assert broken(tmp_path) == [("page.html", "none.png"), ("page.html", "other.html#gone")]


def test_the_reference_stays_in_parts():
    assert not (DOCS / "api.rst").exists(), "put new names into a page of docs/reference"
