# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing a registry: a folder of models and their catalogue, for any web server."""

import dataclasses
import json
import os
import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from hyperspy_dlatoms._atomic_write import atomic_write
from hyperspy_dlatoms.networks._card_recipe import recipe_in
from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.model_file import read_model
from hyperspy_dlatoms.registry.entries import (
    FORMAT,
    Entry,
    catalogue_content,
    is_name,
    parse_catalogue,
    to_json,
)
from hyperspy_dlatoms.registry.errors import RegistryError
from hyperspy_dlatoms.registry.mirrors import CATALOGUE

ZENODO = ".zenodo.json"


def publish(
    models: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    to: str | os.PathLike[str],
    *,
    name: str | None = None,
    doi: str | None = None,
    citation: str = "",
    creators: Sequence[str] = (),
) -> Path:
    """Write models and their catalogue into a folder that any web server can host.

    A folder that already is a registry keeps its name, its other entries, and the creators and
    anything else filled into its record. Besides the models this writes ``registry.json``, the
    catalogue, and ``.zenodo.json``, the metadata of a Zenodo record.

    Parameters
    ----------
    models : str, os.PathLike or iterable of them
        Model files.
    to : str or os.PathLike
        The folder; created if missing.
    name : str, optional
        Name of the registry; by default the name it has, or that of the folder.
    doi : str, optional
        The DOI of the record that the files are, or will be, uploaded to, or its address at
        doi.org; they can then also be downloaded from there. Zenodo reserves one before the upload.
    citation : str, optional
        Citation for users of the models.
    creators : sequence of str, optional
        The names for the record, ``Family, Given``, or one of them; by default those it has.

    Returns
    -------
    pathlib.Path
        The catalogue.

    Raises
    ------
    ModelFileError
        If a file is not a model file.
    RegistryError
        If a card's name or version cannot be part of a file name, nor the name of the registry, a
        different file with that name and version is already published, the folder is a registry of
        another name, or its catalogue or record is damaged.
    OSError
        If the folder cannot be written.

    See Also
    --------
    hyperspy_dlatoms.registry.add_source : Use a registry.

    Examples
    --------
    >>> publish(["gold.safetensors"], "public/models", name="lab")  # doctest: +SKIP
    PosixPath('public/models/registry.json')
    """
    if isinstance(models, str | os.PathLike):
        models = [models]
    if isinstance(creators, str):
        creators = [creators]
    # As people copy it.
    doi = re.sub(r"^(https?://(dx\.)?doi\.org/|doi:)", "", (doi or "").strip(), flags=re.IGNORECASE)
    to = Path(os.path.expanduser(to))
    catalogue = to / CATALOGUE
    published, name = _published(catalogue, name)
    before = _record(to / ZENODO)
    # Read all before copying the first.
    copied: list[tuple[Path, Path]] = []
    for model in (Path(os.path.expanduser(one)) for one in models):
        card, _ = read_model(model)
        entry = entry_of(card, model, citation=citation)
        where = [entry.file, *([f"doi:{doi}/{entry.file}"] if doi else [])]
        _check_file(entry, to / entry.file, published.values())
        known = published.get(entry.name)
        if known and known.sha256 == entry.sha256:
            # What the catalogue said of it before still holds.
            entry = dataclasses.replace(entry, citation=citation or known.citation)
            where += [place for place in known.where if place not in where]
        entry = dataclasses.replace(entry, where=tuple(where))
        copied.append((model, to / entry.file))
        published[entry.name] = entry
    to.mkdir(parents=True, exist_ok=True)
    for model, file in copied:
        if not file.exists() or not file.samefile(model):
            with atomic_write(file) as draft:
                shutil.copyfile(model, draft)
    write_catalogue(catalogue, name, published.values())
    record = before | zenodo_record(name, list(published.values()), creators)
    if not creators and "creators" in before:
        # With what else is known of them, such as affiliations.
        record["creators"] = before["creators"]
    _write(to / ZENODO, record)
    return catalogue


def entry_of(card: ModelCard, file: Path, *, citation: str = "") -> Entry:
    """Return the entry of a model file, without the places it is kept at."""
    import pooch

    target = f"{card.name}-{card.version or '0'}{file.suffix}"
    if not is_name(target) or not is_name(card.name):
        raise RegistryError(
            f"The card of {str(file)!r} has the name {card.name!r} and the version "
            f"{card.version!r}: expected letters, digits and - _ . only, since files are named "
            "after them."
        )
    classes = ", ".join(card.classes)
    return Entry(
        name=card.name,
        kind="model",
        version=card.version,
        description=str(recipe_in(card.recipe).get("description", "")).strip()
        or f"A network that finds {classes}.",
        licence=card.licence,
        citation=citation,
        domain={"classes": list(card.classes), **card.domain},
        file=target,
        size=file.stat().st_size,
        sha256=pooch.file_hash(str(file), alg="sha256"),
        where=(target,),
    )


def write_catalogue(path: Path, name: str, entries: Iterable[Entry]) -> None:
    """Write a catalogue of entries as JSON, with the name of its registry."""
    _write(path, {"format": FORMAT, "name": name, "entries": [to_json(one) for one in entries]})


def zenodo_record(name: str, entries: Sequence[Entry], creators: Sequence[str]) -> dict[str, Any]:
    """Return the metadata of a Zenodo record, as a ``.zenodo.json`` holds them."""
    # https://developers.zenodo.org/#representation
    rows = "".join(f"<li>{one.name} {one.version}: {one.description}</li>" for one in entries)
    licences = {one.licence for one in entries}
    record = {
        "title": f"{name}: networks that find atoms in electron micrographs",
        "upload_type": "software",
        "description": f"<p>Models for hyperspy-dlatoms.</p><ul>{rows}</ul>",
        "creators": [{"name": one} for one in creators],
        "keywords": ["electron microscopy", "deep learning", "HyperSpy"],
        "access_right": "open",
    }
    # A record has one licence; if the models differ, each entry gives its own.
    return record | ({"license": licences.pop()} if len(licences) == 1 else {})


def _record(path: Path) -> dict[str, Any]:
    """Return the record of a registry that was published before, as since filled in."""
    if not path.is_file():
        return {}
    try:
        record = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise RegistryError(
            f"{str(path)!r} is damaged ({error}): repair it, or delete it to have it rewritten."
        ) from error
    if not isinstance(record, dict):
        raise RegistryError(
            f"{str(path)!r} is not a Zenodo record: expected a JSON object; delete it to have it "
            "rewritten."
        )
    creators = record.get("creators", [])
    named = isinstance(creators, list) and all(
        isinstance(one, dict) and isinstance(one.get("name"), str) for one in creators
    )
    if not named:
        raise RegistryError(
            f"{str(path)!r} has creators = {creators!r}, expected a list such as "
            '[{"name": "Curie, Marie"}].'
        )
    return record


def _published(catalogue: Path, given: str | None) -> tuple[dict[str, Entry], str]:
    name = given or catalogue.parent.absolute().name
    if not catalogue.is_file():
        if not is_name(name):
            raise RegistryError(
                f"The registry would be called {name!r}: expected letters, digits and - _ . only; "
                "give it a name."
            )
        return {}, name
    try:
        text = catalogue.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise RegistryError(
            f"{str(catalogue)!r} is not a catalogue: it is not text. Repair it, or publish into "
            "another folder."
        ) from error
    entries = parse_catalogue(text, str(catalogue), source=name, home=str(catalogue.parent))
    own = catalogue_content(text, str(catalogue)).get("name", name)
    if given and given != own:
        raise RegistryError(
            f"{str(catalogue.parent)!r} is already the registry {own!r}, not {given!r}: people "
            "know its models by that name, so leave out the name, or publish into another folder."
        )
    return {entry.name: entry for entry in entries}, own


def _check_file(entry: Entry, target: Path, published: Iterable[Entry]) -> None:
    """Raise if the file of an entry would replace a different one that people may have."""
    import pooch

    others = [
        one
        for one in published
        if one.sha256 != entry.sha256
        and (one.file == entry.file or (one.name, one.version) == (entry.name, entry.version))
    ]
    if target.is_file() and pooch.file_hash(str(target), alg="sha256") != entry.sha256:
        others.append(entry)
    if others:
        raise RegistryError(
            f"{others[0].name!r} {others[0].version} is already published as another file, "
            f"{others[0].file}: people have that version, so give the new card another one."
        )


def _write(path: Path, content: dict[str, Any]) -> None:
    with atomic_write(path) as draft:
        draft.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
