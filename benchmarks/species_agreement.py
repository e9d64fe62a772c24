# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether sites of focal series are right more often if all ensemble members agree on them.

The sheets are those of benchmarks/species.py, which no recipe draws; a site is right if its species
is::

    python benchmarks/species_agreement.py data/species mos2-focal-series-ensemble
    python benchmarks/species_agreement.py data/species mx2-focal-series-ensemble \\
        --formulas MoS2 WS2 MoSe2 WSe2 --lenses 3
"""

import argparse
import warnings
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from peers import baselines
from peers.focal_series import FocalSeries
from peers.species_comparison import DOSES, UNSEEN, as_signal, series_of
from rich.progress import track

from hyperspy_dlatoms import registry
from hyperspy_dlatoms.evaluation.confusion import Labelled, inner, right_sites
from hyperspy_dlatoms.networks.ensemble import AtomEnsemble

KINDS = ("metal", "chalcogen", "metal vacancy", "chalcogen vacancy")
"""Kinds of sites, in the order of each network's classes."""


def main() -> None:
    """Print the precision by agreement and dose, and by agreement and species."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="where the exit waves are kept")
    parser.add_argument("models", nargs="+", help="an ensemble, or its members")
    parser.add_argument("--formulas", nargs="+", default=["MoS2"])
    parser.add_argument("--lenses", type=int, default=12, help="conditions drawn (%(default)s)")
    options = parser.parse_args()
    options.data.mkdir(parents=True, exist_ok=True)
    ensemble = registry.load(options.models)
    if not isinstance(ensemble, AtomEnsemble):
        parser.error(f"{options.models[0]!r} is not an ensemble")
    told = ensemble.card.arguments.get("material", False)
    points = list(product(options.formulas, DOSES, range(options.lenses)))
    judged = [
        judge(series, ensemble, formula if told else None).assign(dose=dose, formula=formula)
        for formula, dose, number in track(points, "series")
        for series in series_of(options.data, dose, number, UNSEEN, formula)
    ]
    sites = pd.concat(judged)
    sites["agreement"] = sites.agreement.round(2)
    for by in ([], ["dose"], ["role"], ["formula"]):
        by = [*by, "agreement"]
        print(sites.groupby(by).right.agg(sites="count", precision="mean").round(4).to_string())
    everyone = sites.agreement == 1
    print(
        f"precision where all agree {sites.right[everyone].mean():.4f}, "
        f"elsewhere {sites.right[~everyone].mean():.4f}"
    )


def judge(series: FocalSeries, model: AtomEnsemble, material: str | None) -> pd.DataFrame:
    """Return all sites that any member finds, and whether each is right."""
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        found = as_signal(series).classify_species(
            model, material=material, minimum_agreement=0, show_progressbar=False
        )
    table = found.to_dataframe()
    index = table.species.map(found.metadata.VectorMetadata.species.index).to_numpy(dtype=int)
    places = table[["y_px", "x_px"]].to_numpy() * series.sampling
    true = baselines.labelled(series.truth)
    true = true._replace(kinds=baselines.species_of(true.kinds))
    table["role"] = np.array(KINDS)[index]
    table["right"] = right_sites(Labelled(places, index), true)
    return table.loc[inner(places, series.extent), ["role", "agreement", "right"]]


if __name__ == "__main__":
    main()
