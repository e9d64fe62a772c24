# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and their values, as text of 79 columns and as HTML for notebooks."""

import html
import textwrap
import unicodedata
from collections.abc import Iterable

WIDTH = 79  # Columns of text: a terminal of 80.
Rows = Iterable[tuple[str, str]]


def to_text(title: str, rows: Rows) -> str:
    """Return a title, and below it the rows, their values aligned and wrapped."""
    rows = list(rows)
    start = 2 + max((len(name) for name, _ in rows), default=0) + 2
    lines = [title]
    for name, value in rows:
        parts = textwrap.wrap(
            value, WIDTH - start, break_on_hyphens=False, break_long_words=False
        ) or [""]
        lines.append(f"  {name:{start - 2}}{parts[0]}".rstrip())
        lines += [" " * start + part for part in parts[1:]]
    return "\n".join(lines)


def plain(text: str) -> str:
    """Return text with control characters, except line feeds, written out.

    Text from elsewhere could otherwise move the cursor of a terminal, or hide part of itself.
    """
    return "".join(
        repr(one)[1:-1] if one != "\n" and unicodedata.category(one).startswith("C") else one
        for one in text
    )


def to_html(title: str, rows: Rows, below: str = "") -> str:
    """Return a title and a table of the rows, and below it text that must keep its columns."""
    left = 'style="text-align: left; vertical-align: top"'
    body = "".join(
        f"<tr><th {left}>{html.escape(name)}</th><td {left}>{html.escape(value)}</td></tr>"
        for name, value in rows
    )
    text = f"<div><strong>{html.escape(title)}</strong><table>{body}</table>"
    return text + (f"<pre>{html.escape(below)}</pre>" if below else "") + "</div>"
