# SPDX-License-Identifier: GPL-3.0-or-later
"""Embed one image of a data set, with its true sites, in the package.

The example for `dlatoms demo` was made by::

    dlatoms simulate recipes/example-nanoparticle.yaml -o data/example-nanoparticle
    python tools/embed_example.py data/example-nanoparticle 0 \\
        hyperspy_dlatoms/data/nanoparticle.npz
"""

import argparse

from hyperspy_dlatoms.data.frames import inside
from hyperspy_dlatoms.data.stored import Stored, write_stored
from hyperspy_dlatoms.simulation.dataset import DataSet


def main() -> None:
    """Read the data set, crop the sites to the image and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("index", type=int)
    parser.add_argument("output")
    arguments = parser.parse_args()
    item = DataSet(arguments.data)[arguments.index]
    (counts,), (record,) = item.images, item.record["images"]
    positions = (item.sites[:, :2] - record["corner"]) / record["sampling"]
    meta = {
        "energy": item.record["energy"],
        "specimen": item.record["specimen"],
        "conditions": record["conditions"],
    }
    stored = Stored(counts, record["sampling"], (inside(positions, counts.shape),), meta)
    write_stored(arguments.output, stored)


if __name__ == "__main__":
    main()
