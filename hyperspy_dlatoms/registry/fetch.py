# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of an entry, from the package, the cache or a mirror, with its SHA-256 checked."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich import filesize

from hyperspy_dlatoms._atomic_write import atomic_write
from hyperspy_dlatoms.registry import _cache, mirrors
from hyperspy_dlatoms.registry._transport import TransportError, download
from hyperspy_dlatoms.registry.entries import PACKAGE, Entry, within
from hyperspy_dlatoms.registry.errors import RegistryError


def fetch(entry: Entry, *, offline: bool = False, show_progressbar: bool | None = None) -> Path:
    """Return the file of an entry, downloading it if it is not on this computer."""
    # Of several threads and processes, one downloads it. The file appears under its name only once
    # complete and with the right SHA-256.
    here = on_this_computer(entry)
    if here:
        return here
    if offline:
        raise RegistryError(
            f"{entry.full_name!r} is not on this computer ({_cache.folder()} lacks it), and "
            f"offline nothing is downloaded: run `dlatoms fetch {entry.full_name}` online, or set "
            f"{_cache.CACHE} to a folder that `dlatoms fetch --all` has filled."
        )
    target = _cache.kept_path(entry)
    with _cache.locked(target):
        if not _cache.is_right(target, entry):
            _download(entry, target, show_progressbar)
    return target


def on_this_computer(entry: Entry) -> Path | None:
    """Return the file of an entry if the package, the cache or a mirror on this computer has it."""
    if entry.where and entry.where[0].startswith(PACKAGE):
        embedded = Path(entry.places()[0])
        if _cache.is_right(embedded, entry):
            return embedded
        if embedded.exists():
            raise RegistryError(
                f"{str(embedded)!r} is not the file that the catalogue names: install "
                "hyperspy-dlatoms again, or after changing it run `python tools/catalogue.py`."
            )
    for place in (_cache.kept_path(entry), *_candidates(entry)):
        if isinstance(place, Path) and _cache.is_right(place, entry):
            return place
    return None


def copy_to(folder: Path, entry: Entry, *, show_progressbar: bool | None = None) -> Path:
    """Copy the file of an entry into another folder, named as in a cache."""
    target = folder / _cache.kept_path(entry).name
    if not _cache.is_right(target, entry):
        found = fetch(entry, show_progressbar=show_progressbar)
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(target) as draft:
            shutil.copyfile(found, draft)
    return target


def _candidates(entry: Entry) -> Iterator[Path | str]:
    """Yield the places besides the cache: the user's mirrors, then the entry's own."""
    yield from (within(mirror.home, entry.file) for mirror in mirrors.mirrors())
    yield from entry.places()


def _download(entry: Entry, target: Path, show_progressbar: bool | None) -> None:
    part = target.with_name(f".{target.name}.part")
    reasons = []
    try:
        with _progress(entry, show_progressbar) as progress:
            for place in _candidates(entry):
                reason = _try_place(place, entry, part, progress)
                if not reason:
                    os.replace(part, target)
                    return
                reasons.append(f"{place}: {reason}")
    except OSError as error:
        # Leave no useless files on a full disk.
        part.unlink(missing_ok=True)
        raise _cache.unwritable(error) from error
    raise RegistryError(
        f"{entry.full_name!r} ({entry.file}, {filesize.decimal(entry.size)}) could not be fetched. "
        + "; ".join(reasons)
        + f". Try again later, name a mirror in {mirrors.REGISTRY}, or copy the file to "
        f"{str(target)!r}."
    )


def _try_place(place: Path | str, entry: Entry, part: Path, progress: Callable) -> str:
    """Complete the part from one place; return why that failed, or an empty text."""
    if isinstance(place, Path):
        return "not the expected file (SHA-256)" if place.exists() else "there is no such file"
    resumed = part.exists()
    try:
        download(place, part, entry.size, progress)
        if resumed and not _cache.is_right(part, entry):
            # The part may have come from elsewhere.
            part.unlink()
            download(place, part, entry.size, progress)
    except TransportError as error:
        return str(error)
    if _cache.is_right(part, entry):
        return ""
    part.unlink()
    return "not the expected file (its SHA-256 is wrong)"


@contextmanager
def _progress(entry: Entry, show: bool | None) -> Iterator[Callable[[int], None]]:
    from hyperspy.defaults_parser import preferences

    if not (preferences.General.show_progressbar if show is None else show):
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    columns = ("{task.description}", BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task(entry.full_name, total=entry.size)
        yield lambda done: bars.update(task, completed=done)
