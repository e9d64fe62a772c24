# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkpoints: the results of each block of frames, written to disk when it is finished.

A checkpoint is a directory: a description of the search, and a file for each block, written
atomically, so that an interrupted search can continue.
"""

import hashlib
import json
import math
import os
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np

from hyperspy_dlatoms._atomic_write import atomic_write
from hyperspy_dlatoms._version import __version__
from hyperspy_dlatoms.detection.alignment import Drift
from hyperspy_dlatoms.detection.contradiction import NOT_EXAMINED
from hyperspy_dlatoms.networks.domain import DomainScore
from hyperspy_dlatoms.networks.running import engine
from hyperspy_dlatoms.registry.handles import Handle
from hyperspy_dlatoms.signals._axes import Images
from hyperspy_dlatoms.signals._quality import FrameResult
from hyperspy_dlatoms.signals._unreadable import naming_unreadable, read_image

MANIFEST = "search.json"
FORMAT = 1
# What a package update may change in the description of a search.
_OF_A_RELEASE = {"format", "release", "models"}


class OtherSearchError(ValueError):
    """A checkpoint belongs to another search or is damaged: which, and what to do."""

    def __init__(self, problem: str, remedy: str):
        super().__init__(problem, remedy)
        self.problem = problem

    def __str__(self) -> str:
        return ": ".join(self.args)


def describe(handle: Handle, images: Images, **settings: Any) -> dict[str, Any]:
    """Describe a search in JSON by the networks' hashes and the first, middle and last image."""
    frames = images.frames
    navigation = frames.shape[: images.navigation]
    count = int(np.prod(navigation))
    if not count:
        raise ValueError(
            f"The signal has no images, its navigation shape is {navigation}: a checkpoint needs "
            "one or more. Check how they were selected, or leave out store."
        )
    digest = hashlib.sha256()
    for place in sorted({0, count // 2, count - 1} & set(range(count))):
        frame = read_image(frames, np.unravel_index(place, navigation))
        digest.update(np.ascontiguousarray(frame).tobytes())
    members: tuple[Any, ...] = getattr(handle, "members", (handle,))
    search = {
        "format": FORMAT,
        # Another release may find different sites with the same networks.
        "release": __version__,
        "models": [member.sha256 for member in members],
        "precision": list(handle.precisions),
        "engine": engine(),
        "shape": list(frames.shape),
        "dtype": str(frames.dtype),
        "images": digest.hexdigest(),
        "chunks": [list(sizes) for sizes in frames.chunks[: images.navigation]],
        "sampling": images.pixel_size,
        "focus": images.focus,
        **settings,
    }
    # Tuples become lists, as they are when read back.
    return json.loads(json.dumps(search, default=float))


def checkpointed(
    find: Callable[..., np.ndarray],
    directory: str | os.PathLike[str],
    search: dict[str, Any],
    examine: Callable[..., bool] | None = None,
) -> Callable[..., np.ndarray]:
    """Return a function for `map_blocks` that reads or finds and writes blocks of `FrameResult`."""
    # Results are rewritten where `examine`, given them and their frames, adds to those read.
    directory = Path(directory).absolute()
    _open(directory, search)
    return partial(_find_or_read, find=find, examine=examine, directory=directory)


def complete(
    results: da.Array,
    directory: str | os.PathLike[str],
    examined: Mapping[tuple[int, ...], Sequence[int]] | None = None,
    *,
    progress: Callable[..., AbstractContextManager],
    **options: Any,
) -> da.Array:
    """Compute the blocks that a checkpoint lacks, and return all, read from it lazily."""
    # Memory does not grow with the number of frames. `progress` returns the context that shows the
    # progress for an array of chunks, given how many frames are done; the options are for dask.
    # Blocks with frames that are listed in `examined` but were not examined count as lacking, too.
    directory = Path(directory).absolute()
    meta = np.empty((0,) * results.ndim, bool)
    # Results stay on the worker that wrote them.
    written = da.map_blocks(
        _done,
        results,
        token="write-atoms",
        dtype=bool,
        chunks=tuple((1,) * number for number in results.numblocks),
        meta=meta,
    )
    missing = [
        block
        for block in written.to_delayed().flat
        if not _is_there(_file(directory, block.key[1:]), (examined or {}).get(block.key[1:], ()))
    ]
    if missing:
        chunks = results.chunks
        places = [zip(chunks, block.key[1:], strict=True) for block in missing]
        left = sum(math.prod(sizes[at] for sizes, at in place) for place in places)
        with naming_unreadable(results), progress(written, chunks, results.size - left):
            dask.compute(*missing, traverse=False, **options)
    return da.map_blocks(
        partial(_read, directory=directory),
        da.empty(results.shape, chunks=results.chunks, dtype=bool),
        token="read-atoms",
        dtype=object,
        meta=meta.astype(object),
    )


def _find_or_read(
    block: np.ndarray,
    *,
    find: Callable[..., np.ndarray],
    examine: Callable[..., bool] | None,
    directory: Path,
    block_id: tuple[int, ...],
) -> np.ndarray:
    if zipfile.is_zipfile(_file(directory, block_id)):
        places = np.empty(block.shape[: len(block_id)], bool)
        results = _read(places, directory=directory, block_id=block_id)
        if examine is None or not examine(results, block, block_id=block_id):
            return results
    else:
        results = find(block, block_id=block_id)
    _write(results, directory, block_id)
    return results


def _open(directory: Path, search: dict[str, Any]) -> None:
    manifest = directory / MANIFEST
    try:
        stored = json.loads(manifest.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        # Drafts come from a process that was killed, or that is about to describe the same search.
        if directory.exists() and not (
            directory.is_dir() and all(path.name.startswith(".") for path in directory.iterdir())
        ):
            raise ValueError(
                f"{str(directory)!r} is not a checkpoint of a search: expected an empty directory, "
                f"a new one, or one with a file {MANIFEST!r}."
            ) from None
        directory.mkdir(parents=True, exist_ok=True)
        _write_whole(manifest, lambda draft: draft.write_text(json.dumps(search, indent=1)))
        return
    except ValueError as error:
        raise OtherSearchError(
            f"{str(manifest)!r} is damaged ({error})", "delete the directory and search again."
        ) from error
    names = sorted(search.keys() | stored.keys())
    differing = [name for name in names if search.get(name) != stored.get(name)]
    if differing:
        update = "" if _OF_A_RELEASE.isdisjoint(differing) else ", as after an update"
        raise OtherSearchError(
            f"{str(directory)!r} is the checkpoint of another search, which differs in "
            f"{', '.join(differing)}{update}",
            "give another directory, or delete that one.",
        )


def _file(directory: Path, block: tuple[int, ...]) -> Path:
    return directory / f"{'-'.join(f'{number:06d}' for number in block)}.npz"


def _is_there(path: Path, examined: Sequence[int]) -> bool:
    """Whether the file of a block is whole, and its frames with these numbers were examined."""
    whole = zipfile.is_zipfile(path)
    if not whole or not examined:
        return whole
    # Reading a damaged file says what is wrong with it.
    damaged = suppress(OSError, KeyError, ValueError, zipfile.BadZipFile)
    with damaged, np.load(path, allow_pickle=False) as file:
        return NOT_EXAMINED not in file["shown"][list(examined)]
    return True


def _done(block: np.ndarray) -> np.ndarray:
    return np.ones((1,) * block.ndim, bool)


def _write(block: np.ndarray, directory: Path, block_id: tuple[int, ...]) -> None:
    sites, domain, drifts, masked, shown = zip(*block.flat, strict=True)
    arrays: dict[str, Any] = {
        "counts": np.array([len(one) for one in sites]),
        "sites": np.concatenate(sites),
        "masked": np.array(masked, float),
        "shown": np.array(shown),
    }
    if domain[0] is not None:
        arrays["scores"] = np.array([one.score for one in domain], float)
        arrays["reasons"] = np.array(["\n".join(one.reasons) for one in domain])
    if drifts[0] is not None:
        arrays["offsets"] = np.stack([drift.offsets for drift in drifts])
        arrays["certain"] = np.array([drift.certain for drift in drifts])

    def save(draft: Path) -> None:
        with draft.open("wb") as file:
            np.savez(file, **arrays)

    _write_whole(_file(directory, block_id), save)


def _write_whole(path: Path, write) -> None:
    """Write a file atomically."""
    try:
        with atomic_write(path) as draft:
            write(draft)
    except OSError as error:
        raise OSError(
            f"{str(path)!r} cannot be written ({error.strerror}): what was found before stays in "
            f"{str(path.parent)!r}."
        ) from error


def _read(block: np.ndarray, *, directory: Path, block_id: tuple[int, ...]) -> np.ndarray:
    path = _file(directory, block_id)
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        sites = np.split(arrays["sites"], np.cumsum(arrays["counts"])[:-1])
        masked, shown = arrays["masked"].tolist(), arrays["shown"].tolist()
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{str(path)!r} is missing or damaged ({error}): delete it and search again; the other "
            "files are kept."
        ) from error
    domain: list[DomainScore | None] = [None] * len(sites)
    drifts: list[Drift | None] = [None] * len(sites)
    if "scores" in arrays:
        said = zip(arrays["scores"].tolist(), arrays["reasons"].tolist(), strict=True)
        domain = [DomainScore(score, tuple(reasons.splitlines())) for score, reasons in said]
    if "offsets" in arrays:
        both = zip(arrays["offsets"], arrays["certain"], strict=True)
        drifts = [Drift(offsets, bool(certain)) for offsets, certain in both]
    results = np.empty(block.shape, object)
    for number, result in enumerate(map(FrameResult, sites, domain, drifts, masked, shown)):
        results.flat[number] = result
    return results
