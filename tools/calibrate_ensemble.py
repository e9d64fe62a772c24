# SPDX-License-Identifier: GPL-3.0-or-later
"""Choose an ensemble's threshold and write it into the package's catalogue.

It is chosen on held-out waves of the members::

    python tools/calibrate_ensemble.py graphene-ensemble data
"""

import argparse
import dataclasses
from pathlib import Path

from catalogue import current

from hyperspy_dlatoms.registry._publishing import write_catalogue
from hyperspy_dlatoms.registry.sources import OWN
from hyperspy_dlatoms.training.calibrate import calibrate_ensemble


def main() -> None:
    """Choose the threshold and write the catalogue."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ensemble")
    parser.add_argument("data", type=Path, help="folder of the data sets of its members, by name")
    arguments = parser.parse_args()
    threshold = calibrate_ensemble(arguments.ensemble, arguments.data)
    entries = [
        dataclasses.replace(entry, threshold=threshold)
        if entry.name == arguments.ensemble
        else entry
        for entry in current(OWN)
    ]
    write_catalogue(OWN, "hyperspy-dlatoms", entries)


if __name__ == "__main__":
    main()
