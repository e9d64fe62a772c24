# SPDX-License-Identifier: GPL-3.0-or-later
"""Data sets of the registry by name, loaded by :mod:`hyperspy_dlatoms.data`."""

from hyperspy_dlatoms.data.datasets import LabelledImages


def load_dataset(
    name: str,
    *,
    offline: bool = False,
    show_progressbar: bool | None = None,
    num_workers: int | None = None,
) -> LabelledImages:
    """Load a data set or an example, see :func:`hyperspy_dlatoms.data.load_dataset`."""
    # The registry needs neither signals nor simulation: only loading images imports them.
    from hyperspy_dlatoms.data import datasets

    return datasets.load_dataset(
        name, offline=offline, show_progressbar=show_progressbar, num_workers=num_workers
    )
