# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that a search reads and writes."""

import argparse
import csv
import hashlib
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from glob import escape, glob, has_magic
from pathlib import Path
from typing import NamedTuple

from hyperspy_dlatoms._atomic_write import atomic_write
from hyperspy_dlatoms.cli._output import check_writable

_ATOMS = (".csv", ".hspy", ".xyz")


class Job(NamedTuple):
    """A file of images, and the files to write for it."""

    source: Path
    output: Path  # If the files share a table: the part for this file.
    picture: Path | None
    parts: Path  # The checkpoint of the search.
    # The quality table of its frames; if the files share one, the part for this file.
    quality: Path | None = None
    others: tuple[Path, ...] = ()  # The files of the other images of a focal series, in order.


class Plan(NamedTuple):
    """Everything that a command reads and writes."""

    jobs: list[Job]
    table: Path | None  # The parts are merged into it, if there are any.
    folder: Path | None  # Of the parts and their checkpoints.
    quality: Path | None = None  # The merged quality table, if the atoms share one.


def atoms_path(text: str) -> Path:
    """Return the path of a file of atoms, or of a directory for them."""
    path = Path(text)
    if path.suffix in ("", *_ATOMS) or path.is_dir() or text.endswith(("/", os.sep)):
        return path
    raise argparse.ArgumentTypeError(
        f"{text!r} does not end in .csv, .hspy or .xyz, and is not a directory"
    )


def find_files(names: Sequence[str]) -> list[Path]:
    """Return the files that names and patterns match, each once; an unmatched pattern as it is."""
    paths: list[Path] = []
    for name in names:
        found = _matches(name) if has_magic(name) and not Path(name).exists() else []
        paths += map(Path, sorted(found) or [name])
    return list({path.resolve(): path for path in reversed(paths)}.values())[::-1]


def _matches(pattern: str) -> list[str]:
    """Return the files that match a pattern, in a folder whose own name may have brackets."""
    path = Path(pattern)
    folder = next(one for one in path.parents if one.is_dir() or not has_magic(str(one)))
    return glob(str(Path(escape(str(folder))) / path.relative_to(folder)), recursive=True)


def plan(
    names: Sequence[str],
    output: Path,
    picture: Path | None,
    quality: bool = False,
    series: bool = False,
) -> Plan:
    """Plan what to read and write, after checking that it can be; a `series` is read as one."""
    sources, others = find_files(names), ()
    if series:
        sources, others = sources[:1], tuple(sources[1:])
    several = len(sources) > 1
    if not several and not sources[0].exists():
        name = str(sources[0])
        there = "No file matches the pattern" if has_magic(name) else "There is no file"
        raise FileNotFoundError(f"{there} {name!r}.")
    into_directory = output.suffix not in _ATOMS
    if several and not into_directory and output.suffix != ".csv":
        raise ValueError(
            f"--output is {str(output)!r}: expected a table (.csv) for the atoms of "
            f"{len(sources)} files, or a directory for one table per file."
        )
    table = folder = None
    if into_directory:
        outputs = _in_directory(output, sources, ".csv")
    elif several:
        # One file's checkpoint has another name.
        table, folder = output, output.with_name(f"{output.name}.files.parts")
        outputs = [folder / f"{_key(source)}.csv" for source in sources]
    else:
        outputs = [output]
    pictures = _pictures(picture, sources, several or into_directory)
    tables = [_beside(path) if quality else None for path in outputs]
    together = _beside(table) if quality and table else None
    read = {source.resolve() for source in (*sources, *others)}
    written = [table, together] if table else [*outputs, *tables]
    for path in filter(None, (*outputs, *written, *pictures)):
        if path.resolve() in read:
            raise ValueError(
                f"{str(path)!r} is one of the input files: expected another file to write."
            )
    _check_different(*filter(None, (*written, *pictures)))
    check_writable(*filter(None, (*written, *pictures)))
    jobs = [
        Job(source, out, drawn, out.with_name(f"{out.name}.parts"), rows, others)
        for source, out, drawn, rows in zip(sources, outputs, pictures, tables, strict=True)
    ]
    return Plan(jobs, table, folder, together)


def write_together(path: Path, tables: Mapping[Path, Path]) -> None:
    """Merge tables (.csv) into one with a column `file`; columns that a table lacks are empty."""
    columns = ["file"]
    for table in tables.values():
        with table.open(encoding="utf-8", newline="") as file:
            place = 1
            for name in next(csv.reader(file)):
                if name not in columns:
                    columns.insert(place, name)
                place = columns.index(name) + 1
    # The names of files from other systems may not be text.
    with (
        atomic_write(path) as draft,
        draft.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        for source, table in tables.items():
            with table.open(encoding="utf-8", newline="") as part:
                for row in csv.DictReader(part):
                    writer.writerow({"file": str(source), **row})


def _check_different(*paths: Path) -> None:
    # Some file systems ignore the case of letters.
    path, number = Counter(str(path).casefold() for path in paths).most_common(1)[0]
    if number > 1:
        raise ValueError(
            f"{path!r} would be written twice, for two files or for atoms and their quality: "
            "rename one of the input files, or search them one at a time."
        )


def _beside(path: Path) -> Path:
    """Return the path of the quality table that goes with a file of atoms."""
    return path.with_name(f"{path.stem}-quality.csv")


def _pictures(
    picture: Path | None, sources: Sequence[Path], may_be_directory: bool
) -> list[Path | None]:
    if picture is None:
        return [None] * len(sources)
    if picture.is_dir() or (may_be_directory and not picture.suffix):
        return list(_in_directory(picture, sources, ".png"))
    if len(sources) > 1:
        raise ValueError(
            f"--plot is {str(picture)!r}: expected a directory for the pictures of {len(sources)} "
            "files."
        )
    from matplotlib.backend_bases import FigureCanvasBase

    known = FigureCanvasBase.get_supported_filetypes()
    if picture.suffix.lower()[1:] not in known:
        raise ValueError(
            f"--plot is {str(picture)!r}: expected a file that ends in .png or "
            f"{', '.join(f'.{name}' for name in sorted(known) if name != 'png')}."
        )
    return [picture]


def _in_directory(directory: Path, sources: Sequence[Path], suffix: str) -> list[Path]:
    """Name a file in a directory for each source, keeping the source's suffix if need be."""
    stems = Counter(source.stem.casefold() for source in sources)
    names = [
        source.name if stems[source.stem.casefold()] > 1 else source.stem for source in sources
    ]
    name, number = Counter(map(str.casefold, names)).most_common(1)[0]
    if number > 1:
        alike = [repr(str(path)) for path in sources if path.name.casefold() == name]
        raise ValueError(
            f"The files {' and '.join(alike[:2])} have the same name: expected different names "
            f"for files in {str(directory)!r}. Give a table (.csv), or search them one at a time."
        )
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"{str(directory)!r} cannot be made: {error.strerror}.") from error
    return [directory / f"{name}{suffix}" for name in names]


def _key(source: Path) -> str:
    return f"{source.stem}-{hashlib.sha256(os.fsencode(source.resolve())).hexdigest()[:8]}"
