# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from hyperspy_dlatoms.networks.architecture import build, shapes


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"widths": [8], "dilations": [1]},
        {"widths": [8, 8, 12], "dilations": [1, 2, 4], "heights": True, "decoys": ["hole"]},
        {"widths": [8, 12], "images": 3},
        {"widths": [8, 12, 16], "images": 3, "material": True},
        {"widths": [12, 8], "images": 2, "material": True, "wave": True},
    ],
    ids=str,
)
def test_shapes_are_those_of_the_network_that_is_built(arguments):
    built = {one.path: tuple(one.shape) for one in build(arguments, 2, folded=True).weights}
    assert shapes(arguments, 2) == built
