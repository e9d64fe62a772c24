# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``dlatoms calibrate``."""

import argparse
import sys
from pathlib import Path

from hyperspy_dlatoms._extras import require
from hyperspy_dlatoms.cli._output import check_writable, print_rows
from hyperspy_dlatoms.networks import _backend

HELP = "calibrate a trained network, or choose the threshold of an ensemble"
EXAMPLES = """
dlatoms calibrate my-network.safetensors --data data/my-recipe
dlatoms calibrate graphene graphene-random --ensemble
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare its arguments."""
    parser.add_argument("model", metavar="MODEL", nargs="+", help="a name or a file")
    parser.add_argument(
        "--ensemble", action="store_true", help="MODEL is an ensemble, or its members"
    )
    parser.add_argument(
        "--data",
        metavar="DIR",
        type=Path,
        help="training data set (default: data/NAME), or the folder of the members' data sets "
        "(default: data)",
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", type=Path, help="model file to write (default: MODEL)"
    )
    parser.add_argument(
        "--images", metavar="N", type=int, help="images per dose (default: 20, or 7 per member)"
    )
    parser.add_argument(
        "--keep-domain",
        action="store_true",
        help="keep the present domain: fitting it again takes half an hour",
    )


def run(options: argparse.Namespace) -> None:
    """Calibrate the network and write its file, or print the threshold of the ensemble."""
    require("abtem", "zarr", extra="simulation", what="Calibrating a network")
    from hyperspy_dlatoms.training.calibrate import calibrate_ensemble

    if len(options.model) > 1 and not options.ensemble:
        raise ValueError("Give one MODEL, or --ensemble with the members of an ensemble.")
    if not options.ensemble:
        report(
            options.model[0],
            options.data,
            options.output,
            images=options.images,
            keep_domain=options.keep_domain,
        )
        return
    _backend.import_backend()
    threshold = calibrate_ensemble(
        options.model[0] if len(options.model) == 1 else options.model,
        options.data or Path("data"),
        **({} if options.images is None else {"images": options.images}),
        show_progressbar=sys.stderr.isatty(),
    )
    print_rows(
        ("threshold", f"{threshold:g}"), ("next", "set it in the catalogue entry of the ensemble")
    )


def report(
    model: str | Path,
    data: Path | None,
    output: Path | None,
    *,
    images: int | None = None,
    keep_domain: bool = False,
) -> None:
    """Calibrate a network, and print its thresholds and scores."""
    from hyperspy_dlatoms.networks.model_file import read_model
    from hyperspy_dlatoms.training.calibrate import calibrate_network

    if output:
        check_writable(output)
    _backend.import_backend()
    written = calibrate_network(
        model,
        data,
        output,
        **({} if images is None else {"images": images}),
        keep_domain=keep_domain,
        show_progressbar=sys.stderr.isatty(),
    )
    card, _ = read_model(written)
    rows = [("threshold", f"{card.threshold:g}")]
    if card.anchor is not None:
        rows.append(("hysteresis", f"{card.anchor:g}"))
    rows += [(name, f"{value}") for name, value in card.scores.items() if name.startswith("F1 at")]
    print_rows(*rows, ("wrote", f"{written}"))
