# SPDX-License-Identifier: GPL-3.0-or-later
"""Earlier names of the benchmarks, kept for one release."""

import warnings

from hyperspy_dlatoms.data.benchmark.curves import Benchmark, benchmark


def trial(material: str, quick: bool = False) -> Benchmark:
    """Return the result of `hyperspy_dlatoms.data.benchmark.curves.benchmark`, the new name."""
    warnings.warn(
        "hyperspy_dlatoms.evaluation.trials.trial is deprecated: call "
        "hyperspy_dlatoms.data.benchmark.curves.benchmark.",
        DeprecationWarning,
        stacklevel=2,
    )
    return benchmark(material, quick)
