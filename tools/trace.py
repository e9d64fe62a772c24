# SPDX-License-Identifier: GPL-3.0-or-later
"""Follow one frame of 512 x 512 px through `find_atoms_nn`: which files of the package it crosses.

A move is a call or a return by which the execution passes from one file of the package to another;
what runs in other packages in between is passed over. The network is loaded before, as it is from
the second call on (``--cold`` counts the loading too)::

    python tools/trace.py
"""

import argparse
import sys
import threading
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

import hyperspy_dlatoms

PACKAGE = Path(hyperspy_dlatoms.__file__).parent


class Trace:
    """The files of the package that the execution is in, one after another."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self.functions: Counter[tuple[str, str]] = Counter()

    def __call__(self, frame, event: str, _argument) -> None:
        """Note the file that a call goes to, or that a return goes back to."""
        if event == "return":
            frame = frame.f_back
        elif event != "call":
            return
        if frame is None:
            return
        path = Path(frame.f_code.co_filename)
        if not path.is_relative_to(PACKAGE):
            return
        name = str(path.relative_to(PACKAGE))
        if event == "call":
            self.functions[name, frame.f_code.co_qualname] += 1
        if not self.files or self.files[-1] != name:
            self.files.append(name)


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
    if not options.cold:
        image.find_atoms_nn(options.model, **search)
    trace = Trace()
    threading.setprofile(trace)
    sys.setprofile(trace)
    atoms = image.find_atoms_nn(options.model, num_workers=1, **search)
    sys.setprofile(None)
    threading.setprofile(None)
    if options.moves:
        print("\n".join(trace.files))
    counts = Counter(trace.files)
    for name in dict.fromkeys(trace.files):
        functions = [key for key in trace.functions if key[0] == name]
        print(f"{name:45s} entered {counts[name]:3d} times, {len(functions):3d} functions")
    print(
        f"{len(atoms.data[0])} atoms; {len(counts)} files, {len(trace.functions)} functions, "
        f"{len(trace.files) - 1} moves"
    )


if __name__ == "__main__":
    main()
