# SPDX-License-Identifier: GPL-3.0-or-later
"""One table of the atoms of several files."""

import csv
from collections.abc import Mapping
from pathlib import Path

from hyperspy_dlatoms._atomic_write import atomic_write


def write_together(path: Path, tables: Mapping[Path, Path]) -> None:
    """Write the tables (.csv) of files as one with a column `file`; what one lacks is empty."""
    columns = ["file"]
    for table in tables.values():
        with table.open(encoding="utf-8", newline="") as file:
            place = 1
            for name in next(csv.reader(file)):
                if name not in columns:
                    columns.insert(place, name)
                place = columns.index(name) + 1
    with atomic_write(path) as draft, draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        for source, table in tables.items():
            with table.open(encoding="utf-8", newline="") as part:
                for row in csv.DictReader(part):
                    writer.writerow({"file": str(source), **row})
