# SPDX-License-Identifier: GPL-3.0-or-later
"""Update the package's catalogue from the files in the package.

Run it after networks or examples have changed::

    python tools/catalogue.py

Versions, sizes, SHA-256 and model card fields are read from the files, and new networks are added;
ensembles, descriptions and citations in the catalogue are kept. Data sets whose recipe has changed
are generated as far as their fingerprint requires, which takes minutes; ``--generate NAME`` always
generates the data set NAME.
"""

import argparse
import dataclasses
import hashlib
from pathlib import Path

import pooch

from hyperspy_dlatoms.data.generate import fingerprint_of, recipe_text
from hyperspy_dlatoms.networks.model_file import read_model
from hyperspy_dlatoms.registry._publishing import entry_of, write_catalogue
from hyperspy_dlatoms.registry.entries import PACKAGE, Entry, parse_catalogue
from hyperspy_dlatoms.registry.sources import OWN

ROOT = OWN.parents[1]
WEIGHTS = OWN.parent / "weights"
CITATION = (
    "J. Madsen et al., A Deep Learning Approach to Identify Local Structures in Atomic-Resolution "
    "Transmission Electron Microscopy Images, Adv. Theory Simul. 1, 1800037 (2018), "
    "doi:10.1002/adts.201800037"
)
LEFT_OUT = ("Cs", "astigmatism", "coma", "threefold", "focal_spread")
"""Parts of a card's domain that the catalogue leaves out."""


def main() -> None:
    """Read the catalogue and the files, and write the new catalogue."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--generate", metavar="NAME", action="append", default=[])
    arguments = parser.parse_args()
    # Models first: what follows reads their cards by the names in the catalogue.
    before = parse_catalogue(OWN.read_text("utf-8"), str(OWN))
    others = [entry for entry in before if entry.kind != "model"]
    write_catalogue(OWN, "hyperspy-dlatoms", [*models(before), *others])
    entries = current(OWN)
    write_catalogue(OWN, "hyperspy-dlatoms", entries)
    for index, entry in enumerate(entries):
        if entry.generate and (entry.name in arguments.generate or not entry.sha256):
            print("generating", entry.name, flush=True)
            entries[index] = dataclasses.replace(entry, sha256=fingerprint_of(entry))
            write_catalogue(OWN, "hyperspy-dlatoms", entries)


def current(catalogue: Path) -> list[Entry]:
    """Return the entries of a catalogue, updated from the files in the package."""
    before = parse_catalogue(catalogue.read_text("utf-8"), str(catalogue))
    others = [_refreshed(entry) for entry in before if entry.kind != "model"]
    return [*models(before), *others]


def models(before: list[Entry]) -> list[Entry]:
    """Return the entries of the networks in the package."""
    known = {entry.name: entry for entry in before}
    return [_model(file, known) for file in sorted(WEIGHTS.glob("*.safetensors"))]


def _model(file: Path, known: dict[str, Entry]) -> Entry:
    card, _ = read_model(file)
    entry = entry_of(card, file, citation=CITATION)
    domain = {name: value for name, value in entry.domain.items() if name not in LEFT_OUT}
    place = PACKAGE + file.relative_to(ROOT).as_posix()
    elsewhere = known[card.name].where[1:] if card.name in known else ()
    return dataclasses.replace(entry, domain=domain, where=(place, *elsewhere))


def _refreshed(entry: Entry) -> Entry:
    """Return the updated entry of anything but a model, without a stale fingerprint."""
    if "recipe_of" in entry.generate:
        sha256 = hashlib.sha256(recipe_text(entry).encode()).hexdigest()
        if sha256 == entry.generate.get("recipe_sha256"):
            return entry
        generate = entry.generate | {"recipe_sha256": sha256}
        return dataclasses.replace(entry, generate=generate, sha256="")
    if not entry.where or not entry.where[0].startswith(PACKAGE):
        return entry
    file = ROOT / entry.where[0].removeprefix(PACKAGE)
    sha256 = pooch.file_hash(str(file), alg="sha256")
    return dataclasses.replace(entry, size=file.stat().st_size, sha256=sha256)


if __name__ == "__main__":
    main()
