# SPDX-License-Identifier: GPL-3.0-or-later
"""Set the range of sampling (Å/px) on the cards of shipped networks; the weights are unchanged.

It is the range in which ``benchmarks/coarse.py`` showed that the network finds the sites, and may
be wider than its training range. Run `catalogue.py` afterwards::

    python tools/set_sampling.py 0.03 0.55 graphene graphene-random graphene-polycrystal
"""

import argparse
import dataclasses
from pathlib import Path

import numpy as np

from hyperspy_dlatoms.networks import read_model, write_model

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Rewrite the model files, and check that their arrays are the same."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("range", type=float, nargs=2, metavar=("LOW", "HIGH"))
    parser.add_argument("names", nargs="+")
    options = parser.parse_args()
    for name in options.names:
        path = ROOT / "hyperspy_dlatoms/registry/weights" / f"{name}.safetensors"
        card, before = read_model(path)
        card = dataclasses.replace(card, domain=card.domain | {"sampling": options.range})
        write_model(path, card, before)
        _, after = read_model(path)
        assert before.keys() == after.keys()
        assert all(np.array_equal(before[one], after[one]) for one in before)
        print(name)


if __name__ == "__main__":
    main()
