# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of the catalogues, and details of one entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import filesize

from hyperspy_dlatoms.registry import _cache, sources
from hyperspy_dlatoms.registry.catalogue import member_name
from hyperspy_dlatoms.registry.entries import KINDS, PACKAGE, Entry
from hyperspy_dlatoms.registry.errors import RegistryError
from hyperspy_dlatoms.registry.fetch import on_this_computer

if TYPE_CHECKING:
    from rich.table import Table


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
        Bytes to download before use: 0 if it is here, for an ensemble those of missing members.
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

    def __rich__(self) -> Table:
        """Return the details, a row each."""
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, show_header=False, pad_edge=False)
        for name, value in self._rows():
            table.add_row(Text(name, "bold"), Text(value))
        return table

    def __repr__(self) -> str:
        return "\n".join(f"{name:18}{value}" for name, value in self._rows())

    def _rows(self) -> Sequence[tuple[str, str]]:
        entry = self.entry
        rows = [("name", entry.full_name)]
        for one in fields(entry):
            value = getattr(entry, one.name)
            if value and one.name not in ("name", "size", "source", "home"):
                rows.append((one.name, _text(value)))
        if entry.size:
            rows.append(("size", _bytes(entry.size)))
        rows.append(("on this computer", self.here + (f", {self.path}" if self.path else "")))
        if self.lacking:
            rows.append(("lacking", ", ".join(self.lacking)))
        return [*rows, ("to download", _bytes(self.download))]


class Listing(tuple[Item, ...]):
    """The items of the catalogues, shown as a table."""

    def __rich__(self) -> Table:
        """Return a table with a row an item."""
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, header_style="bold", pad_edge=False)
        for heading in ("name", "kind", "version", "on this computer"):
            table.add_column(heading, no_wrap=True)
        for heading in ("size", "to download"):
            table.add_column(heading, justify="right", no_wrap=True)
        for heading in ("licence", "description"):
            table.add_column(heading)
        for item in self:
            entry = item.entry
            size, cost = _bytes(entry.size) if entry.size else "", _bytes(item.download)
            row = (entry.full_name, entry.kind, entry.version, item.here, size, cost)
            table.add_row(*map(Text, (*row, entry.licence, entry.description)))
        return table

    def __repr__(self) -> str:
        from rich.console import Console

        console = Console(width=160)
        with console.capture() as capture:
            console.print(self)
        return capture.get().rstrip()


def list(*kinds: str, offline: bool = False) -> Listing:
    """List the entries of the catalogues, which are on this computer, and the size of the others.

    Parameters
    ----------
    *kinds : {"model", "ensemble", "dataset", "example"}
        Kinds to list; by default all.
    offline : bool, optional
        Whether to use only catalogues of others that were read before, never the network.

    Returns
    -------
    Listing
        A tuple of `Item` that shows as a table.

    Raises
    ------
    ValueError
        If a kind is not known.

    Examples
    --------
    >>> from hyperspy_dlatoms import registry
    >>> [item.entry.name for item in registry.list("ensemble")]
    ['graphene-ensemble', 'metal-nanoparticle-ensemble', 'mos2-focal-series-ensemble']
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
        Its name, ``source/name`` for one of others.
    offline : bool, optional
        Whether never to use the network.

    Returns
    -------
    Item
        With the entry of the catalogue, the path, and the bytes to download.

    Raises
    ------
    RegistryError
        If there is none of that name.

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
        return f"{low:g} and more" if high is None else f"{low:g} to {high:g}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(str, value))
    return str(value)
