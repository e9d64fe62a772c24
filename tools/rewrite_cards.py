# SPDX-License-Identifier: GPL-3.0-or-later
"""Rewrite the cards of the shipped networks in the newest format; the weights are unchanged.

The recipe text on each card is updated from ``recipes/``. Run `catalogue.py` afterwards, since the
file hashes change::

    python tools/rewrite_cards.py && python tools/catalogue.py
"""

import dataclasses
from pathlib import Path

from hyperspy_dlatoms.networks import read_model, write_model

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Rewrite each model file whose card would change."""
    for path in sorted((ROOT / "hyperspy_dlatoms/registry/weights").glob("*.safetensors")):
        card, arrays = read_model(path)
        recipe = (ROOT / "recipes" / f"{card.name}.yaml").read_text("utf-8")
        before = path.read_bytes()
        write_model(path, dataclasses.replace(card, recipe=recipe), arrays)
        print(f"{card.name:34s} {'kept' if path.read_bytes() == before else 'rewritten'}")


if __name__ == "__main__":
    main()
