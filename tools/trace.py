# SPDX-License-Identifier: GPL-3.0-or-later
"""Follow one 512 x 512 px frame through `find_atoms_nn`: which files of the package it crosses.

A move is a call from a function in one file of the package to a function in another; calls through
other packages in between are skipped. The network is loaded beforehand, as it is from the second
call on (``--cold`` also counts loading and building it)::

    python tools/trace.py
"""

import argparse
import sys
import threading
import warnings
from collections import Counter
from pathlib import Path
from types import FrameType

import numpy as np

import hyperspy_dlatoms

PACKAGE = str(Path(hyperspy_dlatoms.__file__).parent) + "/"


class Trace:
    """The package's functions that are called, and the files they are called from."""

    def __init__(self) -> None:
        self.functions: Counter[tuple[str, str]] = Counter()
        self.moves: list[tuple[str, str, str]] = []

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        """Note a call."""
        name = file_of(frame)
        if event != "call" or name is None:
            return
        self.functions[name, frame.f_code.co_qualname] += 1
        caller = frame.f_back
        while caller is not None and file_of(caller) is None:
            caller = caller.f_back
        if caller is not None and file_of(caller) != name:
            self.moves.append((file_of(caller), name, frame.f_code.co_qualname))


def file_of(frame: FrameType) -> str | None:
    """Return the package file that a stack frame is in, None for other code."""
    path = frame.f_code.co_filename
    return path.removeprefix(PACKAGE) if path.startswith(PACKAGE) else None


def main() -> None:
    """Print the files, the functions and the moves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="metal-nanoparticle")
    parser.add_argument("--cold", action="store_true", help="with the loading of the network")
    parser.add_argument("--moves", action="store_true", help="list the moves")
    options = parser.parse_args()
    image = hyperspy_dlatoms.data.nanoparticle()
    image.data = np.pad(image.data, 512, mode="symmetric")[512:1024, 512:1024]
    image.get_dimensions_from_data()
    search = {"show_progressbar": False, "on_extrapolation": "ignore"}
    warnings.simplefilter("ignore")
    # Imports at the first call are not part of the path.
    image.find_atoms_nn("graphene" if options.cold else options.model, **search)
    trace = Trace()
    threading.setprofile(trace)
    sys.setprofile(trace)
    atoms = image.find_atoms_nn(options.model, num_workers=1, **search)
    sys.setprofile(None)
    threading.setprofile(None)
    if options.moves:
        for there, here, function in trace.moves:
            print(f"{there:28s} -> {here:28s} {function}")
    files = dict.fromkeys(name for name, _ in trace.functions)
    for name in files:
        functions = [function for file, function in trace.functions if file == name]
        entered = sum(here == name for _, here, _ in trace.moves)
        print(f"{name:30s} entered {entered:3d} times, {len(functions):3d} functions")
    print(
        f"{len(atoms.data[0])} atoms; {len(files)} files, {len(trace.functions)} functions, "
        f"{len(trace.moves)} moves"
    )


if __name__ == "__main__":
    main()
