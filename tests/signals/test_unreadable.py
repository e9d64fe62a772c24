# SPDX-License-Identifier: GPL-3.0-or-later
"""Movies of which an image cannot be read."""

import zlib

import dask.array as da
import numpy as np
import pytest

from tests.helpers.spot_network import SpotNetwork


@pytest.fixture(autouse=True)
def _a_frame_a_block(monkeypatch):
    from hyperspy_dlatoms.signals import _axes

    monkeypatch.setattr(_axes, "_BLOCK_SIZE", 1)


@pytest.fixture
def damaged(spot_network, spot_images):
    """Lazy images (2, 3) of which the second of the last row cannot be read."""
    signal, _ = spot_images(2, 3, lazy=True, chunks=(1, 1, -1, -1))

    def read(block, block_id):
        if block_id[:2] == (1, 1):
            raise zlib.error("Error -3 while decompressing data: incorrect header check")
        return block

    signal.data = da.map_blocks(read, signal.data, dtype=signal.data.dtype, meta=signal.data._meta)
    return signal


MESSAGE = r"^The image at inav\[1, 1\] cannot be read \(error: Error -3 while.*copy the file again"


def test_the_image_is_named_and_what_was_found_stays(damaged, tmp_path):
    with pytest.raises(OSError, match=MESSAGE) as caught:
        damaged.find_atoms_nn("spots", store=tmp_path, num_workers=1, lazy_output=False)
    assert isinstance(caught.value.__cause__, zlib.error)
    assert any(tmp_path.glob("*.npz"))


def test_images_that_are_read_as_one_are_named_together(spot_network, spot_images):
    signal, _ = spot_images(6, lazy=True, chunks=(3, -1, -1))

    def read(block, block_id):
        if block_id[0] == 1:
            raise OSError("filter returned failure during read")
        return block

    signal.data = da.map_blocks(read, signal.data, dtype=signal.data.dtype, meta=signal.data._meta)
    with pytest.raises(OSError, match=r"of the images from inav\[3\] to inav\[5\] cannot be read"):
        signal.find_atoms_nn("spots", lazy_output=False)


@pytest.mark.parametrize("block", [1, 2**30])
def test_an_image_in_a_block_of_several(damaged, monkeypatch, block):
    from hyperspy_dlatoms.signals import _axes

    monkeypatch.setattr(_axes, "_BLOCK_SIZE", block)
    with pytest.raises(OSError, match=MESSAGE):
        damaged.find_atoms_nn("spots").compute()


@pytest.mark.parametrize(
    "compute",
    [
        lambda images: images.find_atoms_nn("spots", lazy_output=False),
        lambda images: images.find_atoms_nn("spots").compute(),
        lambda images: images.find_atoms_nn("spots").inav[1:].compute(),
        lambda images: images.find_atoms_nn("spots").to_dataframe(),
        lambda images: images.predict_atoms_nn("spots", lazy_output=False),
        lambda images: images.inav[1:, 1:].find_atoms_nn("spots", sampling="estimate"),
        lambda images: images.inav[1:2, 1:2].find_atoms_nn("spots", store="atoms"),
    ],
    ids=["at once", "lazily", "of some", "table", "maps", "sampling", "store"],
)
def test_the_image_is_named_wherever_images_are_read(damaged, compute, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OSError, match="^The image.* cannot be read"):
        compute(damaged)


def test_images_are_not_read_again_for_other_errors(spot_network, spot_images, monkeypatch):
    signal, _ = spot_images(6, lazy=True, chunks=(1, -1, -1))
    read = []

    def look(self, batch):
        raise RuntimeError("out of memory")

    def reading(block):
        read.append(1)
        return block

    monkeypatch.setattr(SpotNetwork, "maps", look)
    signal.data = da.map_blocks(
        reading, signal.data, dtype=np.float32, meta=np.empty((0, 0, 0), np.float32)
    )
    with pytest.raises(RuntimeError, match="out of memory"):
        signal.find_atoms_nn("spots", lazy_output=False, num_workers=1)
    assert len(read) < 6
