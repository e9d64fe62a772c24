# SPDX-License-Identifier: GPL-3.0-or-later
"""Catalogues: the package's own, and those of others, by name."""

from __future__ import annotations

import difflib
import hashlib
import os
import shutil
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path

from hyperspy_dlatoms._atomic_write import atomic_write
from hyperspy_dlatoms._warnings import RegistryWarning, warn
from hyperspy_dlatoms.registry import _cache
from hyperspy_dlatoms.registry._transport import TransportError, download
from hyperspy_dlatoms.registry.entries import (
    Entry,
    catalogue_content,
    is_address,
    is_name,
    parse_catalogue,
)
from hyperspy_dlatoms.registry.errors import RegistryError
from hyperspy_dlatoms.registry.mirrors import CATALOGUE, REGISTRY, Source, mirrors

ENTRY_POINTS = "hyperspy_dlatoms.registries"
LARGEST = 16 * 2**20  # Most bytes of a catalogue that are read.
OWN = Path(__file__).with_name("catalogue.json")

_added: dict[str, Source] = {}
_texts: dict[Source, str] = {}
_guard = threading.RLock()


def add_source(
    place: str | os.PathLike[str],
    name: str | None = None,
    sha256: str | None = None,
    *,
    offline: bool = False,
) -> str:
    """Make the models and data sets of another registry available in this process.

    Parameters
    ----------
    place : str or os.PathLike
        Address or path of its ``registry.json``, or of the folder that holds it.
    name : str, optional
        Prefix of its names, ``name/entry``; by default the name in the catalogue.
    sha256 : str, optional
        Required SHA-256 of the catalogue. Since this holds the SHA-256 of each file, it pins
        everything that the source provides.
    offline : bool, optional
        Whether never to use the internet: a catalogue read before then comes from the cache.

    Returns
    -------
    str
        The name.

    Raises
    ------
    RegistryError
        If the catalogue cannot be read or is not the pinned one, or if the name is taken.

    See Also
    --------
    publish : Write a registry.

    Examples
    --------
    >>> add_source("https://lab.example/models/registry.json", name="lab")  # doctest: +SKIP
    'lab'
    >>> s.find_atoms_nn("lab/gold")  # doctest: +SKIP
    """
    source = Source.at(place, name or "", sha256)
    text = _read(source, offline)
    if not name:
        source = replace(source, name=_own_name(text, str(source.catalogue)))
    _check_name(source)
    parse_catalogue(text, str(source.catalogue), source=source.name, home=source.home)
    with _guard:
        for other in _declared():
            _check_free(source, other)
        _added[source.name] = source
        _texts[source] = text
    return source.name


def entries(*, offline: bool = False) -> list[Entry]:
    """Return all entries of all catalogues, with a warning for each source that cannot be read."""
    found = list(own_entries())
    for source in sources(offline=offline):
        try:
            found += _entries_of(source, offline)
        except RegistryError as error:
            warn(f"The source {source.name!r} is left out: {error}", RegistryWarning)
    return found


def find(name: str, *, offline: bool = False) -> Entry:
    """Return the entry with a name."""
    before, separator, after = str(name).rpartition("/")
    if not separator:
        known, where = list(own_entries()), "hyperspy-dlatoms"
    else:
        source = _source(before, offline)
        known, where = _entries_of(source, offline), f"the source {before!r}"
    for entry in known:
        if entry.name == after:
            return entry
    names = [entry.full_name for entry in known]
    raise RegistryError(
        f"There is no {name!r} in {where}.{did_you_mean(str(name), names)} It has: "
        f"{', '.join(names) or 'nothing'}."
    )


def did_you_mean(name: str, names: Sequence[str]) -> str:
    """Return a question with the known name nearest to an unknown one, or nothing."""
    nearest = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    return f" Did you mean {nearest[0]!r}?" if nearest else ""


def has_source(name: str) -> bool:
    """Whether a source of this name was declared, without reading any catalogue."""
    # Nor importing anything from other packages, since every path with a folder is asked about.
    named = [*_added, *(mirror.name for mirror in mirrors() if mirror.name)]
    return name in named or name in entry_points(group=ENTRY_POINTS).names


def sources(*, offline: bool = False) -> list[Source]:
    """Return the sources of others: those added, from the variable REGISTRY, and entry points."""
    return list(_by_name([*_declared(), *_nameless(offline)]).values())


def own_entries() -> tuple[Entry, ...]:
    """Return the entries of the package's own catalogue."""
    return _parsed_own(OWN, OWN.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _parsed_own(path: Path, _: int) -> tuple[Entry, ...]:
    return tuple(parse_catalogue(path.read_text("utf-8"), str(path), home=str(path.parent)))


def _declared() -> Iterator[Source]:
    """Yield the sources whose names are known without reading their catalogues."""
    yield from _added.values()
    yield from (source for source in mirrors() if source.name)
    for point in entry_points(group=ENTRY_POINTS):
        try:
            value = point.load()
            where = value if isinstance(value, Mapping) else {"url": value}
            source = Source.at(where["url"], point.name, where.get("sha256"))
        except Exception as error:
            # A broken package of others does not block the rest.
            warn(
                f"The source {point.name!r} of an installed package is left out: {point.value!r} "
                f"does not say where it is ({type(error).__name__}: {error}). Update or uninstall "
                "that package.",
                RegistryWarning,
            )
        else:
            yield source


def _nameless(offline: bool, unread: list[str] | None = None) -> Iterator[Source]:
    """Yield the user's registries that name themselves; `unread` gets why others cannot be read."""
    for source in mirrors():
        if source.name:
            continue
        try:
            text = _read(source, offline)
        except RegistryError as error:
            if unread is not None:
                unread.append(str(error))
            continue
        named = replace(source, name=_own_name(text, str(source.catalogue)))
        _texts[named] = text
        yield named


def copy_catalogues(folder: Path) -> None:
    """Copy the catalogues of others from the cache into another cache."""
    for source in sources():
        if is_address(source.home):
            _entries_of(source, offline=False)
            kept = _kept_catalogue(source)
            if kept.is_file():
                folder.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(kept, folder / kept.name)


def _source(name: str, offline: bool) -> Source:
    # Others' catalogues are read only if the name is not among the declared ones.
    by_name = _by_name(_declared())
    if name not in by_name:
        unread: list[str] = []
        by_name = _by_name([*_declared(), *_nameless(offline, unread)])
        if name not in by_name:
            raise RegistryError(
                f"There is no source {name!r}. Known sources: {', '.join(by_name) or 'none'}; add "
                f"it with hyperspy_dlatoms.registry.add_source, or name it in {REGISTRY}. "
                + " ".join(unread)
            )
    return by_name[name]


def _by_name(sources: Iterable[Source]) -> dict[str, Source]:
    by_name: dict[str, Source] = {}
    for source in sources:
        _check_name(source)
        _check_free(source, by_name.setdefault(source.name, source))
    return by_name


def _entries_of(source: Source, offline: bool) -> list[Entry]:
    text = _texts.get(source)
    if text is None or not is_address(source.home):
        text = _texts[source] = _read(source, offline)
    return parse_catalogue(text, str(source.catalogue), source=source.name, home=source.home)


def _read(source: Source, offline: bool) -> str:
    """Read a catalogue, from the cache if it is pinned or cannot be reached."""
    place = source.catalogue
    if isinstance(place, Path):
        if not place.is_file():
            raise RegistryError(
                f"There is no {CATALOGUE} in {source.home!r}: `dlatoms publish` writes one."
            )
        return _checked(place.read_bytes()[: LARGEST + 1], source)
    kept = _kept_catalogue(source)
    if kept.is_file() and (offline or source.sha256):
        try:
            return _checked(kept.read_bytes(), source)
        except RegistryError:
            if offline:
                raise
    if offline:
        raise RegistryError(
            f"The catalogue {place} was never read on this computer, and offline nothing is "
            "downloaded: use it online once."
        )
    try:
        return _download(place, kept, source)
    except TransportError as error:
        if kept.is_file():
            text = _checked(kept.read_bytes(), source)
            warn(f"{place}: {error}; using the copy of it in the cache.", RegistryWarning)
            return text
        raise RegistryError(
            f"The catalogue {place} could not be read: {error}. Check the address and the internet "
            "connection."
        ) from error


def _kept_catalogue(source: Source) -> Path:
    digest = hashlib.sha256(str(source.catalogue).encode()).hexdigest()[:16]
    return _cache.folder() / f"{digest}-{CATALOGUE}"


def _download(place: str, kept: Path, source: Source) -> str:
    with tempfile.TemporaryDirectory() as directory:
        draft = Path(directory) / CATALOGUE
        download(place, draft, LARGEST, whole=False)
        content = draft.read_bytes()
    text = _checked(content, source)
    # If the cache cannot be written, the catalogue is read afresh each time.
    with suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(kept) as fresh:
            fresh.write_bytes(content)
    return text


def _checked(content: bytes, source: Source) -> str:
    """Return the text of a catalogue if it is the pinned one."""
    if len(content) > LARGEST:
        raise RegistryError(f"The catalogue {source.catalogue} is larger than {LARGEST} bytes.")
    found = hashlib.sha256(content).hexdigest()
    if source.sha256 and found != source.sha256:
        raise RegistryError(
            f"The catalogue {source.catalogue} has the SHA-256 {found}, but is pinned to "
            f"{source.sha256}: ask its publisher what has changed, then pin the new one."
        )
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RegistryError(f"{source.catalogue} is not a catalogue: it is not text.") from error
    catalogue_content(text, str(source.catalogue))
    return text


def _own_name(text: str, origin: str) -> str:
    name = catalogue_content(text, origin).get("name")
    if not isinstance(name, str):
        raise RegistryError(
            f"The catalogue {origin} has no name of its own: give it one with `name=`."
        )
    return name


def _check_name(source: Source) -> None:
    if not is_name(source.name):
        raise RegistryError(
            f"The source {source.home} is called {source.name!r}: expected letters, digits and "
            "- _ . only; give it another name."
        )


def _check_free(source: Source, other: Source) -> None:
    if source.name == other.name and source != other:
        raise RegistryError(
            f"Two sources are called {source.name!r}: {source.home} and {other.home}"
            + (", pinned differently" if source.home == other.home else "")
            + ". Give one of them another name."
        )
