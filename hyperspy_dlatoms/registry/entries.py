# SPDX-License-Identifier: GPL-3.0-or-later
"""The entries of a catalogue, and reading them from JSON."""

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, urlsplit

from hyperspy_dlatoms.registry.errors import RegistryError

# The newest catalogue format that this version of the package reads, and the one it writes.
FORMAT = 1
KINDS = ("model", "ensemble", "dataset", "example")
PACKAGE = "package:"  # Prefix of a place within the installed package.
# What ``generate`` of an entry may hold, see `data.generate`, with types.
_GENERATE = {
    **dict.fromkeys(("recipe", "waves", "images", "imaging"), dict),
    **{"recipe_of": str, "trial": str, "checked": int},
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Entry:
    """A model, an ensemble, a data set or an example image of a catalogue.

    Parameters
    ----------
    name : str
        Its name in the catalogue.
    kind : {"model", "ensemble", "dataset", "example"}
        What it is.
    version : str
        Version of the file.
    description : str
        What it is for, in one line.
    licence : str
        SPDX identifier.
    citation : str
        Citation for users.
    domain : dict
        What it is for: materials, ranges of sampling (Å/px), dose (e/Å²) and so on.
    file : str
        Name of the file, with the version in it; an ensemble has none.
    size : int
        Size of the file in bytes.
    sha256 : str
        SHA-256 of the file, 64 hexadecimal digits.
    where : tuple of str
        Where the file is, tried in turn: ``package:`` and a path within the package, an
        ``https://`` address, ``doi:DOI/FILE``, or a path relative to the catalogue.
    members : tuple of str
        The models of an ensemble.
    threshold : float, optional
        Lowest mean probability of a site from the members of an ensemble, between 0 and 1; by
        default the lowest of their thresholds.
    generate : dict
        How a data set without a file is generated, see ``data.generate``. Its ``sha256`` is the
        fingerprint of the result.
    source : str
        Name of the source of the catalogue; empty for the package's own.
    home : str
        Folder or address that holds the catalogue.

    Raises
    ------
    RegistryError
        If a field has the wrong type or value.

    Examples
    --------
    >>> Entry("gold", "model", file="gold 1", size=3, sha256="0" * 64, where=("gold.bin",))
    Traceback (most recent call last):
    ...
    hyperspy_dlatoms.registry.errors.RegistryError: The entry 'gold' has file = 'gold 1'...
    """

    name: str
    kind: str
    version: str = ""
    description: str = ""
    licence: str = ""
    citation: str = ""
    domain: dict[str, Any] = field(default_factory=dict)
    file: str = ""
    size: int = 0
    sha256: str = ""
    where: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    threshold: float | None = None
    generate: dict[str, Any] = field(default_factory=dict)
    source: str = ""
    home: str = ""

    def __post_init__(self) -> None:
        for one in ("where", "members"):
            value = getattr(self, one)
            self._check(one, isinstance(value, list | tuple), "a list")
            self._check(one, all(isinstance(part, str) and part for part in value), "texts")
            object.__setattr__(self, one, tuple(value))
        for one in ("name", "version", "description", "licence", "citation", "sha256", "file"):
            self._check(one, isinstance(getattr(self, one), str), "text")
        for one in ("domain", "generate"):
            self._check(one, isinstance(getattr(self, one), dict), "a JSON object")
        self._check("name", is_name(self.name), "letters, digits and - _ .")
        self._check("kind", self.kind in KINDS, f"one of {', '.join(KINDS)}")
        if self.kind == "ensemble":
            self._check("members", len(self.members) > 1, "the names of two models or more")
            self._check("threshold", _is_threshold(self.threshold), "a probability from 0 to 1")
        elif self.generate:
            self._check("kind", self.kind == "dataset", "'dataset' where there is a `generate`")
            right = all(isinstance(self.generate.get(n, t()), t) for n, t in _GENERATE.items())
            expected = ", ".join(f"{n} ({t.__name__})" for n, t in _GENERATE.items())
            self._check("generate", right, f"some of {expected}")
        else:
            self._check_file()

    def _check_file(self) -> None:
        self._check("file", is_name(self.file), "a plain file name, of letters, digits and - _ .")
        self._check(
            "size",
            isinstance(self.size, int) and not isinstance(self.size, bool) and self.size > 0,
            "a number of bytes",
        )
        self._check("sha256", _SHA256.fullmatch(self.sha256), "64 hexadecimal digits, lower case")
        self._check("where", len(self.where) > 0, "one place or more")
        for place in self.where:
            self._check("where", self._is_place(place), "https:, doi: or relative places")

    def _is_place(self, place: str) -> bool:
        if place.startswith(PACKAGE):
            # Other catalogues must not name files on this computer.
            return self.source == "" and _is_relative(place.removeprefix(PACKAGE))
        try:
            scheme = urlsplit(place).scheme.lower() if ":" in place else ""
        except ValueError:
            # Brackets that are not an IPv6 address.
            return False
        return scheme in ("http", "https", "doi") or (scheme == "" and _is_relative(place))

    def _check(self, name: str, right: object, expected: str) -> None:
        if not right:
            raise RegistryError(
                f"The entry {self.name!r} has {name} = {getattr(self, name)!r}, "
                f"expected {expected}."
            )

    @property
    def full_name(self) -> str:
        """The name that users give, prefixed by the source except for the package's own."""
        return f"{self.source}/{self.name}" if self.source else self.name

    def places(self) -> list[Path | str]:
        """Return where the file is, in turn: paths on this computer, and addresses."""
        return [self._place(one) for one in self.where]

    def _place(self, place: str) -> Path | str:
        if place.startswith(PACKAGE):
            return Path(__file__).parents[1] / place.removeprefix(PACKAGE)
        if ":" in place and urlsplit(place).scheme:
            return place
        return within(self.home, place)


def within(home: str, file: str) -> Path | str:
    """Return the path of a file in a folder, or its address under another."""
    return f"{home.rstrip('/')}/{quote(file)}" if is_address(home) else Path(home) / file


def is_address(place: str) -> bool:
    """Whether a place is an ``http`` or ``https`` address, rather than a path."""
    return place.lower().startswith(("http://", "https://"))


def is_name(name: str) -> bool:
    """Whether a name is plain: letters, digits, ``-``, ``_`` and ``.``, no path."""
    return bool(_NAME.fullmatch(name))


def parse_catalogue(text: str, origin: str, *, source: str = "", home: str = "") -> list[Entry]:
    """Read the entries of a catalogue."""
    content = catalogue_content(text, origin)
    try:
        entries = [_entry(one, source, home) for one in content["entries"]]
    except RegistryError as error:
        raise RegistryError(f"The catalogue {origin}: {error}") from error
    names = [entry.name for entry in entries]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise RegistryError(f"The catalogue {origin} has {', '.join(twice)} more than once.")
    return entries


def catalogue_content(text: str, origin: str) -> dict[str, Any]:
    """Read the JSON of a catalogue and check its format, but not the entries."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RegistryError(
            f"{origin} is not a catalogue ({error}): expected the JSON that `dlatoms publish` "
            "writes."
        ) from error
    version = content.get("format") if isinstance(content, Mapping) else None
    if isinstance(version, int) and version > FORMAT:
        raise RegistryError(
            f"The catalogue {origin} is of format {version}, but this version of hyperspy-dlatoms "
            f"reads up to format {FORMAT}: update hyperspy-dlatoms."
        )
    if version != FORMAT or not isinstance(content.get("entries"), list):
        raise RegistryError(
            f"{origin} is not a catalogue: expected a `format` and a list `entries`, as "
            "`dlatoms publish` writes them."
        )
    return content


def to_json(entry: Entry) -> dict[str, Any]:
    """Return an entry as a catalogue holds it, without what is empty or implied."""
    left_out = ("source", "home")
    values = {f.name: getattr(entry, f.name) for f in dataclasses.fields(entry)}
    values = {name: value for name, value in values.items() if value and name not in left_out}
    return {n: list(v) if isinstance(v, tuple) else v for n, v in values.items()}


def _entry(values: Any, source: str, home: str) -> Entry:
    if not isinstance(values, Mapping):
        raise RegistryError(f"an entry is a {type(values).__name__}, expected a JSON object.")
    known = {one.name for one in dataclasses.fields(Entry)} - {"source", "home"}
    missing = sorted({"name", "kind"} - values.keys())
    if missing:
        raise RegistryError(f"an entry lacks {', '.join(missing)}.")
    # A later version of the same format may hold more than this one knows.
    return Entry(**{n: v for n, v in values.items() if n in known}, source=source, home=home)


def _is_threshold(value: Any) -> bool:
    return value is None or (isinstance(value, float) and 0 < value < 1)


def _is_relative(path: str) -> bool:
    pure = PurePosixPath(path)
    return not pure.is_absolute() and ".." not in pure.parts and "\\" not in path
