# SPDX-License-Identifier: GPL-3.0-or-later
"""Embed one image of a data set, with its true sites, in the package.

The example of `dlatoms demo` was made by::

    dlatoms simulate recipes/example-nanoparticle.yaml -o data/example-nanoparticle
    python tools/embed_example.py data/example-nanoparticle 0 \\
        hyperspy_dlatoms/data/nanoparticle.npz
"""

import argparse
import json

import numpy as np

from hyperspy_dlatoms.simulation.dataset import DataSet


def main() -> None:
    """Read the data set, cut the sites to the image and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("index", type=int)
    parser.add_argument("output")
    arguments = parser.parse_args()
    item = DataSet(arguments.data)[arguments.index]
    (counts,), (record,) = item.images, item.record["images"]
    sampling = record["sampling"]
    positions = (item.sites[:, :2] - record["corner"]) / sampling
    inside = ((positions > -0.5) & (positions < np.array(counts.shape) - 0.5)).all(axis=1)
    meta = {
        "energy": item.record["energy"],
        "specimen": item.record["specimen"],
        "conditions": record["conditions"],
    }
    np.savez_compressed(
        arguments.output,
        counts=counts.astype(np.uint16),
        sampling=sampling,
        positions=positions[inside],
        meta=json.dumps(meta),
    )


if __name__ == "__main__":
    main()
