# SPDX-License-Identifier: GPL-3.0-or-later
"""Which images in the middle of a movie cannot be read."""

import itertools
import math
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import dask.array as da
import numpy as np
from dask.layers import ArrayBlockIdDep


class BlocksOfImages(ArrayBlockIdDep):
    """The places of blocks of images, for `dask.array.blockwise`, and how these are read."""

    def __init__(self, chunks: tuple[tuple[int, ...], ...], read: da.Array) -> None:
        super().__init__(chunks)
        self.name, self.read_chunks = read.name, read.chunks


def read_image(images: Any, index: Sequence[int | np.integer]) -> np.ndarray:
    """Read an image, or a focal series, of an array of any kind at an index of navigation."""
    try:
        return np.asanyarray(images[tuple(index)])
    except Exception as error:
        # Decoders fail in every possible way.
        _check_sent(error)
        raise _unreadable([index], images.shape, error) from error


@contextmanager
def naming_unreadable(results: da.Array) -> Iterator[None]:
    """Say which images cannot be read if that stops the computation of results."""
    # Images are read in tasks of their readers, which do not say where they were.
    try:
        yield
    except Exception as error:
        _check_sent(error)
        layers = [] if _is_ours(error) else results.dask.layers.values()
        inputs = [one for layer in layers for one in getattr(layer, "io_deps", {}).values()]
        for places in inputs:
            if isinstance(places, BlocksOfImages):
                images = da.Array(results.dask, places.name, places.read_chunks, dtype=float)
                _read_all(images, len(places.chunks))
        raise


def _check_sent(error: Exception) -> None:
    """Raise if images could not be sent to other processes: the file may be sound."""
    senders = ("distributed.protocol", "cloudpickle")
    if isinstance(error, TypeError) and any(one.startswith(senders) for one in _modules(error)):
        raise TypeError(
            "The images cannot be sent to other processes, since their reader holds the file open: "
            "search them with threads, within dask.config.set(scheduler='threads'), or save them "
            "as .hspy first."
        ) from error


def _is_ours(error: Exception) -> bool:
    """Whether this package raised an error in a task."""
    tasks = itertools.dropwhile(lambda module: not module.startswith("dask."), _modules(error))
    return any(module.startswith("hyperspy_dlatoms.") for module in tasks)


def _modules(error: Exception) -> Iterator[str]:
    """Yield the modules that an error came through, the innermost last."""
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    return (frame.f_globals.get("__name__", "") for frame in frames)


def _read_all(images: da.Array, navigation: int) -> None:
    """Read images as they are stored, until some cannot be read."""
    for block in np.ndindex(images.numblocks[:navigation]):
        sizes = zip(images.chunks, block, strict=False)
        some = [range(sum(one[:at]), sum(one[: at + 1])) for one, at in sizes]
        try:
            images.blocks[block].compute()
        except Exception as error:
            bad = [index for index in itertools.product(*some) if not _is_readable(images[index])]
            if bad:
                raise _unreadable(bad, images.shape, error) from error


def _is_readable(image: da.Array) -> bool:
    try:
        image.compute()
    except Exception:
        return False
    return True


def _unreadable(
    bad: Sequence[Sequence[int | np.integer]], shape: Sequence[int], error: Exception
) -> OSError:
    """Return an error about images at indices of navigation in an array of a shape."""
    first, last = (
        f"inav[{', '.join(str(int(one)) for one in reversed(index))}]"
        for index in (bad[0], bad[-1])
    )
    what, which = "The image", "that image"
    if len(bad) > 1:
        what, which = f"One or more of the images from {first} to {last}", "those images"
    elif math.prod(shape[: len(bad[0])]) > 1:
        what = f"The image at {first}"
    return OSError(
        f"{what} cannot be read ({type(error).__name__}: {error}): copy the file again, or leave "
        f"out {which}."
    )
