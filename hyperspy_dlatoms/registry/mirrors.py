# SPDX-License-Identifier: GPL-3.0-or-later
"""The registries that ``HYPERSPY_DLATOMS_REGISTRY`` names: folders and addresses."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit
from urllib.request import url2pathname

from hyperspy_dlatoms.registry.entries import is_address, within
from hyperspy_dlatoms.registry.errors import RegistryError

REGISTRY = "HYPERSPY_DLATOMS_REGISTRY"
CATALOGUE = "registry.json"


@dataclass(frozen=True)
class Source:
    """A registry of others; if its name is empty, its catalogue gives it."""

    name: str
    home: str
    sha256: str | None = None

    @classmethod
    def at(cls, place: str | os.PathLike[str], name: str = "", sha256: str | None = None) -> Self:
        """Return the registry at a place, its SHA-256 in lower case as `hashlib` writes it."""
        return cls(name, home_of(place), sha256.lower() if sha256 else None)

    @property
    def catalogue(self) -> Path | str:
        """Where its catalogue is."""
        return within(self.home, CATALOGUE)


def mirrors() -> list[Source]:
    """Return the registries that the variable lists: ``[NAME=]PLACE[#sha256=DIGITS]``, commas."""
    given = os.environ.get(REGISTRY, "").split(",")
    return [_mirror(one.strip()) for one in given if one.strip()]


def home_of(place: str | os.PathLike[str]) -> str:
    """Return the folder or address of a registry, given by this or by its ``registry.json``."""
    place = os.fspath(place)
    if is_address(place):
        return place.removesuffix(f"/{CATALOGUE}").rstrip("/")
    scheme = urlsplit(place).scheme if "://" in place or place.lower().startswith("file:") else ""
    if scheme not in ("", "file"):
        raise RegistryError(
            f"{place!r} is not a place for a registry: expected a folder, or an address that "
            "begins with https:// or http://."
        )
    path = Path(_path_of(place) if scheme else place).expanduser().absolute()
    return str(path.parent if path.name == CATALOGUE else path)


def _path_of(address: str) -> str:
    """Return the path of a ``file:`` address, on Windows also of a share."""
    host, path = urlsplit(address)[1:3]
    if host in ("", "localhost"):
        return url2pathname(path)
    if os.name == "nt" and ":" not in host:
        return url2pathname(f"//{host}{path}")
    raise RegistryError(
        f"{address!r} is on a computer called {host!r}: expected a folder on this one, "
        "file:///FOLDER with three slashes, for instance where the other's is mounted."
    )


def _mirror(text: str) -> Source:
    place, _, digits = text.partition("#sha256=")
    name, separator, rest = place.partition("=")
    if not separator or {"/", "\\"}.intersection(name) or not rest:
        name, rest = "", place
    return Source.at(rest, name, digits)
