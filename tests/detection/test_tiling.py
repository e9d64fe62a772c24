# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperspy_dlatoms.detection._tiling import cut


@given(
    st.tuples(st.integers(1, 3000), st.integers(1, 3000)),
    st.integers(0, 200),
    st.sampled_from([2, 16, 32]),
    st.integers(1, 10**6),
)
def test_cores_cover_the_frame_once_and_see_their_surroundings(shape, halo, multiple, pixels):
    tiling = cut(shape, halo, multiple, pixels)
    assert all(side % multiple == 0 for side in (*tiling.padded, *tiling.shape))
    assert all(p - multiple < s <= p for s, p in zip(shape, tiling.padded, strict=True))
    covered = np.zeros([side // multiple for side in tiling.padded], int)
    for tile in tiling.tiles:
        place = []
        for axis in range(2):
            origin, core, side = tile.origin[axis], tile.core[axis], tiling.shape[axis]
            assert origin % multiple == core.start % multiple == core.stop % multiple == 0
            assert 0 <= origin <= tiling.padded[axis] - side
            assert 0 <= core.start < core.stop <= side
            assert core.start >= halo or origin + core.start == 0
            assert side - core.stop >= halo or origin + core.stop == tiling.padded[axis]
            place.append(slice((origin + core.start) // multiple, (origin + core.stop) // multiple))
        covered[tuple(place)] += 1
    assert (covered == 1).all()


def test_frame_that_fits_is_one_tile():
    tiling = cut((500, 500), halo=100, multiple=16, pixels=512**2)
    assert tiling.shape == (512, 512)
    assert len(tiling.tiles) == 1


@given(st.integers(1, 20000), st.integers(1, 20000))
def test_tiles_keep_to_the_pixels_allowed(height, width):
    tiling = cut((height, width), halo=128, multiple=16, pixels=1024**2)
    assert tiling.shape[0] * tiling.shape[1] <= 1024**2


@pytest.mark.parametrize(
    "arguments",
    [((0, 5), 1, 16, 100), ((5, 5), -1, 16, 100), ((5, 5), 1, 0, 100), ((5, 5), 1, 2, 0)],
)
def test_refuses(arguments):
    with pytest.raises(ValueError, match="cannot be cut"):
        cut(*arguments)
