# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from tests.helpers.blob_network import BlobNetwork


@pytest.fixture
def network():
    return BlobNetwork()
