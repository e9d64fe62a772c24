# SPDX-License-Identifier: GPL-3.0-or-later
"""Time of 40 exit waves (512²) against two minutes; of an image against two 512² FFTs."""

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import scipy.fft

from hyperspy_dlatoms.recipes.recipe import parse_recipe, read_recipe
from hyperspy_dlatoms.simulation.dataset import simulate
from hyperspy_dlatoms.simulation.imaging.conditions import draw_conditions
from hyperspy_dlatoms.simulation.imaging.image import take_image

RECIPES = Path(__file__).parents[1] / "recipes"
WAVES, LIMIT = 40, 120.0


def main() -> None:
    """Simulate and image."""
    for name in ("metal-nanoparticle", "graphene"):
        recipe = read_recipe(RECIPES / f"{name}.yaml")
        # 64 Å at the 0.125 Å/px of the multislice are 512 px.
        text = recipe.text.replace(f"count: {recipe.waves.count}", f"count: {WAVES}")
        recipe = parse_recipe(text.replace("size: 60.0", "size: 64.0"))
        with tempfile.TemporaryDirectory() as directory:
            start = time.perf_counter()
            data = simulate(recipe, directory, show_progressbar=False)
            seconds = time.perf_counter() - start
            print(f"{name}: {WAVES} waves {seconds:.1f} s, {seconds / LIMIT:.2f} times the limit")
            report_images(recipe, data)


def report_images(recipe, data) -> None:
    """Time images of 512² and FFTs of the same size."""
    rng = np.random.default_rng(0)
    images, transforms = [], []
    noise = rng.standard_normal((512, 512)).astype(np.complex64)
    for index in [0, *range(24)]:
        item = data[index % len(data)]
        conditions = draw_conditions(rng, recipe.imaging)
        start = time.perf_counter()
        take_image(rng, item.wave, 0.2, item.record["energy"], conditions, 0.125)
        images.append(time.perf_counter() - start)
        start = time.perf_counter()
        scipy.fft.ifft2(scipy.fft.fft2(noise))
        transforms.append(time.perf_counter() - start)
    image, transform = statistics.median(images[1:]), statistics.median(transforms[1:])
    print(
        f"  an image of 512² {1e3 * image:.0f} ms (median), "
        f"slowest {1e3 * max(images[1:]):.0f} ms, "
        f"{image / transform:.1f} times two FFTs of 512²"
    )


if __name__ == "__main__":
    main()
