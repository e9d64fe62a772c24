# SPDX-License-Identifier: GPL-3.0-or-later
"""Species and vacancies from focal series: networks compared with classical methods.

The sheets are built by ASE and drawn by no recipe, with three images each. Prints F1 by species and
dose, and the time per series. docs/comparison.rst lists the advantages given to the classical
methods::

    python benchmarks/species.py data/species mos2-focal-series -o docs/_tables/species.csv
    python benchmarks/species.py data/species mos2-focal-series --write-card scored.safetensors
    python benchmarks/species.py data/species mx2-focal-series --formulas MoS2 WS2 MoSe2 WSe2 \\
        --networks-only --write-card scored.safetensors
    python benchmarks/species.py data/species bn-focal-series --formulas BN --networks-only
"""

import argparse
import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
from peers.species_comparison import (
    DOSES,
    SpeciesScores,
    card_scores,
    compare_species,
    network_method,
    series_of,
    together,
    wide,
)

from hyperspy_dlatoms import registry
from hyperspy_dlatoms.networks.model_file import read_model, write_model


def main() -> None:
    """Compare on each material, and write the requested files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="where the exit waves are kept")
    parser.add_argument("models", nargs="*", help="networks; none for the classical methods alone")
    parser.add_argument("--formulas", nargs="+", default=["MoS2"])
    parser.add_argument("--lenses", type=int, default=4, help="conditions drawn (%(default)s)")
    parser.add_argument("--doses", type=float, nargs="+", default=DOSES, help="e/Å² an image")
    parser.add_argument("--networks-only", action="store_true")
    parser.add_argument("-o", "--output", type=Path, help="the table as .csv, of the last formula")
    parser.add_argument(
        "--write-card",
        type=Path,
        help="where to write the first model with its scores; with several formulas, by role",
    )
    options = parser.parse_args()
    options.data.mkdir(parents=True, exist_ok=True)
    scores = [compared(formula, options) for formula in options.formulas]
    if options.write_card:
        model = options.models[0]
        source = registry.path(model) if model in registry.names() else Path(model)
        card, arrays = read_model(source)
        one = scores[0] if len(scores) == 1 else together(scores)
        measured = {"species": card_scores(one, model)}
        card = dataclasses.replace(card, scores=card.scores | measured)
        write_model(options.write_card, card, arrays)


def compared(formula: str, options: argparse.Namespace) -> SpeciesScores:
    """Compare on one material, and print the table and the confusion matrices."""
    networks = {
        name: network_method(name, **({"material": formula} if _takes_it(name) else {}))
        for name in options.models
    }
    (first,) = series_of(options.data, options.doses[0], 0, ({"tilt": 0.5},), formula)
    for find in networks.values():
        # A network's first call is slower than the others.
        find(first)
    scores = compare_species(
        options.data,
        networks,
        formula=formula,
        doses=options.doses,
        lenses=options.lenses,
        classical=not options.networks_only,
    )
    table = wide(scores.table).round(3)
    table["seconds"] = table.seconds.round(2)
    with pd.option_context("display.width", 250, "display.max_columns", 20, "display.max_rows", 99):
        print(table.to_string(index=False))
        for (method, calibration, dose), counts in scores.confusions.items():
            if method in networks or (calibration == "same" and "exit wave" in method):
                print(f"\n{method}, {dose:g} e/Å²: true kinds (rows) by found kinds (columns)")
                print(pd.DataFrame(np.array(counts), scores.kinds, scores.kinds).to_string())
    if options.output:
        table.to_csv(options.output, index=False, float_format="%g")
    return scores


def _takes_it(name: str) -> bool:
    """Return whether a network can be told the material."""
    return bool(registry.load(name).card.arguments.get("material", False))


if __name__ == "__main__":
    main()
