# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules of the previous release under their earlier names, deprecated, for one release."""

import importlib
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

_PACKAGE = __name__.partition(".")[0]
MOVED = {
    f"{_PACKAGE}.{before}": f"{_PACKAGE}.{now}"
    for before, now in {
        "detection.pair_distances": "analysis._pair_distances",
        "detection.prevalence": "analysis._prevalence",
        "evaluation.matching": "analysis.matching",
        "simulation.amorphous": "simulation.specimens.amorphous",
        "simulation.camera": "simulation.imaging.camera",
        "simulation.cluster": "simulation.specimens.cluster",
        "simulation.conditions": "simulation.imaging.conditions",
        "simulation.graphene": "simulation.specimens.graphene",
        "simulation.lens": "simulation.imaging.lens",
        "simulation.metal": "simulation.specimens.metal",
        "simulation.oxide": "simulation.specimens.oxide",
    }.items()
}
GONE = {f"{_PACKAGE}.evaluation.exit_waves": "benchmarks/peers/iterative_reconstruction.py"}


class _Moved(MetaPathFinder, Loader):
    """Finds a module under its earlier name."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name in GONE:
            raise ModuleNotFoundError(
                f"{name} is no longer installed: it is {GONE[name]} in the source tree.", name=name
            )
        return ModuleSpec(name, self) if name in MOVED else None

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        # Public names of a private module are those of its package.
        now = MOVED[name].partition("._")[0]
        warnings.warn(
            f"{name} is now {now}; the old name will be removed in the next release.",
            DeprecationWarning,
            stacklevel=2,
        )
        # The module itself, not a copy: its classes are the same by both names.
        sys.modules[name] = importlib.import_module(MOVED[name])


def install() -> None:
    """Let the import system find modules under their earlier names."""
    if not any(type(finder).__qualname__ == _Moved.__qualname__ for finder in sys.meta_path):
        sys.meta_path.append(_Moved())
