# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``dlatoms publish``."""

import argparse
import json
from pathlib import Path

from hyperspy_dlatoms.cli._output import print_rows

HELP = "write a registry of models that others can use from any web server"
EXAMPLES = """
dlatoms publish gold.safetensors --to public/lab --creator "Curie, Marie"
    # upload public/lab to a web server or to Zenodo; others then use it by:
    # hyperspy_dlatoms.registry.add_source("https://.../lab")
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare its arguments."""
    parser.add_argument("models", metavar="MODEL", nargs="+", help="names or files")
    parser.add_argument(
        "--to", metavar="DIR", type=Path, required=True, help="folder to write, or to add to"
    )
    parser.add_argument("--name", help="name of a new registry (default: the directory's)")
    parser.add_argument("--doi", help="DOI of the record that the files are uploaded to")
    parser.add_argument("--citation", default="", help="citation for users of the models")
    parser.add_argument(
        "--creator",
        metavar='"FAMILY, GIVEN"',
        action="append",
        default=[],
        help="author of the record, may be repeated (default: those it has)",
    )


def run(options: argparse.Namespace) -> None:
    """Write the registry, and print what others pin it to."""
    import pooch

    from hyperspy_dlatoms import registry
    from hyperspy_dlatoms.registry._publishing import ZENODO
    from hyperspy_dlatoms.registry.catalogue import file_of

    catalogue = registry.publish(
        [file_of(model) for model in options.models],
        options.to,
        name=options.name,
        doi=options.doi,
        citation=options.citation,
        creators=options.creator,
    )
    record = options.to / ZENODO
    known = json.loads(record.read_text("utf-8"))["creators"]
    fill_in = "" if known else " (no --creator: fill in `creators`)"
    print_rows(
        ("wrote", f"{catalogue}"),
        ("record", f"{record}{fill_in}"),
        ("pin", f"sha256={pooch.file_hash(str(catalogue), alg='sha256')}"),
    )
