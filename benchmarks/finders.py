# SPDX-License-Identifier: GPL-3.0-or-later
"""Atoms found by the networks, by find_peaks and by Atomap in the package's example images.

Lower doses than that of an image are made by keeping each electron with some probability. The peak
finders are told what the network is not: whether atoms are bright or dark, how far apart they are,
and the threshold that gives the best F1. Peaks farther than 3 Å from every true atom do not count
for any method, since a peak finder cannot tell a metal from its support; nor do those within
3 Å of the edges. Atomap is skipped if it is not installed::

    python benchmarks/finders.py
"""

import argparse
import csv
import sys
from importlib.util import find_spec

import hyperspy.api as hs
import numpy as np
from movies import calibrated
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from hyperspy_dlatoms import registry
from hyperspy_dlatoms.analysis import match

IMAGES = {"nanoparticle": (800.0, 2.45), "graphene-image": (6000.0, 1.42)}
"""Dose (e/Å²), and distance of nearest neighbours (Å)."""
FRACTIONS = (1.0, 0.316, 0.1, 0.0316)
NEAR, RIGHT = 3.0, 0.5
"""Å from a true atom, within which peaks count, and within which they are right."""
EDGE = 3.0
"""Å along the edges that are left out."""


NOTHING = (0.0, 0.0, 0.0, float("nan"))


def smoothed(image, sampling, spacing):
    """Smooth an image by a sixth of the spacing."""
    return gaussian_filter(image.astype(float), spacing / sampling / 6)


def network(image, sampling, spacing):
    """Find atoms with the network suggested for the image."""
    signal = calibrated(hs.signals.Signal2D(image), sampling)
    atoms = signal.find_atoms_nn(on_extrapolation="ignore", show_progressbar=False)
    yield atoms.data.ravel()[0][:, :2]


def find_peaks_default(image, sampling, spacing):
    """Find maxima with HyperSpy's default settings."""
    signal = hs.signals.Signal2D(image)
    yield signal.find_peaks(method="local_max", interactive=False).data.ravel()[0]


def find_peaks_told(image, sampling, spacing):
    """Find maxima of the smoothed image, given spacing and sign, at many thresholds."""
    signal = hs.signals.Signal2D(smoothed(image, sampling, spacing))
    distance = max(1, round(0.35 * spacing / sampling))
    for threshold in np.linspace(*np.percentile(signal.data, [5, 99.5]), 30):
        yield signal.find_peaks(
            method="local_max", min_distance=distance, threshold_abs=threshold, interactive=False
        ).data.ravel()[0]


def atomap(image, sampling, spacing):
    """Find atoms of the smoothed image with Atomap, given spacing and sign, at a few thresholds."""
    import atomap.api as am

    signal = hs.signals.Signal2D(smoothed(image, sampling, spacing))
    separation = max(2, round(0.6 * spacing / sampling))
    for threshold in (0.02, 0.1, 0.2, 0.3, 0.4, 0.5):
        found = am.get_atom_positions(
            signal, separation, threshold_rel=threshold, pca=False, subtract_background=True
        )
        yield np.asarray(found, float).reshape(-1, 2)[:, ::-1]


def refined(image, found):
    """Refine positions with Atomap, as in its guide."""
    import atomap.api as am

    lattice = am.Sublattice(found[:, ::-1], image=image)
    lattice.find_nearest_neighbors()
    lattice.refine_atom_positions_using_center_of_mass(show_progressbar=False)
    lattice.refine_atom_positions_using_2d_gaussian(show_progressbar=False)
    return np.asarray(lattice.atom_positions)[:, ::-1]


METHODS = {
    "network (auto)": network,
    "find_peaks, defaults": find_peaks_default,
    "find_peaks, told": find_peaks_told,
    "Atomap, told": atomap,
}


def score(
    found: np.ndarray, true: np.ndarray, size: np.ndarray
) -> tuple[float, float, float, float]:
    """Return F1, precision, recall and rms error along an axis (pm) of positions in Å."""
    found = found[np.isfinite(found).all(axis=1)]
    found = found[cKDTree(true).query(found)[0] < NEAR] if len(found) else found
    pairs = match(found, true, RIGHT) if len(found) else np.empty((0, 2), int)

    def inside(places: np.ndarray) -> np.ndarray:
        return ((places > EDGE) & (places < size - EDGE)).all(axis=1)

    right = int(inside(true[pairs[:, 1]]).sum())
    wrong = np.setdiff1d(np.arange(len(found)), pairs[:, 0])
    false, missed = int(inside(found[wrong]).sum()), int(inside(true).sum()) - right
    error = found[pairs[:, 0]] - true[pairs[:, 1]]
    rms = 100 * float(np.sqrt((error**2).mean())) if len(pairs) else float("nan")
    recall = right / (right + missed)
    precision = right / (right + false) if right else 0.0
    return 2 * right / (2 * right + false + missed), precision, recall, rms


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    options = parser.parse_args()
    if find_spec("atomap") is None:
        options.methods = [one for one in options.methods if METHODS[one] is not atomap]
    writer = csv.writer(sys.stdout)
    writer.writerow(["image", "dose (e/Å²)", "method", "F1", "precision", "recall", "rms (pm)"])
    for name, (dose, spacing) in IMAGES.items():
        images, truth = registry.load_dataset(name)
        sampling = 10 * images.axes_manager.signal_axes[0].scale
        true = truth.data.ravel()[0][:, :2] * sampling
        counts = np.asarray(images.data, int)
        rows, columns = np.rint(true / sampling).astype(int).T
        # Dark atoms are inverted to bright ones for the peak finders.
        sign = np.sign(
            gaussian_filter(counts.astype(float), 1)[rows, columns].mean() - counts.mean()
        )
        for fraction in FRACTIONS:
            image = np.random.default_rng(1).binomial(counts, fraction).astype(np.float32)
            for method in options.methods:
                seen = image if method.startswith("network") else sign * image
                seen = seen - min(seen.min(), 0)
                found = list(METHODS[method](seen, sampling, spacing))
                size = sampling * np.array(image.shape)
                results = [score(f * sampling, true, size) for f in found]
                best = max(results, default=NOTHING)
                # Atomap needs nine neighbours to refine.
                chosen = found[results.index(best)] if results else np.empty((0, 2))
                if METHODS[method] is atomap and len(chosen) > 9:
                    better = refined(smoothed(seen, sampling, spacing), chosen)
                    best = max(best, score(better * sampling, true, size))
                numbers = [f"{value:.3f}" for value in best[:3]] + [f"{best[3]:.1f}"]
                writer.writerow([name, f"{dose * fraction:.0f}", method, *numbers])
                sys.stdout.flush()


if __name__ == "__main__":
    main()
