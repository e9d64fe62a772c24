# SPDX-License-Identifier: GPL-3.0-or-later
"""Output of the commands: what they print, and whether files can be written."""

import io
import re
import sys
import tempfile
from pathlib import Path

from hyperspy_dlatoms._atomic_write import target_of
from hyperspy_dlatoms._warnings import DLAtomsWarning


def show_what_can_be_shown() -> None:
    """Print letters that standard output cannot show as "?", instead of failing."""
    # Into a file or a pipe, Windows writes a national character set: no Å in Japan and China.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def command_of(*words: object) -> str:
    """Return a command to copy, quoted so that every shell understands it, on Windows too."""
    texts = map(str, words)
    return " ".join(one if re.fullmatch(r"[\w@%+=:,./\\-]+", one) else f'"{one}"' for one in texts)


def print_rows(*rows: tuple[str, str]) -> None:
    """Print names and their values, aligned."""
    width = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        print(f"{name:{width}}  {value}")


def print_warning(message, category, filename, lineno, file=None, line=None) -> None:
    """Print a warning of this package on one line, in place of `warnings.showwarning`."""
    # Those of other packages are meant for programmers.
    if issubclass(category, DLAtomsWarning):
        print(f"dlatoms: warning: {one_line(message)}", file=sys.stderr)


def print_error(path: Path, error: Exception) -> None:
    """Print why a file failed; the others go on."""
    known = isinstance(error, ValueError | TypeError | OSError)
    what = one_line(error if known else f"{type(error).__name__}: {error}")
    print(f"dlatoms: error: {path}: {what}", file=sys.stderr)


def one_line(message: object) -> str:
    """Put a message on one line."""
    return " ".join(str(message).split())


def check_writable(*paths: Path) -> None:
    """Raise OSError if a file cannot be written, before any work is lost."""
    for path in paths:
        if path.is_dir():
            raise IsADirectoryError(f"{str(path)!r} is a directory: expected a file to write.")
        try:
            if path.exists():
                path.open("ab").close()
            # Files are written beside the old one, see `atomic_write`.
            with tempfile.TemporaryFile(dir=target_of(path).parent):
                pass
        except OSError as error:
            raise OSError(f"{str(path)!r} cannot be written: {error.strerror}.") from error
