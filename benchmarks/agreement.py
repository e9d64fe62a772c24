# SPDX-License-Identifier: GPL-3.0-or-later
"""Precision of the sites that all members of an ensemble find, and of those that only some find.

The specimens are those of `dlatoms evaluate`, which no member was trained on, under all its
conditions:

    python benchmarks/agreement.py data/evaluation-graphene graphene-ensemble
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
from rich.progress import track

from hyperspy_dlatoms import registry
from hyperspy_dlatoms.data.benchmark.curves import benchmark, material_of
from hyperspy_dlatoms.data.benchmark.exit_waves import load_exit_waves
from hyperspy_dlatoms.data.benchmark.frames import conditions_of, take_frame
from hyperspy_dlatoms.detection.pipeline import find_sites
from hyperspy_dlatoms.detection.sites import column_names
from hyperspy_dlatoms.evaluation.comparison import Comparison, compare
from hyperspy_dlatoms.evaluation.scores import scores

SEED = 977


def main() -> None:
    """Find the sites with each member and with all, and print precision by agreement, and F1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="where the exit waves are kept")
    parser.add_argument("models", nargs="+", help="an ensemble, or its members")
    parser.add_argument("--frames", type=int, default=1, help="at each point (%(default)s)")
    parser.add_argument("--full", action="store_true", help="all specimens, not a few")
    options = parser.parse_args()
    ensemble = registry.load(options.models if len(options.models) > 1 else options.models[0])
    options.data.mkdir(parents=True, exist_ok=True)
    material = material_of(ensemble.card.name, ensemble.card.classes)
    tested = benchmark(material, quick=not options.full)
    members = [[] for _ in ensemble.members]
    voted, graded = [], []
    columns = column_names(ensemble.card, len(ensemble.members))
    points = [(p, point) for p, curve in enumerate(tested.curves.values()) for point in curve]
    for number, (place, point) in enumerate(track(points, "points")):
        for n in range(options.frames):
            specimen = load_exit_waves(point.plans[n % len(point.plans)], options.data)
            conditions = conditions_of(tested.imaging | point.changes, SEED, n)
            rng = np.random.default_rng([SEED, place, number, n])
            counts, sampling = take_frame(rng, specimen, conditions)

            def judge(found, truth=specimen.truth, sampling=sampling, shape=counts.shape):
                return compare(found[:, :5], truth, sampling, shape)

            def find(network, counts=counts, sampling=sampling, **options):
                return find_sites(counts[None], sampling, network, **options)[0]

            with warnings.catch_warnings(action="ignore", category=UserWarning):
                for member, judged in zip(ensemble.members, members, strict=True):
                    judged.append(judge(find(member)))
                voted.append(judge(find(ensemble)))
                found = find(ensemble, minimum_agreement=0.0)
            # Carried along in place of the probability.
            found[:, 2] = found[:, columns.index("agreement")]
            graded.append(judge(found))
    names = [member.card.name for member in ensemble.members]
    for name, parts in zip([*names, ensemble.card.name], [*members, voted], strict=True):
        total = scores(Comparison.join(parts))
        print(
            f"{name:34s} F1 {total['f1']:.3f}  precision {total['precision']:.3f}  "
            f"recall {total['recall']:.3f}  rms {total['rms']:.1f} pm"
        )
    atoms = Comparison.join(graded).atoms
    for agreement, group in atoms.groupby(atoms.probability.round(2)):
        print(
            f"agreement {agreement:.2f}: {len(group):6d} sites, precision {group.right.mean():.3f}"
        )
    everyone = atoms.probability > 0.999
    print(
        f"precision where all agree {atoms.right[everyone].mean():.3f}, "
        f"elsewhere {atoms.right[~everyone].mean():.3f}"
    )


if __name__ == "__main__":
    main()
