# SPDX-License-Identifier: GPL-3.0-or-later
"""Columns in scanned images: a network compared with find_peaks, Atomap and Spotiflow.

    python benchmarks/stem_peers.py data/stem [model]    # cases of a directory
    python benchmarks/stem_peers.py atomap [model]       # the images that Atomap makes as examples
    python benchmarks/stem_peers.py data/stem --spotiflow runs/spots    # see `spotiflow_peer.py`

A case is an npz file with `counts` (H, W), `sampling` (Å/px), `positions` (n, 2; px), `labels` (n,;
0 for columns to be found, others count neither as hits nor as misses) and `meta`, a JSON object
with `dose`, `detector` ("ADF" or "ABF") and `tol` (Å). find_peaks and Atomap are told whether
columns are dark, and the true neighbour distance of the columns to be found; the network is told
nothing. find_peaks searches the image smoothed by a Gaussian. Atomap (0.4, skipped if it is not
installed) refines by centre of mass and then by 2D Gaussians, as in its guide. It takes seconds per
image, minutes where its fits do not converge. Spotiflow sees the image at the sampling it was
trained at, and is told nothing else.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import hyperspy.api as hs
import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from hyperspy_dlatoms import registry
from hyperspy_dlatoms.analysis import match
from hyperspy_dlatoms.networks.resampling import resample

BORDER = 5.0
"""Å along the edges that do not count."""

LIGHT = 0.7
"""Å around a column that counts neither way."""

SMOOTHING = 0.3
"""Å, of the Gaussian before find_peaks: a third of a column's full width at half maximum."""


class Case(NamedTuple):
    """An image and its true columns, px."""

    group: str
    image: np.ndarray
    sampling: float
    columns: np.ndarray
    others: np.ndarray
    dark: bool
    tolerance: float

    @property
    def spacing(self) -> float:
        """The usual distance of neighbours, px."""
        return float(np.median(cKDTree(self.columns).query(self.columns, 2)[0][:, 1]))

    @property
    def bright(self) -> np.ndarray:
        """The image with bright columns."""
        return -self.image if self.dark else self.image


def of_directory(directory: Path) -> Iterator[Case]:
    """Read the scanned images among the cases in a directory."""
    for path in sorted(directory.glob("*.npz")):
        with np.load(path) as data:
            meta = json.loads(str(data["meta"]))
            if "detector" not in meta:
                continue
            found = data["labels"] == 0
            yield Case(
                f"{meta['detector']} {meta['dose']:g} e/Å²",
                data["counts"].astype(np.float32),
                float(data["sampling"]),
                data["positions"][found],
                data["positions"][~found],
                meta["detector"] != "ADF",
                meta["tol"],
            )


def of_atomap() -> Iterator[Case]:
    """Make Atomap's examples with known columns, taking neighbours to be 2 Å apart."""
    import atomap.api as am

    makers = {
        "simple cubic, noise": lambda: am.dummy_data.get_simple_cubic_sublattice(image_noise=True),
        "fantasite": am.dummy_data.get_fantasite_sublattice,
    }
    for name, make in makers.items():
        sublattice = make()
        places = np.column_stack([sublattice.y_position, sublattice.x_position]).astype(float)
        image = np.asarray(sublattice.image, np.float32)
        pixel = 2 / float(np.median(cKDTree(places).query(places, 2)[0][:, 1]))
        yield Case(name, image, pixel, places, np.empty((0, 2)), False, 0.5)


def by_peaks(case: Case) -> np.ndarray:
    """Find columns with HyperSpy's find_peaks."""
    smooth = gaussian_filter(case.bright, SMOOTHING / case.sampling)
    smooth = (smooth - smooth.min()) / np.ptp(smooth)
    peaks = hs.signals.Signal2D(smooth).find_peaks(
        method="local_max",
        min_distance=max(1, round(0.6 * case.spacing)),
        threshold_abs=float(smooth.mean()),
        interactive=False,
        show_progressbar=False,
    )
    return np.asarray(peaks.data[0] if peaks.data.dtype == object else peaks.data, float)


def by_atomap(case: Case) -> np.ndarray:
    """Find columns with Atomap, and refine them."""
    import atomap.api as am

    s = hs.signals.Signal2D(case.bright - case.bright.min())
    found = am.get_atom_positions(s, separation=max(2, round(0.6 * case.spacing)))
    sublattice = am.Sublattice(found, s)
    sublattice.find_nearest_neighbors()
    sublattice.refine_atom_positions_using_center_of_mass(show_progressbar=False)
    sublattice.refine_atom_positions_using_2d_gaussian(show_progressbar=False)
    return np.column_stack([sublattice.y_position, sublattice.x_position])


def by_network(model: str) -> Callable[[Case], np.ndarray]:
    """Return a function that finds columns with a network."""

    def find(case: Case) -> np.ndarray:
        s = hs.signals.Signal2D(case.image)
        atoms = s.find_atoms_nn(model, sampling=case.sampling, show_progressbar=False)
        return atoms.data[0][:, :2]

    return find


def by_spotiflow(python: Path, model: Path, target: float) -> Callable[[Case], np.ndarray]:
    """Return a function that finds columns with Spotiflow at `target` Å/px, in its own process."""
    command = [python, Path(__file__).with_name("spotiflow_peer.py"), "find", model]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    path = Path(tempfile.mkdtemp()) / "image.npy"

    def find(case: Case) -> np.ndarray:
        image, grid = resample(case.image, case.sampling, target)
        np.save(path, image)
        process.stdin.write(f"{path}\n")
        process.stdin.flush()
        # Libraries may print as well.
        while (line := process.stdout.readline()) != "done\n":
            if not line:
                raise RuntimeError(f"Spotiflow stopped with code {process.wait()}.")
        return grid.to_native(np.load(path))

    return find


def score(found: np.ndarray, case: Case) -> np.ndarray:
    """Return hits, false and missed columns, and the sum of squared errors, Å²."""
    pixel, end = case.sampling, np.array(case.image.shape) - 1
    inner = BORDER / pixel

    def inside(places: np.ndarray) -> np.ndarray:
        return ((places > inner) & (places < end - inner)).all(axis=1)

    pairs = match(found, case.columns, case.tolerance / pixel)
    missed, false = inside(case.columns), inside(found)
    missed[pairs[:, 1]] = false[pairs[:, 0]] = False
    if len(case.others):
        false &= cKDTree(case.others).query(found)[0] > LIGHT / pixel
    hits = pairs[inside(case.columns[pairs[:, 1]])]
    errors = pixel * (found[hits[:, 0]] - case.columns[hits[:, 1]])
    return np.array([len(hits), false.sum(), missed.sum(), (errors**2).sum()])


def main() -> None:
    """Print F1, errors and times for each method and kind of image."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", help="a directory of cases, or `atomap`")
    parser.add_argument("model", nargs="?", default="stem")
    parser.add_argument("--spotiflow", type=Path, help="trained by `spotiflow_peer.py`")
    parser.add_argument("--environments", type=Path, default=Path("data/environments"))
    options = parser.parse_args()
    source, model = options.source, options.model
    warnings.simplefilter("ignore")
    ways = {model: by_network(model), "find_peaks": by_peaks}
    if find_spec("atomap"):
        ways["atomap"] = by_atomap
    else:
        print("Atomap is not installed and is left out.")
    if options.spotiflow:
        python = options.environments / "spotiflow/bin/python"
        target = registry.handle(model).card.sampling
        ways["spotiflow"] = by_spotiflow(python, options.spotiflow, target)
    cases = list(of_atomap() if source == "atomap" else of_directory(Path(source)))
    if not cases:
        raise SystemExit(f"There are no scanned images in {source!r}.")
    # Loading the network and its libraries does not count towards the time.
    for name in {model, "spotiflow"} & set(ways):
        ways[name](cases[0])
    for name, find in ways.items():
        sums: dict[str, list[np.ndarray]] = defaultdict(list)
        for case in cases:
            start = time.perf_counter()
            try:
                found = find(case)
            except Exception as error:
                print(f"{name} fails on {case.group}: {type(error).__name__}: {error}")
                found = np.empty((0, 2))
            spent = time.perf_counter() - start
            sums[case.group].append(np.append(score(found, case), spent))
        for group, rows in sums.items():
            hits, false, missed, square, seconds = np.sum(rows, axis=0)
            f1 = 2 * hits / max(2 * hits + false + missed, 1)
            error = 100 * np.sqrt(square / max(2 * hits, 1))
            print(
                f"{name:12s} {group:20s} F1 {f1:.3f}  {error:5.1f} pm/axis  "
                f"{seconds / len(rows):6.2f} s/image",
                flush=True,
            )


if __name__ == "__main__":
    main()
