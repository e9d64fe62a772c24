# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that the commands write."""

import tempfile
from pathlib import Path


def check_writable(*paths: Path) -> None:
    """Raise OSError if a file cannot be written, before any work is lost."""
    for path in paths:
        if path.is_dir():
            raise IsADirectoryError(f"{str(path)!r} is a directory: expected a file to write.")
        try:
            if path.exists():
                with path.open("ab"):
                    continue
            with tempfile.TemporaryFile(dir=path.parent):
                pass
        except OSError as error:
            raise OSError(f"{str(path)!r} cannot be written: {error.strerror}.") from error
