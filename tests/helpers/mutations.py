# SPDX-License-Identifier: GPL-3.0-or-later
"""Damaged and malicious model files, and what the reader makes of them.

    python tests/helpers/mutations.py 100000

reads so many, each made from a small right one by one to three changes, within 1 GB of memory more
than the process has: anything else than a model or a ModelFileError is printed and is a failure.
"""

from __future__ import annotations

import argparse
import collections
import json
import resource
import sys
import tempfile
import time
import traceback
from pathlib import Path

import numpy as np

from hyperspy_dlatoms.networks.card import ModelCard
from hyperspy_dlatoms.networks.model_file import ModelFileError, read_model, write_model

NASTY = [
    None, True, -1, 0, 1, 2**31, 2**63, 2**64, 10**30, 1.5, float("nan"), float("inf"), "", "x",
    "\ud800", "../../etc/passwd", "file:///etc/passwd", [], {}, [[]], [0], [2**40], [-1],
    [1, 2**62], [2**32, 2**32], {"a": {"a": {}}}, "F64", "F16", "BF16", "F8_E4M3", "I8",
    "C64", "U64", "BOOL",
]  # fmt: skip
BYTES = np.frombuffer(b'\0\xff\x7f\x80{}[]",:0-9eE', np.uint8)


def right_file(path: Path) -> bytes:
    """Write a small model file and return its bytes."""
    card = ModelCard(
        name="example", version="1", architecture="unet", arguments={"widths": [8]},
        classes=("C",), sampling=0.2, radius=0.5, minimum_distance=1.0, threshold=0.5,
    )  # fmt: skip
    arrays = {"a/kernel": np.ones((3, 3, 1, 4)), "a/bias": np.zeros(4), "steps": np.array(7)}
    write_model(path, card, arrays)
    return path.read_bytes()


def mutate(content: bytes, rng: np.random.Generator) -> bytes:
    """Change a model file in one to three ways."""
    for _ in range(rng.integers(1, 4)):
        change = CHANGES[rng.integers(len(CHANGES))]
        content = change(content, rng)
    return content


def _flip(content, rng):
    data = np.frombuffer(content, np.uint8).copy()
    if len(data):
        reach = len(data) if rng.random() < 0.5 else min(len(data), 64)
        places = rng.integers(reach, size=rng.integers(1, 9))
        data[places] = rng.integers(256, size=len(places)) if rng.random() < 0.5 else BYTES[
            rng.integers(len(BYTES), size=len(places))
        ]  # fmt: skip
    return data.tobytes()


def _truncate(content, rng):
    return content[: rng.integers(len(content) + 1)]


def _extend(content, rng):
    return content + rng.bytes(int(rng.integers(1, 200)))


def _splice(content, rng):
    start, end = np.sort(rng.integers(len(content) + 1, size=2))
    place = rng.integers(len(content) + 1)
    return content[:place] + content[start : min(end, start + 100)] + content[place:]


def _length(content, rng):
    choices = (0, 1, 2**31, 2**63 - 1, 2**64 - 1, len(content), int(rng.integers(2**20)))
    return int(choices[rng.integers(len(choices))]).to_bytes(8, "little") + content[8:]


def _header(content, rng):
    """Put something nasty somewhere into the header's JSON."""
    return _with_header(content, lambda header: _poke(header, rng))


def _card(content, rng):
    """Put something nasty somewhere into the card's JSON."""

    def change(header):
        metadata = header.get("__metadata__") if isinstance(header, dict) else None
        if isinstance(metadata, dict) and isinstance(metadata.get("card"), str):
            try:
                card = json.loads(metadata["card"])
            except ValueError:
                return header
            metadata["card"] = json.dumps(_poke(card, rng))
        return header

    return _with_header(content, change)


def _deep(content, rng):
    """Nest lists deeper than any reader goes."""
    depth = int(rng.integers(100, 20_000))
    card = "[" * depth + "]" * depth

    def change(header):
        if isinstance(header, dict):
            header["__metadata__"] = {"card": card}
        return header

    return _with_header(content, change)


CHANGES = (_flip, _flip, _flip, _truncate, _extend, _splice, _length, _header, _header,
           _card, _card, _card, _deep)  # fmt: skip


def _with_header(content, change):
    size = int.from_bytes(content[:8], "little")
    try:
        header = change(json.loads(content[8 : 8 + size]))
        text = json.dumps(header).encode()
    except (ValueError, RecursionError, OverflowError):
        return content
    return len(text).to_bytes(8, "little") + text + content[8 + size :]


def _poke(value, rng):
    """Replace, remove or add one thing somewhere in nested JSON."""
    if not isinstance(value, dict | list) or not value or rng.random() < 0.1:
        return NASTY[rng.integers(len(NASTY))]
    keys = list(value) if isinstance(value, dict) else range(len(value))
    key = keys[rng.integers(len(keys))]
    kind = rng.random()
    if kind < 0.15:
        del value[key]
    elif kind < 0.3 and isinstance(value, dict):
        value[str(rng.integers(9))] = value.pop(key)
    else:
        value[key] = _poke(value[key], rng)
    return value


def read_mutated(number: int, directory: Path, seed: int = 0) -> collections.Counter:
    """Read so many mutated files; return how often each kind of answer came.

    Raises
    ------
    AssertionError
        If one is neither read nor refused with a ModelFileError that names the file.
    """
    content = right_file(directory / "right.safetensors")
    path = directory / "mutated.safetensors"
    answers = collections.Counter()
    for index in range(number):
        rng = np.random.default_rng([seed, index])
        path.write_bytes(mutate(content, rng))
        try:
            card, arrays = read_model(path)
        except ModelFileError as error:
            assert "mutated.safetensors" in str(error), index
            answers["refused"] += 1
        except BaseException as error:
            traceback.print_exc()
            raise AssertionError(f"seed {seed}, file {index}: {type(error).__name__}") from error
        else:
            assert sum(array.nbytes for array in arrays.values()) <= 8 * path.stat().st_size
            answers["read"] += 1
    return answers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("number", type=int)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    used = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (used + 2**30, used + 2**30))
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        answers = read_mutated(options.number, Path(directory), options.seed)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(dict(answers), f"{time.perf_counter() - start:.0f} s, peak {peak:.0f} MB")


if __name__ == "__main__":
    sys.exit(main())
