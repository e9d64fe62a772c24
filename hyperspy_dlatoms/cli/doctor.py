# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``dlatoms doctor``."""

import argparse
import os
import platform
import shutil
import tempfile
import textwrap
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from hyperspy_dlatoms._rows import WIDTH
from hyperspy_dlatoms.networks._backend import X86, instructions

HELP = "check the installation: versions, processor, GPU, cache and models"
EXAMPLES = """
dlatoms doctor
    # exit status 1 if something is wrong; with the environment variable
    # TF_CPP_MIN_LOG_LEVEL=0, all that TensorFlow says about a GPU
"""

_PACKAGES = ("hyperspy", "rosettasciio", "dask", "numpy", "scipy", "keras", "tensorflow")
# A package of each, which shows that the extra is installed.
_EXTRAS = {"simulation": "abtem", "tracking": "trackpy", "onnx": "onnxruntime"}
# Instructions that speed up networks, and what Linux and NumPy call them.
_INSTRUCTIONS = {
    "AVX": ("avx",),
    "AVX2": ("avx2",),
    "AVX-512": ("avx512f",),
    "AVX-512 BF16": ("avx512_bf16", "avx512bf16"),
    "AMX BF16": ("amx_bf16",),
}
_WHOLE: dict[str, Any] = {
    "subsequent_indent": " " * 18,
    "break_long_words": False,
    "break_on_hyphens": False,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare its arguments."""


def run(options: argparse.Namespace) -> int:
    """Print each check on a line, and then what is wrong; return 1 if anything is."""
    wrong: list[str] = []
    for name, text in _checks(wrong):
        start = f"{name:16}  "
        # Line by line, since the backend takes a while.
        print(textwrap.fill(text, WIDTH, initial_indent=start, **_WHOLE), flush=True)
    print()
    for text in wrong:
        print(f"wrong: {text}")
    if not wrong:
        print("Nothing is wrong. `dlatoms demo` finds the atoms of an example.")
    return int(bool(wrong))


def _checks(wrong: list[str]) -> Iterator[tuple[str, str]]:
    import hyperspy_dlatoms

    yield (
        "hyperspy-dlatoms",
        f"{hyperspy_dlatoms.__version__}, {Path(hyperspy_dlatoms.__file__).parent}",
    )
    yield "Python", f"{platform.python_version()}, {platform.system()} {platform.machine()}"
    yield "packages", ", ".join(f"{name} {_version(name) or 'missing'}" for name in _PACKAGES)
    wrong += [f"{name} is not installed." for name in _PACKAGES[:-1] if _version(name) is None]
    for extra, package in _EXTRAS.items():
        there = _version(package)
        how = f'not installed: pip install "hyperspy-dlatoms[{extra}]"'
        yield f"[{extra}]", f"{package} {there}" if there else how
    yield "HyperSpy", _methods(wrong)
    yield "backend", _backend(wrong)
    yield "processor", _processor(wrong)
    yield "precision", _precision(wrong)
    yield "cache", _cache(wrong)
    yield "models", _models(wrong)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _methods(wrong: list[str]) -> str:
    """Whether HyperSpy knows the signals and the methods of the package."""
    from hyperspy.extensions import ALL_EXTENSIONS
    from hyperspy.signals import Signal2D

    if "AtomPositions" not in ALL_EXTENSIONS["signals"]:
        wrong.append("HyperSpy does not know AtomPositions: reinstall the package with pip.")
    owner = getattr(getattr(Signal2D, "find_atoms_nn", None), "__module__", "nobody")
    if not owner.startswith("hyperspy_dlatoms"):
        wrong.append(f"Signal2D.find_atoms_nn comes from {owner}, not from this package.")
    return f"find_atoms_nn from {owner}"


def _backend(wrong: list[str]) -> str:
    from hyperspy_dlatoms.networks.running import engine, has_accelerator

    try:
        if engine() == "onnx":
            return f"ONNX Runtime {_version('onnxruntime')}"
    except ValueError as error:
        wrong.append(f"{error}")
        return "unknown"
    try:
        # It is imported for that.
        found = has_accelerator()
        import keras
    except Exception as error:
        wrong.append(f"Keras cannot be imported ({type(error).__name__}: {error}).")
        return "none"
    return f"{keras.backend.backend()}, {'a GPU' if found else 'no GPU'}"


def _processor(wrong: list[str]) -> str:
    known = instructions()
    there = [name for name, flags in _INSTRUCTIONS.items() if known.intersection(flags)]
    if platform.machine().lower() in X86 and "AVX" not in there:
        wrong.append("The processor has no AVX, which TensorFlow needs: use KERAS_BACKEND=torch.")
    return f"{os.cpu_count()} cores, {', '.join(there) or 'no AVX'}"


def _precision(wrong: list[str]) -> str:
    from hyperspy_dlatoms.networks._precision import PRECISION, half_is_faster, requested

    try:
        chosen, fast = requested(), half_is_faster()
    except ValueError as error:
        wrong.append(f"{error}")
        return "unknown"
    if chosen is None:
        return "bfloat16 for networks that are as accurate in it" if fast else "float32"
    if chosen == "float32" and fast:
        return f"{chosen} by {PRECISION}; bfloat16 is faster on this processor"
    if chosen != "float32" and not fast:
        return f"{chosen} by {PRECISION}, for which this processor has no instructions"
    return f"{chosen} by {PRECISION}"


def _cache(wrong: list[str]) -> str:
    from hyperspy_dlatoms.registry import RegistryError, _cache

    try:
        folder = _cache.folder()
    except RegistryError as error:
        wrong.append(f"{error}")
        return "unknown"
    # The deepest folder of its path that exists.
    there = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            free = shutil.disk_usage(there).free
    except OSError as error:
        wrong.append(
            f"{str(folder)!r} cannot be written ({error.strerror}): set {_cache.CACHE} to a folder "
            "that you may write to, for downloaded models and data sets."
        )
        return f"{folder}, not writable"
    return f"{folder}, {free / 1e9:.0f} GB free"


def _models(wrong: list[str]) -> str:
    """Check all files that come with the package against their fingerprints."""
    from hyperspy_dlatoms import registry
    from hyperspy_dlatoms.registry.entries import Entry
    from hyperspy_dlatoms.registry.fetch import on_this_computer
    from hyperspy_dlatoms.registry.sources import own_entries

    files = [entry for entry in own_entries() if entry.file]

    def is_right(entry: Entry) -> bool:
        try:
            return on_this_computer(entry) is not None
        except registry.RegistryError:
            return False

    bad = [entry.name for entry in files if not is_right(entry)]
    if bad:
        wrong.append(f"{', '.join(bad)}: missing or changed files; install the package again.")
    models = sum(entry.kind == "model" for entry in files)
    return (
        f"{models} networks and {len(files) - models} examples, {len(files) - len(bad)} of "
        f"{len(files)} files as published; {len(registry.ensembles())} ensembles"
    )
