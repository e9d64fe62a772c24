# SPDX-License-Identifier: GPL-3.0-or-later
"""The focal series of a sheet that no recipe draws, its species maps and its classified sites.

The picture of docs/species.rst was made by::

    python benchmarks/species_figure.py data/species docs/_static/species.png
"""

import argparse
from pathlib import Path

import numpy as np
from peers.species_comparison import as_signal, series_of
from peers.species_picture import save_species_picture

EDGE = 320
"""Of the piece that is shown (px)."""


def main() -> None:
    """Take the series, classify its sites, and draw it all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="where the exit waves are kept")
    parser.add_argument("output", type=Path)
    parser.add_argument("--model", default="mos2-focal-series")
    parser.add_argument("--dose", type=float, default=10_000.0, help="e/Å² of each image")
    options = parser.parse_args()
    options.data.mkdir(parents=True, exist_ok=True)
    (series,) = series_of(options.data, options.dose, 0, ({"tilt": 0.5},), "MoS2")
    signal = as_signal(series)
    sites = signal.classify_species(options.model)
    maps = signal.predict_species(options.model)
    names = list(sites.metadata.VectorMetadata.species)
    start = (len(series.counts[0]) - EDGE) // 2
    window = slice(start, start + EDGE)
    table = sites.to_dataframe()
    places = table[["y_px", "x_px"]].to_numpy() - start
    inside = ((places > -0.5) & (places < EDGE - 0.5)).all(axis=1)
    every = np.asarray(maps.data).reshape(-1, *series.counts.shape[1:])
    save_species_picture(
        options.output,
        series.counts[:, window, window],
        every[: len(names), window, window],
        names,
        places[inside],
        table.species.map(names.index).to_numpy(dtype=int)[inside],
        series.defoci,
    )


if __name__ == "__main__":
    main()
