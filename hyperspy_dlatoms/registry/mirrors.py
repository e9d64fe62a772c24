# SPDX-License-Identifier: GPL-3.0-or-later
"""The registries that ``HYPERSPY_DLATOMS_REGISTRY`` names: folders and addresses."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from urllib.request import url2pathname

from hyperspy_dlatoms.registry.entries import is_address, within
from hyperspy_dlatoms.registry.errors import RegistryError

REGISTRY = "HYPERSPY_DLATOMS_REGISTRY"
CATALOGUE = "registry.json"


class Mirror(NamedTuple):
    """A registry that the user has named.

    Attributes
    ----------
    name : str
        Name of its source; empty where its own catalogue says it.
    home : str
        Folder or address.
    sha256 : str or None
        What its catalogue is pinned to.
    """

    name: str
    home: str
    sha256: str | None


def mirrors() -> list[Mirror]:
    """Return the registries of ``HYPERSPY_DLATOMS_REGISTRY``, in its order.

    It is a list with commas; each is a folder or an address, ``NAME=`` before it says what its
    source is called here, and ``#sha256=DIGITS`` behind it pins its catalogue.

    Returns
    -------
    list of Mirror

    Raises
    ------
    RegistryError
        If one is neither a folder nor an address.

    Examples
    --------
    >>> import os
    >>> os.environ["HYPERSPY_DLATOMS_REGISTRY"] = "lab=https://lab.example/models/, /data/models"
    >>> [(mirror.name, mirror.home) for mirror in mirrors()]
    [('lab', 'https://lab.example/models'), ('', '/data/models')]
    >>> del os.environ["HYPERSPY_DLATOMS_REGISTRY"]
    """
    given = os.environ.get(REGISTRY, "").split(",")
    return [_mirror(one.strip()) for one in given if one.strip()]


def places(file: str) -> list[Path | str]:
    """Return where the user's registries would have a file.

    Parameters
    ----------
    file : str
        Its name.

    Returns
    -------
    list of pathlib.Path or str
    """
    return [within(mirror.home, file) for mirror in mirrors()]


def home_of(place: str | os.PathLike[str]) -> str:
    """Return the folder or address that a catalogue, or its folder, is in.

    Parameters
    ----------
    place : str or os.PathLike
        A path, a ``file:``, ``http:`` or ``https:`` address; of a folder, or of the
        ``registry.json`` in it.

    Returns
    -------
    str

    Raises
    ------
    RegistryError
        If it is an address of another kind.

    Examples
    --------
    >>> home_of("https://lab.example/models/registry.json")
    'https://lab.example/models'
    """
    place = os.fspath(place)
    if not is_address(place):
        scheme = urlsplit(place).scheme if "://" in place else ""
        if scheme not in ("", "file"):
            raise RegistryError(
                f"{place!r} is no place for a registry: expected a folder, or an address that "
                "begins with https:// or http://."
            )
        path = Path(url2pathname(urlsplit(place).path) if scheme else place).expanduser()
        place = path.absolute().as_posix()
    head, _, tail = place.rpartition("/")
    return head if tail == CATALOGUE else place.rstrip("/") or "/"


def _mirror(text: str) -> Mirror:
    place, _, digits = text.partition("#sha256=")
    name, separator, rest = place.partition("=")
    if not separator or "/" in name or not rest:
        name, rest = "", place
    return Mirror(name, home_of(rest), digits or None)
