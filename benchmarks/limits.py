# SPDX-License-Identifier: GPL-3.0-or-later
"""F1 of the networks by defocus, sampling, tilt and thickness: tables and picture for limits.rst.

Specimens and reference conditions are those of `dlatoms evaluate --quick`: four specimens per
point, each with its own aberrations. It writes ``NAME-CURVE.csv`` and ``limits.png``::

    python benchmarks/limits.py docs/_tables
"""

import argparse
import csv
from pathlib import Path

import numpy as np

from hyperspy_dlatoms import registry
from hyperspy_dlatoms.data.benchmark import benchmark
from hyperspy_dlatoms.data.benchmark.exit_waves import load_all
from hyperspy_dlatoms.data.benchmark.frames import conditions_of, take_frame
from hyperspy_dlatoms.detection.pipeline import detect
from hyperspy_dlatoms.evaluation.comparison import Comparison, compare
from hyperspy_dlatoms.evaluation.scores import scores

NETWORKS = {"metal-nanoparticle": "metal", "graphene": "graphene"}
CURVES = {
    "defocus": "defocus (Å)",
    "sampling": "Å/px",
    "tilt": "tilt (°)",
    "thickness": "thickness (Å)",
}
SEED, FRAMES = 4177, 4


def measure(name: str, material: str, waves: Path) -> dict[str, list[dict]]:
    """Return the scores at each point of each curve."""
    network, points = registry.load(name), benchmark(material, quick=True)
    result = {}
    for curve in CURVES:
        result[curve] = []
        for point in points.curves.get(curve, ()):
            specimens = list(load_all(point.plans, waves).values())
            compared, outside = [], 0
            for number in range(FRAMES):
                specimen = specimens[number % len(specimens)]
                conditions = conditions_of(points.imaging | point.changes, SEED, number)
                image, exact = take_frame(np.random.default_rng(number), specimen, conditions)
                (found,) = detect(image[None], exact, network, quiet=True)
                sites = found.sites.table()
                compared.append(compare(sites, specimen.truth, exact, image.shape))
                outside += found.domain is not None and found.domain.score > 1
            said = scores(Comparison.join(compared))
            said["value"], said["outside"] = point.value, outside
            result[curve].append(said)
            print(f"{name} {curve} {point.value:g}: F1 {said['f1']:.3f}", flush=True)
    return result


def write(name: str, curves: dict[str, list[dict]], directory: Path) -> None:
    """Write a table for each curve."""
    for curve, rows in curves.items():
        if not rows:
            continue
        with (directory / f"{name}-{curve}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(
                [CURVES[curve], "F1", "precision", "recall", "rms (pm)", f"warnings (of {FRAMES})"]
            )
            for row in rows:
                numbers = (row[key] for key in ("f1", "precision", "recall"))
                cells = ["" if number is None else f"{number:.3f}" for number in numbers]
                rms = "" if row["rms"] is None else f"{row['rms']:.1f}"
                writer.writerow([f"{row['value']:g}", *cells, rms, row["outside"]])


def draw(measured: dict[str, dict[str, list[dict]]], path: Path) -> None:
    """Draw F1 along the curves."""
    import matplotlib.pyplot as plt

    size = {"figsize": (12, 3), "layout": "constrained"}
    figure, panels = plt.subplots(1, len(CURVES), sharey=True, **size)
    for axes, (curve, label) in zip(panels, CURVES.items(), strict=True):
        for (name, curves), colour in zip(measured.items(), ("#0072b2", "#d55e00"), strict=False):
            rows = curves[curve]
            values = [row["value"] for row in rows], [row["f1"] for row in rows]
            axes.plot(*values, "o-", color=colour, ms=4, label=name)
        axes.set(xlabel=label, ylim=(0, 1.03))
    panels[0].set_ylabel("F1")
    panels[0].legend(fontsize=8, loc="lower right")
    figure.savefig(path, dpi=80)


def main() -> None:
    """Measure both networks, and write tables and picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path, help="of the tables")
    parser.add_argument(
        "--waves", type=Path, default=Path("data/limits"), help="where exit waves are kept"
    )
    options = parser.parse_args()
    options.directory.mkdir(parents=True, exist_ok=True)
    measured = {}
    for name, material in NETWORKS.items():
        measured[name] = measure(name, material, options.waves)
        write(name, measured[name], options.directory)
    draw(measured, options.directory / "limits.png")


if __name__ == "__main__":
    main()
