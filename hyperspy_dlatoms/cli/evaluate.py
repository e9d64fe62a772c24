# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``dlatoms evaluate``."""

import argparse
import dataclasses
import sys
from pathlib import Path

from hyperspy_dlatoms._extras import require
from hyperspy_dlatoms.cli._output import check_writable, print_rows
from hyperspy_dlatoms.networks import _backend
from hyperspy_dlatoms.networks.running import engine

HELP = "evaluate a network on simulated specimens, and write a report"
EXAMPLES = """
dlatoms evaluate graphene --quick
dlatoms evaluate my-network.safetensors --write-card
    # then `dlatoms models` shows the scores
"""

_FRAMES, _QUICK_FRAMES = 8, 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare its arguments."""
    parser.add_argument("model", metavar="MODEL", help="a name or a file")
    parser.add_argument(
        "--material",
        choices=("metal", "graphene"),
        help="specimens to simulate (default: those that the network is for)",
    )
    parser.add_argument(
        "--data",
        metavar="DIR",
        type=Path,
        help="folder of exit waves; missing ones are simulated (default: data/evaluation-MATERIAL)",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        type=Path,
        help="where to write report.html and scores.json (default: evaluation-NAME)",
    )
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        "--quick",
        action="store_true",
        help=f"fewer specimens, and {_QUICK_FRAMES} images per point",
    )
    length.add_argument(
        "--frames",
        metavar="N",
        type=int,
        default=_FRAMES,
        help="images per point of a curve (default: %(default)s)",
    )
    parser.add_argument(
        "--write-card",
        metavar="FILE",
        nargs="?",
        type=Path,
        const=Path(),
        help="write the scores into the model file, or into a copy of it, FILE",
    )


def run(options: argparse.Namespace) -> None:
    """Evaluate the network, write the report and, if asked, the card."""
    from hyperspy_dlatoms import registry
    from hyperspy_dlatoms.data.benchmark.curves import benchmark, material_of
    from hyperspy_dlatoms.evaluation.evaluate import evaluate
    from hyperspy_dlatoms.evaluation.finder import model_finder
    from hyperspy_dlatoms.evaluation.report import summary, write_report
    from hyperspy_dlatoms.registry.catalogue import file_of

    require("abtem", "jinja2", extra="simulation", what="Evaluating a network")
    if options.write_card is not None:
        target = _card_file(options.model, options.write_card)
        source = file_of(options.model)
    if engine() == "keras":
        _backend.import_backend()
    network = registry.load(options.model)
    card = network.card
    if options.material is None and card.modality != "HRTEM":
        raise ValueError(
            f"{card.name!r} was trained on {card.modality} images, but the benchmarks are of "
            "HRTEM images: give --material to use one all the same."
        )
    material = options.material or material_of(card.name, card.classes)
    output = options.output or Path(f"evaluation-{card.name}")
    output.mkdir(parents=True, exist_ok=True)
    check_writable(output / "report.html", output / "scores.json")
    evaluation = evaluate(
        model_finder(network),
        benchmark(material, quick=options.quick),
        options.data or Path("data") / f"evaluation-{material}",
        frames=_QUICK_FRAMES if options.quick else options.frames,
        show_progressbar=sys.stderr.isatty(),
    )
    about = {"name": card.name, "version": card.version, "threshold": card.threshold}
    if card.anchor is not None:
        about["anchor"] = card.anchor
    evaluation = dataclasses.replace(evaluation, numbers={"model": about, **evaluation.numbers})
    report, scores = write_report(evaluation, output)
    short = summary(evaluation.numbers)
    rows = [
        (
            f"{dose} e/Å²",
            f"F1 {_number(one['f1'], '.3f')}, {_number(one['rms'], '.1f')} pm per axis, "
            f"{_number(one['times_bound'], '.1f')} times the bound",
        )
        for dose, one in short["dose"].items()
    ]
    rows.append(("false atoms", f"{short['false atoms per nm²']:g} per nm² at most"))
    rows.append(("wrote", f"{report} {scores}"))
    if options.write_card is not None:
        _write_card(source, target, short)
        rows.append(("card", f"{target}"))
    print_rows(*rows)


def _card_file(model: str, given: Path) -> Path:
    """Return the file to write the card into; a model of a registry is never changed."""
    from hyperspy_dlatoms.registry.catalogue import file_of, is_registered

    if given == Path():
        if is_registered(model):
            raise ValueError(
                f"{model!r} is in a registry, whose files are never changed: name another file "
                "with --write-card FILE."
            )
        given = file_of(model)
    check_writable(given)
    return given


def _write_card(source: Path, target: Path, short: dict) -> None:
    from hyperspy_dlatoms.networks.model_file import read_model, write_model

    card, arrays = read_model(source)
    write_model(
        target, dataclasses.replace(card, scores=card.scores | {"evaluation": short}), arrays
    )


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else f"{value:{form}}"
