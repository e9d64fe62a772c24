# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``dlatoms fetch``."""

import argparse
import sys
from pathlib import Path

from hyperspy_dlatoms.cli._output import print_rows

HELP = "download or generate models and data sets before they are needed"
EXAMPLES = """
dlatoms fetch graphene-benchmark
dlatoms fetch --all models
    # for a machine without internet access
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare its arguments."""
    parser.add_argument(
        "names", metavar="NAME", nargs="*", help="model or data set to put into the cache"
    )
    parser.add_argument(
        "--all",
        metavar="DIR",
        type=Path,
        help="put all models and examples into DIR, for a machine without internet access",
    )


def run(options: argparse.Namespace) -> None:
    """Fetch what is named, or all."""
    from hyperspy_dlatoms import registry
    from hyperspy_dlatoms.registry import _cache, sources
    from hyperspy_dlatoms.registry.fetch import copy_to

    if bool(options.names) == bool(options.all):
        raise ValueError("Give either names or --all with a folder.")
    show = sys.stderr.isatty()
    for name in options.names:
        print_rows(*((one, str(path)) for one, path in _fetch(name, show)))
    if options.all is None:
        return
    items = registry.list()
    for item in items:
        if item.entry.file:
            copied = copy_to(options.all, item.entry, show_progressbar=show)
            print_rows((item.entry.full_name, str(copied)))
    sources.copy_catalogues(options.all)
    left_out = [item.entry.full_name for item in items if item.entry.generate]
    print_rows(
        ("left out", f"{', '.join(left_out)} (generated when loaded)"),
        ("there, set", f"{_cache.CACHE}={options.all.absolute()}"),
    )


def _fetch(name: str, show: bool) -> list[tuple[str, object]]:
    from hyperspy_dlatoms import registry
    from hyperspy_dlatoms.registry import _cache
    from hyperspy_dlatoms.registry.catalogue import member_name
    from hyperspy_dlatoms.registry.fetch import fetch

    entry = registry.info(name).entry
    if entry.members:
        members = (member_name(entry, member) for member in entry.members)
        return [row for member in members for row in _fetch(member, show)]
    if entry.generate:
        registry.load_dataset(name, show_progressbar=show)
        return [(name, _cache.generated_path(entry))]
    return [(name, fetch(entry, show_progressbar=show))]
