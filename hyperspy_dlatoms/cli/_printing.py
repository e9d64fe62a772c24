# SPDX-License-Identifier: GPL-3.0-or-later
"""Output of the commands."""

from __future__ import annotations

import sys

from hyperspy_dlatoms._warnings import DLAtomsWarning


def print_rows(*rows: tuple[str, str]) -> None:
    """Print names and their values, aligned."""
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    for row in rows:
        table.add_row(*row)
    print_table(table)


def print_table(table: object) -> None:
    """Print a table of rich, or an object that rich shows as one."""
    from rich.console import Console

    # A pipe has no width: lines are not wrapped.
    Console(width=None if sys.stdout.isatty() else 400, highlight=False, markup=False).print(table)


def print_warning(message, category, filename, lineno, file=None, line=None) -> None:
    """Print a warning of this package as one line, in the place of `warnings.showwarning`."""
    # Those of other packages are for who writes programs.
    if issubclass(category, DLAtomsWarning):
        print(f"dlatoms: warning: {one_line(message)}", file=sys.stderr)


def one_line(message: object) -> str:
    """Put a message on one line."""
    return " ".join(str(message).split())
