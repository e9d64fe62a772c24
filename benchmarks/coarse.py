# SPDX-License-Identifier: GPL-3.0-or-later
"""F1 of a network against the image sampling, far beyond the range of its training.

The specimens are those of `dlatoms evaluate`, which no recipe draws. The range on the card ends
where F1 has fallen by 0.01; `tools/set_sampling.py` writes it there::

    python benchmarks/coarse.py graphene
"""

import argparse
from pathlib import Path

import numpy as np

from hyperspy_dlatoms import registry
from hyperspy_dlatoms.data.benchmark.curves import benchmark, material_of
from hyperspy_dlatoms.data.benchmark.exit_waves import load_all
from hyperspy_dlatoms.data.benchmark.frames import conditions_of, take_frame
from hyperspy_dlatoms.detection.pipeline import detect
from hyperspy_dlatoms.evaluation.comparison import Comparison, compare
from hyperspy_dlatoms.evaluation.scores import scores

SEED = 991
SAMPLINGS = (0.1, 0.2, 0.26, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65)
DOSES = (1000.0, 10_000.0)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="a network of single images")
    parser.add_argument(
        "--waves", type=Path, default=Path("data/coarse"), help="where exit waves are kept"
    )
    parser.add_argument("--doses", type=float, nargs="+", default=DOSES, help="e/Å²")
    parser.add_argument("--samplings", type=float, nargs="+", default=SAMPLINGS, help="Å/px")
    options = parser.parse_args()
    network = registry.load(options.model)
    points = benchmark(material_of(options.model, network.card.classes), quick=True)
    specimens = load_all(points.curves["sampling"][0].plans, options.waves)
    print("dose (e/Å²)  Å/px     F1  precision  recall  rms (pm)  outside the domain")
    for dose in options.doses:
        for sampling in options.samplings:
            compared, outside = [], 0
            for number, specimen in enumerate(2 * list(specimens.values())):
                sign = 1 if number < len(specimens) else -1
                varied = {"sampling": sampling, "dose": dose}
                varied["defocus"] = sign * points.imaging["defocus"]
                conditions = conditions_of(points.imaging | varied, SEED, number)
                image, exact = take_frame(np.random.default_rng(number), specimen, conditions)
                (found,) = detect(image[None], exact, network, quiet=True)
                sites = found.sites.table()
                compared.append(compare(sites, specimen.truth, exact, image.shape))
                outside += found.domain is not None and found.domain.score > 1
            said = scores(Comparison.join(compared))
            print(
                f"{dose:11g} {sampling:5.2f} {said['f1']:6.3f} {said['precision']:10.3f} "
                f"{said['recall']:7.3f} {said['rms']:9.1f} {outside:12} of {len(compared)}",
                flush=True,
            )


if __name__ == "__main__":
    main()
