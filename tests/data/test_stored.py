# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from hyperspy_dlatoms.data.stored import DataFileError, Stored, read_stored, write_stored


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "two.npz"
    counts = np.arange(2 * 6 * 5).reshape(2, 6, 5)
    positions = (np.array([[1.0, 2.0], [3.0, 4.5]]), np.empty((0, 2)))
    write_stored(path, Stored(counts, 0.1, positions, {"title": "Two"}))
    return path


def test_round_trip(file):
    again = read_stored(file)
    np.testing.assert_array_equal(again.counts.ravel(), np.arange(60))
    assert again.counts.dtype == np.uint16
    assert [one.tolist() for one in again.positions] == [[[1, 2], [3, 4.5]], []]
    assert (again.sampling, again.meta) == (0.1, {"title": "Two"})


def test_one_list_of_positions_a_frame(tmp_path):
    with pytest.raises(ValueError, match="1 lists of positions for 2 frames"):
        write_stored(tmp_path / "x.npz", Stored(np.zeros((2, 3, 3)), 0.1, (np.empty((0, 2)),)))


def test_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_stored(tmp_path / "none.npz")


def test_damaged(file):
    content = file.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        damaged = bytearray(content)
        for place in rng.integers(len(content), size=rng.integers(1, 4)):
            damaged[place] = rng.integers(256)
        file.write_bytes(damaged[: rng.integers(len(content) // 2, len(content) + 200)])
        try:
            read_stored(file)
        except DataFileError as error:
            assert "two.npz" in str(error)
            refused += 1
    assert refused > 200


def changed(file, **arrays):
    with np.load(file) as stored:
        arrays = dict(stored) | arrays
    np.savez(file, **arrays)


@pytest.mark.parametrize(
    "change",
    [
        {"lengths": np.array([5, 0])},
        {"lengths": np.array([2])},
        {"positions": np.zeros((2, 3))},
        {"counts": np.zeros(3)},
        {"meta": np.array("{")},
        {"counts": np.array([{}])},
    ],
    ids=str,
)
def test_what_does_not_fit_together(file, change):
    changed(file, **change)
    with pytest.raises(DataFileError, match="two.npz"):
        read_stored(file)


def test_an_array_that_claims_to_be_huge(file):
    header = io.BytesIO()
    claim = {"descr": "<f8", "fortran_order": False, "shape": (2**40,)}
    np.lib.format.write_array_header_1_0(header, claim)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("huge.npy", header.getvalue())
    with pytest.raises(DataFileError, match="huge.npy holds less than its shape"):
        read_stored(file)
