# SPDX-License-Identifier: GPL-3.0-or-later
"""The blocks of code of the README and of the documentation."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import NamedTuple

_NOT_RUN = re.compile(r"not run: (.+)")


class Block(NamedTuple):
    """Some code of a page."""

    language: str
    """``python`` or ``console``."""
    line: int
    """Of its first line, counted from 1."""
    text: str
    not_run: str
    """Why it cannot be run here, by the comment before it; "" if it can."""


def pages(root: Path) -> list[Path]:
    """Return the pages that a newcomer reads, in their order.

    The gallery is left out: the build of the documentation runs its examples.
    """
    docs = root / "docs"
    found = [root / "README.md", docs / "index.rst", docs / "install.rst"]
    found += sorted((docs / "guide").glob("*.rst"))
    return [path for path in found if path.exists()]


def blocks(path: Path) -> list[Block]:
    """Return the blocks of Python and of commands of a page, in their order."""
    return (_of_markdown if path.suffix == ".md" else _of_rst)(path.read_text("utf-8").splitlines())


def _of_rst(lines: list[str]) -> list[Block]:
    found = []
    for number, line in enumerate(lines):
        start = re.fullmatch(r"( *)\.\. code-block:: (python|console)", line)
        if start:
            body = _indented(lines, number + 1, len(start[1]))
            found.append(_block(start[2], lines, number, body))
    return found


def _of_markdown(lines: list[str]) -> list[Block]:
    found, number = [], 0
    while number < len(lines):
        line = lines[number]
        if line.startswith("```"):
            end = next(n for n in range(number + 1, len(lines)) if lines[n].startswith("```"))
            if line[3:] in ("python", "console"):
                found.append(_block(line[3:], lines, number, range(number + 1, end)))
            number = end
        elif line.startswith("    ") and not lines[number - 1].strip():
            body = _indented(lines, number, 0)
            found.append(_block("console", lines, number - 1, body))
            number = body[-1]
        number += 1
    return found


def _indented(lines: list[str], first: int, more_than: int) -> list[int]:
    """Return the numbers of the lines from one on that are indented, without blank ones around."""
    body = []
    for number in range(first, len(lines)):
        line = lines[number]
        if line.strip() and len(line) - len(line.lstrip()) <= more_than:
            break
        body.append(number)
    while body and not lines[body[0]].strip():
        del body[0]
    while body and not lines[body[-1]].strip():
        del body[-1]
    return body


def _block(language: str, lines: list[str], number: int, body) -> Block:
    before = next((line for line in reversed(lines[:number]) if line.strip()), "")
    reason = _NOT_RUN.search(before)
    text = textwrap.dedent("\n".join(lines[n] for n in body))
    return Block(
        language, body[0] + 1, text, reason[1].removesuffix("-->").strip() if reason else ""
    )
