# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``dlatoms``; each of its commands is a module."""

import argparse
import os
import sys
import textwrap
import warnings
from collections.abc import Sequence

import hyperspy_dlatoms
from hyperspy_dlatoms._extras import MissingExtraError
from hyperspy_dlatoms.cli import (
    calibrate,
    classify,
    completion,
    data,
    demo,
    doctor,
    evaluate,
    export,
    fetch,
    find,
    models,
    publish,
    simulate,
    train,
    watch,
)
from hyperspy_dlatoms.cli._output import one_line, print_warning, show_what_can_be_shown

_EXAMPLES = """
dlatoms demo
    # an example that comes with the package
dlatoms doctor
    # check that everything is installed
dlatoms find image.dm4 -o atoms.csv --plot atoms.png
dlatoms find --help
    # more examples, and all options
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``dlatoms``."""
    show_what_can_be_shown()
    parser = make_parser()
    options = parser.parse_args(arguments)
    if options.run is None:
        parser.print_help()
        return 0
    with warnings.catch_warnings(action="default"):
        warnings.showwarning = print_warning
        try:
            return options.run(options) or 0
        except BrokenPipeError:
            # The reader of the output, such as `head`, has closed it; Python would write at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except (ValueError, TypeError, OSError, MissingExtraError) as error:
            print(f"dlatoms: error: {one_line(error)}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("dlatoms: interrupted", file=sys.stderr)
            return 130


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="dlatoms",
        description="Find the atoms in HRTEM and STEM images with neural networks.",
        epilog=_examples(_EXAMPLES),
        formatter_class=raw,
    )
    parser.add_argument("--version", action="version", version=hyperspy_dlatoms.__version__)
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    using = (demo, doctor, find, classify, watch, models, data, fetch, export)
    making = (simulate, train, calibrate, evaluate, publish)
    for module in (*using, *making, completion):
        name, text = module.__name__.rpartition(".")[2], module.HELP
        command = commands.add_parser(
            name,
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            epilog=_examples(module.EXAMPLES),
            formatter_class=raw,
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def _examples(text: str) -> str:
    return "examples:\n" + textwrap.indent(text.strip("\n"), "  ")
