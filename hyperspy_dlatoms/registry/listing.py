# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of the catalogues, and details of single entries."""

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich import filesize

from hyperspy_dlatoms import _rows
from hyperspy_dlatoms.networks._card_summary import rows_of, scores_of
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.model_file import open_model
from hyperspy_dlatoms.registry import _cache, sources
from hyperspy_dlatoms.registry.catalogue import member_name
from hyperspy_dlatoms.registry.entries import KINDS, PACKAGE, Entry
from hyperspy_dlatoms.registry.errors import RegistryError
from hyperspy_dlatoms.registry.fetch import on_this_computer

_HEADINGS = {
    "model": "Networks",
    "ensemble": "Ensembles of networks",
    "dataset": "Data sets",
    "example": "Examples",
}
_LICENCE = "GPL-3.0-or-later"  # Licence of the package, and of what comes with it.


@dataclass(frozen=True, repr=False)
class Item:
    """An entry, and its file on this computer.

    Attributes
    ----------
    entry : Entry
        Entry of the catalogue.
    path : pathlib.Path or None
        The file, if it is on this computer; None for an ensemble, which has none of its own.
    download : int
        Bytes to download before use: 0 if it is here; for an ensemble, those of missing members.
    lacking : tuple of str, optional
        Members of an ensemble that no catalogue has.
    """

    entry: Entry
    path: Path | None
    download: int
    lacking: tuple[str, ...] = ()

    @property
    def here(self) -> str:
        """Where it is on this computer, in a few words."""
        if self.lacking:
            return "incomplete"
        if self.download:
            return "no"
        if self.entry.generate:
            return "to generate" if self.path is None else "generated"
        embedded = any(place.startswith(PACKAGE) for place in self.entry.where)
        return "in the package" if embedded else "yes"

    @property
    def _state(self) -> str:
        """Whether it can be used at once, its size, and its licence if it is not ours."""
        cost = f"to download, {_bytes(self.download)}" if self.download else self.here
        if self.entry.members and not self.lacking:
            cost = f"{len(self.entry.members)} networks" + f", {cost}" * bool(self.download)
        size = f", {_bytes(self.entry.size)}" if self.entry.size and not self.download else ""
        licence = self.entry.licence
        return cost + size + (f", {licence}" if licence not in ("", _LICENCE) else "")

    def __repr__(self) -> str:
        text = _rows.to_text(self._title, self._shown())
        return _rows.plain("\n\n".join(filter(None, [text, self._scores()])))

    def _repr_html_(self) -> str:
        return _rows.to_html(self._title, self._shown(), self._scores())

    @property
    def _title(self) -> str:
        entry = self.entry
        version = f" {entry.version}" if entry.version else ""
        return f"{entry.full_name}{version} ({entry.kind})"

    def _card(self) -> ModelCard | None:
        """Return the card of a model that is on this computer."""
        return open_model(self.path).card if self.path and self.entry.kind == "model" else None

    def _scores(self) -> str:
        card = self._card()
        return "" if card is None else "\n".join(scores_of(card))

    def _shown(self) -> Iterator[tuple[str, str]]:
        entry, card = self.entry, self._card()
        yield "description", entry.description
        if card is not None:
            yield from rows_of(card)
        elif entry.domain:
            yield "domain", _text(entry.domain)
        for name in ("members", "threshold", "generate", "licence", "citation"):
            if value := getattr(entry, name):
                yield name, _text(value)
        yield "here", self.here
        if self.path:
            yield "path", f"{self.path}"
        if self.lacking:
            yield "lacking", ", ".join(self.lacking)
        if self.download:
            yield "to download", _bytes(self.download)
        if entry.file:
            yield "file", f"{entry.file}, {_bytes(entry.size)}"
            yield "sha256", entry.sha256
            places = [place for place in entry.where if not place.startswith(PACKAGE)]
            if places:
                yield "from", ", ".join(places)


class Listing(tuple[Item, ...]):
    """The items of the catalogues, shown as a table."""

    def __repr__(self) -> str:
        return _rows.plain("\n".join(self._lines()))

    def _lines(self) -> Iterator[str]:
        """Yield two or more lines per item under a heading for each kind, in 79 columns."""
        kind = None
        for item in self:
            entry = item.entry
            if entry.kind != kind:
                yield from [] if kind is None else [""]
                yield _HEADINGS[entry.kind]
                kind = entry.kind
            version = f" {entry.version}" if entry.version else ""
            yield f"  {entry.full_name}{version} ({item._state})"
            indent = " " * 6
            yield from textwrap.wrap(
                entry.description, _rows.WIDTH, initial_indent=indent, subsequent_indent=indent
            )

    def _repr_html_(self) -> str:
        return "".join(
            _rows.to_html(
                _HEADINGS[kind],
                [
                    (
                        f"{item.entry.full_name} {item.entry.version}".rstrip(),
                        f"{item.entry.description} ({item._state})",
                    )
                    for item in self
                    if item.entry.kind == kind
                ],
            )
            for kind in dict.fromkeys(item.entry.kind for item in self)
        )


def list(*kinds: str, offline: bool = False) -> Listing:
    """List the entries of the catalogues: which are on this computer, and the size of the others.

    Parameters
    ----------
    *kinds : {"model", "ensemble", "dataset", "example"}
        Kinds to list; by default all.
    offline : bool, optional
        Whether to use only catalogues of others read before, never the internet.

    Returns
    -------
    Listing
        A tuple of `Item`, shown as a table.

    Raises
    ------
    ValueError
        If a kind is not known.

    Examples
    --------
    >>> from hyperspy_dlatoms import registry
    >>> [item.entry.name for item in registry.list("ensemble")][:2]
    ['crystal-ensemble', 'graphene-ensemble']
    """
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown:
        raise ValueError(f"The kind {unknown[0]!r} is not known: expected {', '.join(KINDS)}.")
    entries = sources.entries(offline=offline)
    entries = [entry for entry in entries if entry.kind in (kinds or KINDS)]
    order = sorted(entries, key=lambda entry: (entry.source, KINDS.index(entry.kind), entry.name))
    return Listing(_item(entry, offline) for entry in order)


def info(name: str, *, offline: bool = False) -> Item:
    """Return the details of a model, an ensemble, a data set or an example.

    Parameters
    ----------
    name : str
        Its name, or ``source/name`` for one from another source.
    offline : bool, optional
        Whether never to use the internet.

    Returns
    -------
    Item
        With its catalogue entry, its path, and the bytes to download.

    Raises
    ------
    RegistryError
        If there is no such entry.

    Examples
    --------
    >>> from hyperspy_dlatoms import registry
    >>> registry.info("graphene").download
    0
    """
    return _item(sources.find(name, offline=offline), offline)


def _bytes(size: int) -> str:
    return filesize.decimal(size) if size else "-"


def _item(entry: Entry, offline: bool) -> Item:
    if entry.members:
        return _item_of_ensemble(entry, offline)
    if entry.generate:
        checked = _cache.generated_path(entry) / _cache.CHECKED
        return Item(entry, checked.parent if checked.is_file() else None, 0)
    path = on_this_computer(entry)
    return Item(entry, path, 0 if path else entry.size)


def _item_of_ensemble(entry: Entry, offline: bool) -> Item:
    cost, lacking = 0, []
    for member in entry.members:
        try:
            found = sources.find(member_name(entry, member), offline=offline)
        except RegistryError:
            lacking.append(member)
        else:
            cost += _item(found, offline).download
    return Item(entry, None, cost, tuple(lacking))


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(one)}" for name, one in value.items())
    if isinstance(value, Sequence) and len(value) == 2 and isinstance(value[0], int | float):
        low, high = value
        # A pair that is not a range of numbers is shown like any list.
        with suppress(TypeError, ValueError, OverflowError):
            return f"{low:g} and more" if high is None else f"{low:g} to {high:g}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(str, value))
    return str(value)
