# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors and refusals when estimating the sampling from the lattice of the atoms.

Specimens that no recipe draws are imaged at random samplings, doses and defoci; films of amorphous
carbon have no lattice, so the right answer for them is a refusal. Then the images are given right
and wrong calibrations, and the warnings are counted. The aim is an error within 2 % or a refusal,
and no warning about a right calibration::

    python benchmarks/sampling.py metal
"""

import argparse
import time
import warnings
from collections import defaultdict
from pathlib import Path

import numpy as np

from hyperspy_dlatoms import SamplingError, registry
from hyperspy_dlatoms.analysis.lattice import lattices_of
from hyperspy_dlatoms.data.benchmark.exit_waves import Plan, load_all
from hyperspy_dlatoms.data.benchmark.frames import conditions_of, take_frame
from hyperspy_dlatoms.data.benchmark.specimens import SHEETS, SUPPORTS
from hyperspy_dlatoms.detection.contradiction import contradiction, is_no_sheet
from hyperspy_dlatoms.detection.pipeline import find_sites
from hyperspy_dlatoms.detection.sampling import EXACT, estimate_sampling

SEED = 880_000
DOSES = (100.0, 316.0, 1000.0, 3162.0, 10_000.0, 100_000.0)
STATED = (0.75, 0.85, 0.95, 1.0, 1.05, 1.15, 1.25)
MODELS = {"metal": "metal-nanoparticle", "graphene": "graphene"}
DEFOCUS = {"metal": 130.0, "graphene": 60.0}
CAMERA = {"blur": 0.15, "mtf_c1": 1.0, "mtf_c2": 0.02, "mtf_c3": 0.45, "mtf_c4": 2.5}


def main() -> None:
    """Take the images, estimate, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("material", choices=MODELS)
    parser.add_argument("--each", type=int, default=1, help="images of each specimen at each dose")
    parser.add_argument(
        "--waves", type=Path, default=Path("data/sampling"), help="where exit waves are kept"
    )
    parser.add_argument("--doses", type=float, nargs="+", default=DOSES, help="e/Å²")
    arguments = parser.parse_args()
    material, network = arguments.material, registry.load(MODELS[arguments.material])
    lattices = lattices_of(network.card.materials)
    plans = metals() if material == "metal" else sheets()
    specimens = load_all(plans, arguments.waves)
    rng = np.random.default_rng(SEED)
    warned, judged = np.zeros((2, len(STATED)), int)
    print(f"{network.card.name} {network.card.version}, {len(plans)} specimens")
    print("dose (e/Å²)  found  refused  median, largest error (%)  wrong  films refused  time (s)")
    for dose in arguments.doses:
        outcomes = defaultdict(list)
        for plan in arguments.each * plans:
            defocus = DEFOCUS[material]
            imaging = {"defocus": [-defocus, defocus], "Cs": [-1.5e5, 1.5e5], **CAMERA}
            imaging |= {"astigmatism": [0, 15], "coma": [0, 200], "threefold": [0, 100]}
            imaging |= {"focal_spread": [15, 45], "dose": dose}
            imaging["sampling"] = float(np.exp(rng.uniform(np.log(0.04), np.log(0.25))))
            conditions = conditions_of(imaging, SEED, int(rng.integers(1e9)))
            image, sampling = take_frame(rng, specimens[plan.key], conditions)
            name = plan.arguments.get("element", "Au") if material == "metal" else "graphene"
            start = time.perf_counter()
            error = error_of(image, sampling, network, name)
            outcomes["time"].append(time.perf_counter() - start)
            outcomes["film" if plan.specimen == "film" else "crystal"].append(error)
            if plan.specimen != "film":
                for number, ratio in enumerate(STATED):
                    with warnings.catch_warnings(action="ignore"):
                        sites = find_sites(image[None], ratio * sampling, network)
                    against = contradiction(sites, ratio * sampling, lattices)
                    warned[number] += against is not None or is_no_sheet(sites, lattices)
                    judged[number] += len(sites[0]) > 0
        errors = np.array(outcomes["crystal"])
        found = np.abs(errors[np.isfinite(errors)])
        said = f"{100 * np.median(found):.2f}, {100 * found.max():.2f}" if len(found) else "-"
        films = np.isnan(outcomes["film"])
        print(
            f"{dose:11g} {len(found):6} {len(errors) - len(found):8} {said:>26} "
            f"{np.count_nonzero(found > EXACT):6} {f'{films.sum()} of {len(films)}':>14} "
            f"{np.median(outcomes['time']):9.1f}"
        )
    for ratio, number, seen in zip(STATED, warned, judged, strict=True):
        print(
            f"stated at {ratio:4.2f} of the true sampling: warned of {number} of {seen} images in "
            "which anything is found"
        )


def metals() -> list[Plan]:
    """Plan particles of all kinds on all supports, and films."""
    kinds = [("Au", "110"), ("Ir", "100"), ("Pt", "110"), ("Au", "100"), ("Pt", "100")]
    plans = []
    for number, (element, zone) in enumerate(kinds):
        for place, support in enumerate(SUPPORTS):
            more = {"element": element, "zone": zone, "support": support, "tilt": 0.5 * number}
            more |= {"diameter": 22.0, "thickness": 12.0 + 4 * place, "rounded": place % 2 == 0}
            plans.append(Plan("metal", SEED + 10 * number + place, 300e3, more, snapshots=2))
    return plans + films(300e3)


def sheets() -> list[Plan]:
    """Plan sheets with all kinds of defects, and films."""
    plans = [
        Plan("graphene", SEED + 100 + n, 80e3, {"kind": kind, "tilt": float(n)}, snapshots=2)
        for n, kind in enumerate(2 * SHEETS)
    ]
    return plans + films(80e3)


def films(energy: float) -> list[Plan]:
    """Plan films of amorphous carbon."""
    thicknesses = (10.0, 30.0, 60.0)
    return [Plan("film", SEED + 200, energy, {"thickness": t}, snapshots=2) for t in thicknesses]


def error_of(image: np.ndarray, sampling: float, network, material: str) -> float:
    """Return the relative error of the estimate, nan for a refusal."""
    try:
        return estimate_sampling(image[None], network, [material]) / sampling - 1
    except SamplingError:
        return np.nan


if __name__ == "__main__":
    main()
