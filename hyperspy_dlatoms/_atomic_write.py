# SPDX-License-Identifier: GPL-3.0-or-later
"""Atomic writes: a reader finds a whole file or none."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path of the same suffix; it replaces `path` once all is written."""
    target = target_of(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(f"There is no directory {str(target.parent)!r}: create it first.")
    draft = target.with_name(f".{path.stem}.{os.getpid()}.{threading.get_ident()}{path.suffix}")
    try:
        yield draft
        os.replace(draft, target)
    finally:
        draft.unlink(missing_ok=True)


def target_of(path: Path) -> Path:
    """Return the file that is written: where `path` is a symbolic link, the one it points to."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path
