# SPDX-License-Identifier: GPL-3.0-or-later
"""HyperSpy's own ways to cut and reorder frames: what there is of each frame goes with it."""

from __future__ import annotations

import hyperspy.api as hs
import numpy as np
import pytest

from hyperspy_dlatoms import AtomPositions

SCORES = np.arange(6) / 10


@pytest.fixture(params=[False, True], ids=["computed", "lazy"])
def atoms(request):
    """Two rows of three frames; the number of a frame is the y of its atom, ten times its score."""
    frames = [np.array([[float(number), 0.0]]) for number in range(6)]
    made = AtomPositions.from_frames(frames, sampling=0.1)
    vectors = made.metadata.VectorMetadata
    vectors.domain = SCORES.tolist()
    vectors.drift = np.arange(36.0).reshape(6, 3, 2)
    rows = AtomPositions.stack([made.inav[:3], made.inav[3:]])
    return rows.as_lazy() if request.param else rows


def check(result, numbers):
    frames = result.data.compute() if result._lazy else result.data
    np.testing.assert_array_equal([frame[0, 0] for frame in frames.flat], np.ravel(numbers))
    vectors = result.metadata.VectorMetadata
    np.testing.assert_allclose(vectors.domain, SCORES[np.ravel(numbers)])
    np.testing.assert_array_equal(vectors.drift[..., 0, 0], 6.0 * np.reshape(numbers, frames.shape))
    if not result._lazy:
        np.testing.assert_allclose(result.quality().domain, SCORES[np.ravel(numbers)])


def test_axes_that_change_places(atoms):
    turned = [[0, 3], [1, 4], [2, 5]]
    check(atoms.swap_axes(0, 1), turned)
    check(atoms.rollaxis(1, 0), turned)
    check(atoms, [[0, 1, 2], [3, 4, 5]])


def test_an_axis_that_is_cropped(atoms):
    atoms.crop(0, 1, 3)
    check(atoms, [[1, 2], [4, 5]])
    atoms.crop(1, 1)
    check(atoms.inav[0, 0], [4])


def test_parts(atoms):
    one, other = atoms.split(0, step_sizes=[1, 2])
    check(one, [[0], [3]])
    check(other, [[1, 2], [4, 5]])
    upper, lower = atoms.split(1)
    assert upper.axes_manager.navigation_shape == (3,)
    check(upper, [0, 1, 2])
    check(lower, [3, 4, 5])
    assert [part.data.size for part in lower.split()] == [1, 1, 1]
    check(lower.split()[1], [4])


def test_an_axis_of_one_frame_is_left_out(atoms):
    assert atoms.squeeze().data.shape == (2, 3)
    row = atoms.inav[::2, 1:].squeeze()
    check(row, [3, 5])
    check(row.inav[1], [5])
    assert set(row.to_dataframe().frame) == {0, 2}
    alone = atoms.inav[1:2, 1:].squeeze()
    assert alone.axes_manager.navigation_shape == ()
    check(alone, [4])
    check(alone.squeeze(), [4])


def test_an_axis_of_one_frame_is_left_out_before_the_search(spot_network, spot_images):
    signal, _ = spot_images(1, 3)
    atoms = signal.find_atoms_nn("spots", lazy_output=True).squeeze()
    part = atoms.inav[1:]
    part.compute()
    assert len(part.data[0]) == len(signal.find_atoms_nn("spots").data[0, 1])
    assert part.metadata.VectorMetadata.masked == [0.0, 0.0]


def test_a_loop_gives_atoms_that_can_be_saved(atoms, tmp_path):
    # HyperSpy goes to and fro.
    for number, one in zip((0, 1, 2, 5, 4, 3), atoms, strict=True):
        check(one, [number])
        one.save(tmp_path / f"{number}.hspy")
    assert one.metadata.General.title == " (0, 1)"
    check(hs.load(tmp_path / "4.hspy"), [4])
    (alone,) = one
    check(alone, [3])


def test_lists_of_derived_atoms_are_their_own(atoms):
    derived = atoms.select(y=(0, None))
    derived.metadata.VectorMetadata.column_names += ["mine"]
    assert list(atoms.to_dataframe().columns[-2:]) != ["x", "mine"]
    assert "mine" not in atoms.metadata.VectorMetadata.column_names


def test_frames_of_a_copy_are_its_own(atoms):
    computed = atoms._computed()
    copied = computed.deepcopy()
    copied.data[0, 0][:] = 99
    check(computed, [[0, 1, 2], [3, 4, 5]])


def test_a_part_put_into_another_result(atoms):
    part = atoms.inav[:2]
    atoms.inav.__getitem__(slice(1, None), out=part)
    check(part, [[1, 2], [4, 5]])
    assert set(part.to_dataframe().index_1) == {1, 2}
