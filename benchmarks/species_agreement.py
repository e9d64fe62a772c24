# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the sites of focal series on which all members of an ensemble agree are more often right.

On the sheets of benchmarks/species.py, which no recipe draws; a site is right if its species is::

    python benchmarks/species_agreement.py data/species mos2-focal-series-ensemble
"""

import argparse
import warnings
from pathlib import Path

import pandas as pd
from peers import baselines
from peers.focal_series import FocalSeries
from peers.species_comparison import DOSES, UNSEEN, as_signal, series_of
from rich.progress import track

from hyperspy_dlatoms import registry
from hyperspy_dlatoms.evaluation.confusion import Labelled, inner, right_sites


def main() -> None:
    """Print the precision by agreement and dose, and by agreement and species."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="where the exit waves are kept")
    parser.add_argument("model", help="an ensemble")
    parser.add_argument("--lenses", type=int, default=12, help="conditions drawn (%(default)s)")
    options = parser.parse_args()
    options.data.mkdir(parents=True, exist_ok=True)
    if options.model not in registry.ensembles():
        parser.error(f"{options.model!r} is no ensemble")
    points = [(dose, number) for dose in DOSES for number in range(options.lenses)]
    judged = [
        judge(series, options.model).assign(dose=dose)
        for dose, number in track(points, "series")
        for series in series_of(options.data, dose, number, UNSEEN, "MoS2")
    ]
    sites = pd.concat(judged)
    sites["agreement"] = sites.agreement.round(2)
    for by in (["agreement"], ["dose", "agreement"], ["species", "agreement"]):
        print(sites.groupby(by).right.agg(sites="count", precision="mean").round(4).to_string())
    everyone = sites.agreement == 1
    print(
        f"precision of full agreement {sites.right[everyone].mean():.4f}, "
        f"of the rest {sites.right[~everyone].mean():.4f}"
    )


def judge(series: FocalSeries, model: str) -> pd.DataFrame:
    """Return all sites that any member finds, and whether each is right."""
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        found = as_signal(series).classify_species(
            model, minimum_agreement=0, show_progressbar=False
        )
    table = found.to_dataframe()
    index = table.species.map(found.metadata.VectorMetadata.species.index).to_numpy(dtype=int)
    places = table[["y_px", "x_px"]].to_numpy() * series.sampling
    true = baselines.labelled(series.truth)
    true = true._replace(kinds=baselines.species_of(true.kinds))
    table["right"] = right_sites(Labelled(places, index), true)
    return table.loc[inner(places, series.extent), ["species", "agreement", "right"]]


if __name__ == "__main__":
    main()
