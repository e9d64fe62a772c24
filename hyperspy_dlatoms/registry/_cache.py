# SPDX-License-Identifier: GPL-3.0-or-later
"""The cache: the folder of downloaded and generated files."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from hyperspy_dlatoms.registry.entries import Entry
from hyperspy_dlatoms.registry.errors import RegistryError

CACHE = "HYPERSPY_DLATOMS_CACHE"
# File in the folder of a generated data set that holds its fingerprint once checked.
CHECKED = "checked"
# Seconds to wait for another process that fetches the same file; a file of 1 GB takes less.
WAIT = 3600.0


def folder() -> Path:
    """Return the cache: ``HYPERSPY_DLATOMS_CACHE``, else the system's folder for caches."""
    import pooch

    given = os.environ.get(CACHE)
    try:
        if given:
            return Path(given).expanduser().absolute()
        kept = Path(pooch.os_cache("hyperspy-dlatoms"))
    except RuntimeError as error:
        raise _homeless(given) from error
    # If no home folder is known, some releases of platformdirs return one called ~.
    if not kept.is_absolute():
        raise _homeless(given)
    return kept


def _homeless(given: str | None) -> RegistryError:
    return RegistryError(
        f"The cache folder cannot be found: {given or '~'!r} is in an unknown home folder. Set "
        f"{CACHE} to the absolute path of a folder that you may write to."
    )


def kept_path(entry: Entry) -> Path:
    """Return where the cache keeps the file of an entry, present or not."""
    # With the hash in the name, sources and versions do not collide.
    return folder() / f"{entry.sha256[:16]}-{entry.file}"


def generated_path(entry: Entry) -> Path:
    """Return the folder in the cache that keeps a generated data set."""
    # A hash of its definition is part of the name, so that versions do not share files.
    made_from = json.dumps([entry.version, entry.generate, entry.sha256], sort_keys=True)
    digest = hashlib.sha256(made_from.encode()).hexdigest()[:16]
    return folder() / f"{digest}-{entry.name}"


def is_right(path: Path, entry: Entry) -> bool:
    """Whether a file exists and has the size and SHA-256 of an entry."""
    try:
        stat = path.stat()
    except OSError:
        return False
    if stat.st_size != entry.size or not path.is_file():
        return False
    # A file is read again only if it has changed.
    return _sha256(path, stat.st_mtime_ns, stat.st_ino, stat.st_size) == entry.sha256


@lru_cache(maxsize=1024)
def _sha256(path: Path, *_: int) -> str:
    import pooch

    return pooch.file_hash(str(path), alg="sha256")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file in the cache, a hidden file beside it."""
    # The system releases the lock of a process that dies.
    import locket

    lock = path.with_name(f".{path.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        held = locket.lock_file(str(lock), timeout=WAIT)
        held.acquire()
    except OSError as error:
        raise unwritable(error) from error
    except locket.LockError as error:
        raise RegistryError(
            f"Another process has been fetching {path.name!r} for {WAIT / 60:.0f} minutes: end it, "
            f"or set {CACHE} to another folder."
        ) from error
    try:
        yield
    finally:
        held.release()


def unwritable(error: OSError) -> RegistryError:
    """Return the error to raise if the cache cannot be written."""
    reason = error.strerror or str(error)
    return RegistryError(
        f"The cache {str(folder())!r} cannot be written ({reason}): make room there, or set "
        f"{CACHE} to a folder that you may write to."
    )
