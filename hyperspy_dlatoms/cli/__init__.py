# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``dlatoms``, one of its commands a module."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence

import hyperspy_dlatoms
from hyperspy_dlatoms._extras import MissingExtraError
from hyperspy_dlatoms.cli import (
    calibrate,
    classify,
    data,
    demo,
    evaluate,
    fetch,
    find,
    models,
    publish,
    simulate,
    train,
)
from hyperspy_dlatoms.cli._printing import one_line, print_warning


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``dlatoms``."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.run is None:
        parser.print_help()
        return 0
    with warnings.catch_warnings(action="default"):
        warnings.showwarning = print_warning
        try:
            return options.run(options) or 0
        except (ValueError, TypeError, OSError, MissingExtraError) as error:
            print(f"dlatoms: error: {one_line(error)}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("dlatoms: interrupted", file=sys.stderr)
            return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dlatoms", description="Find the atoms of HRTEM images with neural networks."
    )
    parser.add_argument("--version", action="version", version=hyperspy_dlatoms.__version__)
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(metavar="COMMAND")
    using = (demo, find, classify, models, data, fetch)
    making = (simulate, train, calibrate, evaluate, publish)
    for module in (*using, *making):
        name, text = module.__name__.rpartition(".")[2], module.HELP
        command = commands.add_parser(name, help=text, description=f"{text.capitalize()}.")
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser
