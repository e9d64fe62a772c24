# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest


@pytest.fixture(scope="session")
def process_pool():
    """The one process of Dask's scheduler "processes", where TensorFlow has two threads."""
    from dask.multiprocessing import initialize_worker_process

    with ProcessPoolExecutor(1, get_context("spawn"), initialize_worker_process) as pool:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TF_NUM_INTRAOP_THREADS", "2")
            pool.submit(int).result()
        yield pool
