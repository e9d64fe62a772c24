# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

from hyperspy_dlatoms.signals._colour import as_grey

GREY = np.arange(24).reshape(2, 3, 4)


def coloured(dtype="u1", names="RGB"):
    image = np.empty(GREY.shape, [(name, dtype) for name in names])
    for name in names:
        image[name] = np.iinfo(dtype).max if name == "A" else GREY
    return image


@pytest.mark.parametrize("names", ["RGB", "RGBA"])
@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_equal_channels_are_one(dtype, names):
    image = coloured(dtype, names)
    for given in (image, da.from_array(image, chunks=(1, 3, 4))):
        grey = as_grey(given)
        assert grey.dtype == dtype and grey.shape == GREY.shape
        np.testing.assert_array_equal(grey, GREY)


def test_other_images_stay_as_they_are():
    assert as_grey(GREY) is GREY


@pytest.mark.parametrize(("name", "message"), [(n, "in colour") for n in "RGB"] + [("A", "opaque")])
def test_colours_and_transparency(name, message):
    image = coloured(names="RGBA")
    image[name][1, 2, 3] = 0
    with pytest.raises(TypeError, match=message):
        as_grey(image)
    lazy = as_grey(da.from_array(image, chunks=(1, 3, 4)))
    np.testing.assert_array_equal(lazy[0], GREY[0])
    with pytest.raises(TypeError, match=message):
        lazy.compute()


def test_other_structures():
    with pytest.raises(TypeError, match="one real number per pixel"):
        as_grey(np.zeros(3, [("re", float), ("im", float)]))
