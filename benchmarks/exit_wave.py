# SPDX-License-Identifier: GPL-3.0-or-later
"""Exit waves from focal series: errors of a network and of iterative reconstruction.

The sheets are built by ASE and drawn by no recipe; each is imaged at three defoci::

    python benchmarks/exit_wave.py data/species mos2-exit-wave -o docs/_tables/exit_wave.csv
    python benchmarks/exit_wave.py data/species mx2-exit-wave --networks-only \\
        --formulas MoS2 WS2 MoSe2 WSe2 -o docs/_tables/exit_wave_mx2.csv
"""

import argparse
import dataclasses
from pathlib import Path

import pandas as pd
from peers.species_comparison import DOSES
from peers.wave_comparison import compare_waves

from hyperspy_dlatoms import registry
from hyperspy_dlatoms.networks.model_file import read_model, write_model


def main() -> None:
    """Compare, print the table, and write the requested files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="where the exit waves are kept")
    parser.add_argument("model", help="a network of exit waves")
    parser.add_argument("--formulas", nargs="+", default=["MoS2"])
    parser.add_argument("--lenses", type=int, default=6, help="conditions drawn (%(default)s)")
    parser.add_argument("--doses", type=float, nargs="+", default=DOSES, help="e/Å² an image")
    parser.add_argument("--networks-only", action="store_true")
    parser.add_argument("--symmetrise", action="store_true", help="the network's waves")
    parser.add_argument(
        "-o", "--output", type=Path, help="the table as .csv; relative errors if several formulas"
    )
    parser.add_argument("--write-card", type=Path, help="where to write the model with its scores")
    options = parser.parse_args()
    options.data.mkdir(parents=True, exist_ok=True)
    network = registry.load(options.model)
    name = network.card.name
    table = pd.concat(
        compare_waves(
            options.data,
            {name: network},
            formula=formula,
            doses=options.doses,
            lenses=options.lenses,
            symmetrise=options.symmetrise,
            classical=not options.networks_only,
        ).assign(material=formula)
        for formula in options.formulas
    )
    table = table.round({"relative": 3, "phase": 4, "amplitude": 4, "seconds": 2})
    with pd.option_context("display.width", 200, "display.max_rows", 99):
        print(table.to_string(index=False))
    if options.output:
        written = table.drop(columns="material")
        if len(options.formulas) > 1:
            rows = ["material", "method"]
            written = table.pivot_table("relative", rows, "dose", sort=False)
            written = written.rename(columns="{:g} e/Å²".format).reset_index()
        written.to_csv(options.output, index=False, float_format="%g")
    if options.write_card:
        # The mean over materials if there are several.
        ours = table[table.method.str.startswith(f"{name},")]
        scores = {
            method.removeprefix(f"{name}, "): {
                f"{dose:g}": round(float(error), 3)
                for dose, error in rows.groupby("dose").relative.mean().items()
            }
            for method, rows in ours.groupby("method")
        }
        card, arrays = read_model(network.path)
        card = dataclasses.replace(card, scores=card.scores | {"relative error": scores})
        write_model(options.write_card, card, arrays)


if __name__ == "__main__":
    main()
