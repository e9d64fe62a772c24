# SPDX-License-Identifier: GPL-3.0-or-later
"""Movies in the files that microscopists have, read lazily, however they are chunked."""

from __future__ import annotations

import dask.array as da
import hyperspy.api as hs
import numpy as np
import pytest
import zarr

from hyperspy_dlatoms.signals import _axes
from hyperspy_dlatoms.signals._loading import load_images
from tests.helpers.same_frames import same_frames
from tests.helpers.spot_network import SpotNetwork
from tests.helpers.spots import SAMPLING, calibrate


@pytest.fixture
def movie(spot_network, spot_images):
    signal, _ = spot_images(6)
    signal.data = np.round(1000 * signal.data).astype(np.uint16)
    return signal


@pytest.fixture
def expected(movie):
    return movie.find_atoms_nn("spots", sampling=SAMPLING)


def write_mrc(path, data):
    """Write a stack as MRC2014 says, mode 6: unsigned 16 bit."""
    header = np.zeros(256, np.int32)
    header[:4] = [data.shape[2], data.shape[1], data.shape[0], 6]
    header[7:10] = header[:3]
    header[10:13] = np.array([0.1 * n for n in header[:3]], np.float32).view(np.int32)
    header[16:19] = [1, 2, 3]
    header[52:54] = np.frombuffer(b"MAP DD\0\0", np.int32)
    path.write_bytes(header.tobytes() + data.astype("<u2").tobytes())


@pytest.mark.parametrize("ending", ["hspy", "emd", "tif", "mrc", "npy"])
def test_files_are_read_lazily(movie, expected, tmp_path, ending):
    path = tmp_path / f"movie.{ending}"
    if ending == "mrc":
        write_mrc(path, movie.data)
    elif ending == "npy":
        np.save(path, movie.data)
    else:
        movie.save(path, **({"file_format": "EMD"} if ending == "emd" else {}))
    images, _ = load_images(path)
    assert images._lazy and isinstance(images.data, da.Array)
    assert images.data.shape == movie.data.shape
    atoms = images.find_atoms_nn("spots", sampling=SAMPLING)
    assert atoms._lazy
    atoms.compute()
    same_frames(atoms.data, expected.data)


@pytest.mark.parametrize("chunks", [(2, 40, 50), (4, 96, 112), (6, 10, 112), (1, 96, 112)])
@pytest.mark.parametrize("block", [1, 2**20])
def test_chunks_change_nothing(movie, expected, tmp_path, monkeypatch, chunks, block):
    monkeypatch.setattr(_axes, "_BLOCK_SIZE", block)
    array = zarr.create_array(tmp_path / "movie.zarr", data=movie.data, chunks=chunks)
    signal = hs.signals.Signal2D(da.from_zarr(array)).as_lazy()
    calibrate(signal)
    atoms = signal.find_atoms_nn("spots")
    atoms.compute()
    same_frames(atoms.data, expected.data)


def test_a_file_is_read_as_it_is_needed(movie, monkeypatch):
    monkeypatch.setattr(_axes, "_BLOCK_SIZE", 1)
    read = []

    def reader(block_info=None):
        (first, last), *_ = block_info[None]["array-location"]
        read.append(first)
        return movie.data[first:last]

    stack = da.map_blocks(
        reader,
        chunks=((2,) * 3, (96,), (112,)),
        dtype=np.uint16,
        meta=np.empty((0, 0, 0), np.uint16),
    )
    signal = hs.signals.Signal2D(stack).as_lazy()
    calibrate(signal)
    atoms = signal.find_atoms_nn("spots")
    assert read == []
    atoms.inav[0].compute()
    assert read == [0]


def test_a_plot_looks_for_what_it_shows(movie, expected, monkeypatch, close_figures):
    monkeypatch.setattr(_axes, "_BLOCK_SIZE", 1)
    looked = []
    maps = SpotNetwork.maps

    def look(self, batch):
        looked.append(1)
        return maps(self, batch)

    monkeypatch.setattr(SpotNetwork, "maps", look)
    signal = movie.as_lazy()
    signal.data = signal.data.rechunk((1, -1, -1))
    atoms = signal.find_atoms_nn("spots")
    atoms.plot_on(signal)
    (shown,) = signal._plot.signal_plot.ax.collections
    assert len(shown.get_offsets()) == len(expected.data[0])
    # The size of the rings is measured in the frame that is shown, too.
    assert sum(looked) == 1
    signal.axes_manager.indices = (4,)
    assert len(shown.get_offsets()) == len(expected.data[4])
    assert sum(looked) == 2


def test_the_graph_of_a_long_movie_stays_small(spot_network):
    import cloudpickle

    signal = hs.signals.Signal2D(
        da.zeros((100_000, 1024, 1024), dtype=np.uint16, chunks=(16, 1024, 1024))
    ).as_lazy()
    calibrate(signal)
    atoms = signal.find_atoms_nn("spots")
    blocks = atoms.data.npartitions
    assert blocks < 10_000
    assert len(atoms.data.__dask_graph__()) <= 4 * blocks
    assert len(cloudpickle.dumps(atoms.data.dask)) < 5e6
