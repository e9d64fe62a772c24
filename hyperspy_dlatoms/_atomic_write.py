# SPDX-License-Identifier: GPL-3.0-or-later
"""Atomic writes: a reader finds a whole file or none."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Write a file to a temporary path, and move it into place in one step when it is done.

    Parameters
    ----------
    path : pathlib.Path
        Where the file goes. An existing one stays until then, and if writing fails.

    Yields
    ------
    pathlib.Path
        The temporary path, with the same suffix; no other process or thread writes there.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = Path(directory) / "note.txt"
    ...     with atomic_write(path) as draft:
    ...         written = draft.write_text("all of it")
    ...     path.read_text()
    'all of it'
    """
    draft = path.with_name(f".{path.stem}.{os.getpid()}.{threading.get_ident()}{path.suffix}")
    try:
        yield draft
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
