# SPDX-License-Identifier: GPL-3.0-or-later
"""The convolutional network that finds sites: a small residual U-Net on half the grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperspy_dlatoms.networks._scattering import MATERIAL_INPUTS

if TYPE_CHECKING:
    import keras

# Bounds of the logarithm of the standard deviations that the network returns (working px).
LOG_SIGMA = (-4.5, 2.0)
STRIDE = 2  # Working pixels per cell of the network's output, along each axis.
NORM = "_norm"  # Appended to the name of a convolution, names its batch normalisation.
# Prefix of the names of the convolutions of the coarsest level, before their number.
MIDDLE = "middle"
# Path of the weights for what is known about a focal series: its defoci, then its material.
FOCUS = "focus/kernel"
# The same at the coarsest level, in networks that are told a material.
MATERIAL = "material/kernel"
HEIGHT_UNIT = 5.0  # Atoms in a column per unit of the network's height output.
DEFAULTS: dict[str, Any] = {
    "widths": [32, 64, 96, 128],
    "dilations": [1, 2],
    "images": 1,
    "heights": False,
    "wave": False,
    "decoys": [],
    "material": False,
}


def build(arguments: dict[str, Any], n_classes: int, *, folded: bool = False) -> keras.Model:
    """Build the network with fresh weights.

    A strided stem halves the grid, so that all the work is done on cells of 2 × 2 working pixels;
    three poolings and dilated convolutions at the coarsest level let each cell see the lattice
    around it. The network is fully convolutional: one set of weights serves every frame whose
    sides are multiples of `grid_multiple`.

    Parameters
    ----------
    arguments : dict
        ``widths``, the channels of each level from the finest on; ``dilations``, one for each
        convolution of the coarsest level; ``images``, how many images of a focal series it
        takes at once; ``heights``, whether it counts the atoms in a column; ``wave``, whether it
        returns the exit wave instead of sites; ``decoys``, names of what it learns to tell apart
        from similar sites, for instance vacancies; ``material``, whether a network for focal
        series can be told the elements of a layer. Defaults are those in ``DEFAULTS``.
    n_classes : int
        Kinds of sites, not counting the background; ignored for exit waves.
    folded : bool
        Whether its convolutions have biases instead of batch normalisations, see
        `hyperspy_dlatoms.networks._folding`.

    Returns
    -------
    keras.Model
        Takes (n, h, w, images) float32, normalised frames at the working sampling, and returns
        (n, h/2, w/2, n_classes + 5) float32, plus one for each decoy: the logits (background first,
        decoys last), the offset of the site from the centre of the cell (dy, dx, working px), and
        the logarithms of its standard deviations (y, x, working px). ``heights`` adds two: the
        number of atoms in the column and the logarithm of its standard deviation, in units of
        ``HEIGHT_UNIT`` atoms. A network for several images takes as a second input the output of
        `encode_defoci`, followed, with ``material``, by that of `encode_material` in
        `hyperspy_dlatoms.networks._scattering`. One for exit waves returns (n, h/2, w/2, 8), see
        `hyperspy_dlatoms.networks.waves.to_cells`.

    Raises
    ------
    ValueError
        If an argument is unknown, or ``n_classes`` is below 1.

    References
    ----------
    O. Ronneberger et al., "U-Net: Convolutional Networks for Biomedical Image Segmentation",
    MICCAI (2015); A. Speiser et al., "Deep learning enables fast and dense single-molecule
    localization with high accuracy", Nature Methods 18, 1082 (2021), for the offset and deviation
    heads.
    """
    import keras
    from keras import layers

    arguments = complete(arguments)
    if n_classes < 1:
        raise ValueError(f"n_classes is {n_classes}; a network needs at least one kind of site.")
    widths, dilations, images = (arguments[name] for name in ("widths", "dilations", "images"))

    # The weights of a folded network come from another; random numbers take time.
    start = {"kernel_initializer": "zeros"} if folded else {}

    # Every layer with weights is named, so that a file's arrays find their place.
    def convolution(x, width: int, name: str, dilation: int = 1):
        x = layers.Conv2D(
            width, 3, padding="same", use_bias=folded, dilation_rate=dilation, name=name, **start
        )(x)
        if folded:
            return x
        return layers.BatchNormalization(momentum=0.97, name=f"{name}{NORM}")(x)

    def residual(x, width: int, name: str, dilation: int = 1):
        shortcut = x
        if x.shape[-1] != width:
            shortcut = layers.Conv2D(width, 1, use_bias=False, name=f"{name}_shortcut", **start)(x)
        x = layers.Activation("relu")(convolution(x, width, f"{name}_first", dilation))
        x = convolution(x, width, f"{name}_second", dilation)
        return layers.Activation("relu")(layers.Add()([x, shortcut]))

    def told(x, width: int, name: str):
        added = layers.Dense(width, use_bias=False, name=name, **start)(inputs[1])
        return layers.Add()([x, layers.Reshape((1, 1, width))(added)])

    frame = keras.Input((None, None, images), name="frame")
    inputs = [frame]
    x = layers.Conv2D(widths[0], 4, strides=STRIDE, padding="same", name="stem", **start)(frame)
    if images > 1:
        inputs.append(keras.Input((_known(arguments),), name="defoci"))
        x = told(x, widths[0], "focus")
    skips = []
    for level, width in enumerate(widths[:-1]):
        x = residual(x, width, f"down{level}")
        skips.append(x)
        x = layers.MaxPooling2D()(x)
    if arguments["material"]:
        # Which honeycomb sites are the metal is decided here, where a cell sees many of them.
        x = told(x, x.shape[-1], "material")
    for number, dilation in enumerate(dilations):
        x = residual(x, widths[-1], f"{MIDDLE}{number}", dilation)
    for level in reversed(range(len(skips))):
        x = layers.Conv2D(widths[level], 1, use_bias=False, name=f"up{level}_merge", **start)(x)
        x = layers.Add()([layers.UpSampling2D()(x), skips[level]])
        x = residual(x, widths[level], f"up{level}")
    if arguments["wave"]:
        wave = layers.Conv2D(2 * STRIDE**2, 1, dtype="float32", name="wave", **start)(x)
        return keras.Model(inputs if images > 1 else frame, wave, name="unet")
    channels = n_classes + len(arguments["decoys"]) + 5
    maps = layers.Conv2D(channels, 1, dtype="float32", name="maps", **start)(x)
    if arguments["heights"]:
        heights = layers.Conv2D(2, 1, dtype="float32", name="heights", **start)(x)
        maps = layers.Concatenate(dtype="float32", name="maps_and_heights")([maps, heights])
    return keras.Model(inputs if images > 1 else frame, maps, name="unet")


def complete(arguments: dict[str, Any]) -> dict[str, Any]:
    """Check the arguments of the architecture, see `build`, and fill in the defaults."""
    unknown = sorted(set(arguments) - set(DEFAULTS))
    if unknown:
        raise ValueError(
            f"Unknown argument {unknown[0]!r} of the architecture: expected one of "
            f"{', '.join(sorted(DEFAULTS))}."
        )
    completed = DEFAULTS | arguments
    for name in ("widths", "dilations"):
        values = completed[name]
        if not isinstance(values, list | tuple) or not values or not all(map(_counts, values)):
            raise ValueError(
                f"{name} is {values!r}; give a list of at least one positive whole number."
            )
        completed[name] = list(values)
    if not _counts(completed["images"]):
        raise ValueError(f"images is {completed['images']!r}; give a positive whole number.")
    for name in ("heights", "wave", "material"):
        if not isinstance(completed[name], bool):
            raise ValueError(f"{name} is {completed[name]!r}; give true or false.")
    decoys = completed["decoys"]
    if not isinstance(decoys, list | tuple) or not all(isinstance(one, str) for one in decoys):
        raise ValueError(f"decoys is {decoys!r}; give a list of names.")
    completed["decoys"] = list(decoys)
    if completed["material"] and completed["images"] == 1:
        raise ValueError("material is true; only networks of focal series take it.")
    if completed["wave"] and (completed["heights"] or decoys):
        raise ValueError("wave is true; exit waves have no sites, so no heights and no decoys.")
    return completed


def encode_defoci(defoci: Sequence[float] | None, images: int) -> np.ndarray:
    """Encode defoci (Å, underfocus positive) as input for networks, float32 (images + 1,)."""
    # In units of 100 Å, then 1 for known; all 0 if unknown.
    if defoci is None:
        return np.zeros(images + 1, np.float32)
    values = np.asarray(defoci, float)
    if values.shape != (images,) or not np.isfinite(values).all():
        raise ValueError(f"The defoci are {defoci!r}: expected {images} numbers in Å, or None.")
    return np.append(values / 100, 1).astype(np.float32)


def _counts(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def shapes(arguments: dict[str, Any], n_classes: int) -> dict[str, tuple[int, ...]]:
    """Return names and shapes of the weights of the folded network, without building it."""
    # These are the layers of `build`.
    arguments = complete(arguments)
    widths, images = arguments["widths"], arguments["images"]
    found: dict[str, tuple[int, ...]] = {}

    def convolution(name: str, size: int, before: int, width: int, bias: bool = True) -> None:
        found[f"{name}/kernel"] = (size, size, before, width)
        if bias:
            found[f"{name}/bias"] = (width,)

    def residual(name: str, before: int, width: int) -> None:
        if before != width:
            convolution(f"{name}_shortcut", 1, before, width, bias=False)
        convolution(f"{name}_first", 3, before, width)
        convolution(f"{name}_second", 3, width, width)

    convolution("stem", 2 * STRIDE, images, widths[0])
    last, known = widths[0], _known(arguments)
    if images > 1:
        found[FOCUS] = (known, last)
    for level, width in enumerate(widths[:-1]):
        residual(f"down{level}", last, width)
        last = width
    if arguments["material"]:
        found[MATERIAL] = (known, last)
    for number in range(len(arguments["dilations"])):
        residual(f"{MIDDLE}{number}", last, widths[-1])
        last = widths[-1]
    for level in reversed(range(len(widths) - 1)):
        convolution(f"up{level}_merge", 1, last, widths[level], bias=False)
        last = widths[level]
        residual(f"up{level}", last, last)
    if arguments["wave"]:
        convolution("wave", 1, last, 2 * STRIDE**2)
        return found
    convolution("maps", 1, last, n_classes + len(arguments["decoys"]) + 5)
    if arguments["heights"]:
        convolution("heights", 1, last, 2)
    return found


def _known(arguments: dict[str, Any]) -> int:
    """Return how many numbers a network for focal series is told: the defoci and the material."""
    of_material = (MATERIAL_INPUTS + arguments["wave"]) * arguments["material"]
    return arguments["images"] + 1 + of_material


def grid_multiple(arguments: dict[str, Any]) -> int:
    """Return the number of working px that the sides of a frame must be a multiple of."""
    return STRIDE * 2 ** (len(complete(arguments)["widths"]) - 1)


def receptive_radius(arguments: dict[str, Any]) -> int:
    """Return the distance in working px beyond which no pixel changes a cell of the output."""
    # It is a multiple of `grid_multiple`.
    arguments = complete(arguments)
    levels = len(arguments["widths"]) - 1
    cells = [STRIDE * 2**level for level in range(levels + 1)]
    # Two residual convolutions on the way down, two on the way up, and half a coarse cell for the
    # pooling and the nearest-neighbour interpolation of each level.
    radius = STRIDE + sum(4 * cell + cell for cell in cells[:-1])
    radius += 2 * sum(arguments["dilations"]) * cells[-1]
    multiple = cells[-1]
    return -(-radius // multiple) * multiple
