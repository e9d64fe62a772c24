# SPDX-License-Identifier: GPL-3.0-or-later
"""What was found in each block of frames, on disk as it comes, so that a search can go on."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
from dask.base import compute_as_if_collection
from dask.core import flatten
from dask.diagnostics import ProgressBar

import hyperspy_dlatoms
from hyperspy_dlatoms._atomic_write import atomic_write
from hyperspy_dlatoms.detection.alignment import Drift
from hyperspy_dlatoms.networks.domain import DomainScore
from hyperspy_dlatoms.networks.running import precision

if TYPE_CHECKING:
    from hyperspy_dlatoms.signals._model import Model

MANIFEST = "search.json"
"""The file that says which search the others belong to."""

FORMAT = 1
_BETWEEN_REASONS = "\n"


def search_of(model: Model, frames: da.Array, whole: int, **settings: Any) -> dict[str, Any]:
    """Describe a search, so that what it found is never taken for that of another one.

    Parameters
    ----------
    model : Model
        The network, or several; told apart by the content of their files.
    frames : dask.array.Array
        The images. The first, the middle and the last one are read to know them again.
    whole : int
        How many axes of the array belong to one frame.
    **settings
        What else decides on the result, as JSON holds it.

    Returns
    -------
    dict
        What JSON can hold.
    """
    navigation = frames.shape[:-whole]
    count = int(np.prod(navigation))
    digest = hashlib.sha256()
    for place in sorted({0, count // 2, count - 1} & set(range(count))):
        frame = frames[np.unravel_index(place, navigation)].compute()
        digest.update(np.ascontiguousarray(frame).tobytes())
    members = getattr(model.handle, "members", (model.handle,))
    search = {
        "format": FORMAT,
        # Another release may find other sites with the same networks.
        "release": hyperspy_dlatoms.__version__,
        "models": [member.sha256 for member in members],
        "precision": precision(),
        "shape": list(frames.shape),
        "dtype": str(frames.dtype),
        "images": digest.hexdigest(),
        "chunks": [list(sizes) for sizes in frames.chunks[:-whole]],
        **settings,
    }
    # Tuples become lists, as they are when they come back.
    return json.loads(json.dumps(search, default=float))


def remembering(
    find: Callable[[np.ndarray], np.ndarray],
    directory: str | os.PathLike[str],
    search: dict[str, Any],
) -> Callable[..., np.ndarray]:
    """Let a function of blocks of frames write what it finds, and read what is there.

    A block is there as a whole or not at all, so that a search that was cut short loses the blocks
    that it was at.

    Parameters
    ----------
    find : callable
        Of a block of frames, that gives an object array of tuples: sites, shape (n, k);
        DomainScore or None; Drift or None.
    directory : str or os.PathLike
        Made if it is not there.
    search : dict
        See `search_of`.

    Returns
    -------
    callable
        The same, for `dask.array.map_blocks`, which tells it the number of the block.

    Raises
    ------
    ValueError
        If the directory holds something else, or what another search found.
    OSError
        If it cannot be written.
    """
    directory = Path(directory).absolute()
    _open(directory, search)
    return partial(_remembered, find=find, directory=directory)


def _remembered(
    block: np.ndarray,
    *,
    find: Callable[[np.ndarray], np.ndarray],
    directory: Path,
    block_id: tuple[int, ...],
) -> np.ndarray:
    if zipfile.is_zipfile(_file(directory, block_id)):
        places = np.empty(block.shape[: len(block_id)], bool)
        return _read(places, directory=directory, block_id=block_id)
    findings = find(block)
    _write(findings, directory, block_id)
    return findings


def fill(
    findings: da.Array,
    directory: str | os.PathLike[str],
    *,
    show_progressbar: bool,
    **options: Any,
) -> da.Array:
    """Compute the findings that a directory lacks, and return all of them, read from it lazily.

    Memory does not grow with the number of frames, and frames whose findings are there are not
    read.

    Parameters
    ----------
    findings : dask.array.Array
        Computed by what `remembering` returned.
    directory : str or os.PathLike
        The same.
    show_progressbar : bool
        Whether to show a progress bar.
    **options
        For dask, for example ``num_workers`` or ``scheduler``.

    Returns
    -------
    dask.array.Array
        The same array, of which each block is read from its file.

    Raises
    ------
    OSError
        If it cannot be written; what is in it already stays.
    """
    directory = Path(directory).absolute()
    meta = np.empty((0,) * findings.ndim, bool)
    # Findings do not leave the worker that wrote them.
    written = da.map_blocks(
        _done,
        findings,
        token="write-atoms",
        dtype=bool,
        chunks=tuple((1,) * number for number in findings.numblocks),
        meta=meta,
    )
    missing = [
        key
        for key in flatten(written.__dask_keys__())
        if not zipfile.is_zipfile(_file(directory, key[1:]))
    ]
    if missing:
        with ProgressBar() if show_progressbar else nullcontext():
            compute_as_if_collection(da.Array, written.dask, missing, **options)
    return da.map_blocks(
        partial(_read, directory=directory),
        da.empty(findings.shape, chunks=findings.chunks, dtype=bool),
        token="read-atoms",
        dtype=object,
        meta=meta.astype(object),
    )


def _open(directory: Path, search: dict[str, Any]) -> None:
    manifest = directory / MANIFEST
    try:
        stored = json.loads(manifest.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            raise ValueError(
                f"{str(directory)!r} is no store of findings: expected an empty directory, a new "
                f"one, or one with a file {MANIFEST!r}."
            ) from None
        directory.mkdir(parents=True, exist_ok=True)
        _write_whole(manifest, lambda draft: draft.write_text(json.dumps(search, indent=1)))
        return
    except ValueError as error:
        raise ValueError(
            f"{str(manifest)!r} is damaged ({error}): delete the directory and search again."
        ) from error
    names = sorted(search.keys() | stored.keys())
    differing = [name for name in names if search.get(name) != stored.get(name)]
    if differing:
        raise ValueError(
            f"{str(directory)!r} holds what another search found, which differs in "
            f"{', '.join(differing)}: give another directory, or delete that one."
        )


def _file(directory: Path, block: tuple[int, ...]) -> Path:
    return directory / f"{'-'.join(f'{number:06d}' for number in block)}.npz"


def _done(block: np.ndarray) -> np.ndarray:
    return np.ones((1,) * block.ndim, bool)


def _write(block: np.ndarray, directory: Path, block_id: tuple[int, ...]) -> None:
    sites, verdicts, drifts = zip(*block.ravel(), strict=True)
    arrays = {
        "counts": np.array([len(one) for one in sites]),
        "sites": np.concatenate(sites),
    }
    if verdicts[0] is not None:
        arrays["scores"] = np.array([verdict.score for verdict in verdicts], float)
        arrays["reasons"] = np.array([_BETWEEN_REASONS.join(one.reasons) for one in verdicts])
    if drifts[0] is not None:
        arrays["offsets"] = np.stack([drift.offsets for drift in drifts])
        arrays["certain"] = np.array([drift.certain for drift in drifts])

    def save(draft: Path) -> None:
        with draft.open("wb") as file:
            np.savez(file, **arrays)

    _write_whole(_file(directory, block_id), save)


def _write_whole(path: Path, write) -> None:
    """Write a file so that a reader finds all of it or none."""
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
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{str(path)!r} is missing or damaged ({error}): delete it and search again, the other "
            "files are kept."
        ) from error
    verdicts: list[DomainScore | None] = [None] * len(sites)
    drifts: list[Drift | None] = [None] * len(sites)
    if "scores" in arrays:
        verdicts = [
            DomainScore(
                float(score), tuple(str(reasons).split(_BETWEEN_REASONS)) if reasons else ()
            )
            for score, reasons in zip(arrays["scores"].tolist(), arrays["reasons"], strict=True)
        ]
    if "offsets" in arrays:
        both = zip(arrays["offsets"], arrays["certain"], strict=True)
        drifts = [Drift(offsets, bool(certain)) for offsets, certain in both]
    findings = np.empty(block.shape, object)
    for index, *found in zip(np.ndindex(block.shape), sites, verdicts, drifts, strict=True):
        findings[index] = tuple(found)
    return findings
