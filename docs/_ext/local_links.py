# SPDX-License-Identifier: GPL-3.0-or-later
"""Check that each local link and picture of the built pages leads somewhere.

Sphinx checks its own references; this checks what the reader's browser follows, anchors included.
"""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sphinx.util import logging

logger = logging.getLogger(__name__)


class Page(HTMLParser):
    """The links and the anchors of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if value and name in ("href", "src"):
                self.links.add(value)
            elif value and name in ("id", "name"):
                self.anchors.add(value)


def broken(folder: Path) -> list[tuple[str, str]]:
    """Return the page and the link of all that lead nowhere."""
    pages = {path.resolve(): Page(path) for path in folder.rglob("*.html")}
    # Templates of the theme, and listings whose links back viewcode guesses.
    skipped = {folder / "_static", folder / "_modules"}
    failed = []
    for path, page in pages.items():
        if not skipped.isdisjoint(path.parents):
            continue
        for link in sorted(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchors = pages[target].anchors if target in pages else set()
            missing = parts.fragment and target in pages and parts.fragment not in anchors
            # "#" alone is a button of the theme.
            if not target.exists() or missing:
                failed.append((str(path.relative_to(folder.resolve())), link))
    return failed


def check(app, exception) -> None:
    """Warn of each, once the pages are written."""
    if exception is None and app.builder.name == "html":
        for page, link in broken(Path(app.outdir).resolve()):
            logger.warning("%s: the link %r leads nowhere", page, link)


def setup(app) -> dict[str, bool]:
    app.connect("build-finished", check)
    return {"parallel_read_safe": True}
