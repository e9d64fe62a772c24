# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import sys
from pathlib import Path

import pytest

# With --import-mode=importlib a test's folder is not on the path.
sys.path.insert(0, str(Path(__file__).parent))

from blob_network import BlobNetwork


@pytest.fixture
def network():
    return BlobNetwork()
