# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings that are written as they come, and searches that go on where they were cut short."""

from __future__ import annotations

import errno
import json
import warnings
from contextlib import nullcontext

import dask
import dask.array as da
import numpy as np
import pytest
from hyperspy.signals import LazySignal2D, Signal2D

from hyperspy_dlatoms import LazyAtomPositions, SamplingWarning
from hyperspy_dlatoms.detection.alignment import Drift
from hyperspy_dlatoms.networks.domain import DomainScore
from hyperspy_dlatoms.signals import _blocks, _checkpoint
from hyperspy_dlatoms.signals._progress import Progress
from hyperspy_dlatoms.signals._quality import FrameResult
from tests.helpers.handle import Handle
from tests.helpers.same_frames import same_frames
from tests.helpers.spot_network import SpotNetwork
from tests.helpers.spots import calibrate

SEARCH = {"format": 1, "anything": [1.5, None]}


@pytest.fixture
def movie(spot_network, spot_images):
    """Eight frames, a block each."""
    signal, _ = spot_images(8, lazy=True, chunks=(1, -1, -1))
    return signal


@pytest.fixture(autouse=True)
def _a_frame_a_block(monkeypatch):
    from hyperspy_dlatoms.signals import _axes

    monkeypatch.setattr(_axes, "_BLOCK_SIZE", 1)


def find(signal, directory, **more):
    return signal.find_atoms_nn("spots", store=directory, num_workers=1, **more)


def counted(monkeypatch, cut_at=None):
    """Count the blocks that the network looks at, and stop at one of them."""
    looked = []
    maps = SpotNetwork.maps

    def look(self, batch):
        if len(looked) == cut_at:
            raise KeyboardInterrupt
        looked.append(1)
        return maps(self, batch)

    monkeypatch.setattr(SpotNetwork, "maps", look)
    return looked


def test_the_same_as_without(movie, tmp_path):
    atoms = find(movie, tmp_path / "new" / "store")
    assert isinstance(atoms, LazyAtomPositions)
    assert len(list((tmp_path / "new" / "store").glob("*.npz"))) == 8
    plain = movie.find_atoms_nn("spots", lazy_output=False)
    atoms.compute()
    same_frames(atoms.data, plain.data)
    assert atoms.metadata.as_dictionary() == plain.metadata.as_dictionary()


@pytest.mark.parametrize("navigation", [(), (2, 3)])
@pytest.mark.parametrize("lazy", [False, True])
def test_all_shapes(spot_network, spot_images, tmp_path, navigation, lazy):
    signal, _ = spot_images(*navigation, lazy=lazy)
    plain = signal.find_atoms_nn("spots", lazy_output=False)
    for _ in range(2):
        atoms = find(signal, tmp_path / "store")
        assert atoms._lazy == lazy
        if lazy:
            atoms.compute()
        same_frames(atoms.data, plain.data)


@pytest.mark.parametrize("lazy", [False, True])
def test_a_movie_of_no_images_is_refused(spot_network, tmp_path, lazy):
    images = np.zeros((0, 64, 64), np.float32)
    signal = LazySignal2D(da.from_array(images)) if lazy else Signal2D(images)
    calibrate(signal)
    with pytest.raises(ValueError, match=r"no images.*\(0,\).*leave out store"):
        find(signal, tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_a_search_goes_on_where_it_was_cut_short(movie, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        counted(patch, cut_at=5)
        with pytest.raises(KeyboardInterrupt):
            find(movie, tmp_path)
    assert len(list(tmp_path.glob("*.npz"))) == 5
    looked = counted(monkeypatch)
    atoms = find(movie, tmp_path, lazy_output=False)
    assert sum(looked) == 3
    same_frames(atoms.data, movie.find_atoms_nn("spots", lazy_output=False).data)


def test_progress_begins_with_what_is_there(movie, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        counted(patch, cut_at=5)
        with pytest.raises(KeyboardInterrupt):
            find(movie, tmp_path)
    begun = []
    monkeypatch.setattr(Progress, "__enter__", lambda one: begun.append((one.done, one.total)))
    find(movie, tmp_path)
    assert begun == [(5, 8)]


def test_a_block_that_is_torn_is_found_again(movie, tmp_path, monkeypatch):
    atoms = find(movie, tmp_path, lazy_output=False)
    torn, away = tmp_path / "000002.npz", tmp_path / "000005.npz"
    torn.write_bytes(torn.read_bytes()[:200])
    away.unlink()
    looked = counted(monkeypatch)
    again = find(movie, tmp_path, lazy_output=False)
    assert sum(looked) == 2
    same_frames(again.data, atoms.data)


def test_a_block_that_is_damaged_is_named(movie, tmp_path):
    atoms = find(movie, tmp_path)
    file = tmp_path / "000003.npz"
    content = bytearray(file.read_bytes())
    content[100:140] = bytes(40)
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"000003\.npz.*delete it and search again"):
        atoms.compute()


def test_a_lazy_result_looks_for_what_is_asked_and_keeps_it(movie, tmp_path, monkeypatch):
    expected = movie.find_atoms_nn("spots", lazy_output=False).data
    looked = counted(monkeypatch)
    atoms = find(movie, tmp_path, lazy_output=True)
    assert looked == [] and not list(tmp_path.glob("*.npz"))
    for _ in range(2):
        same_frames(atoms.data[3:4].compute(), expected[3:4])
        assert sum(looked) == 1 and [one.name for one in tmp_path.glob("*.npz")] == ["000003.npz"]
    # As another process would that works on the rest.
    find(movie, tmp_path)
    assert sum(looked) == 8
    atoms.compute()
    assert sum(looked) == 8
    same_frames(atoms.data, expected)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"threshold": 0.6}, "threshold"),
        ({"sampling": 0.11}, "sampling"),
        ({"symmetrise": True}, "symmetrise"),
    ],
)
def test_another_search_is_refused(movie, tmp_path, change, named):
    find(movie, tmp_path)
    with pytest.raises(ValueError, match=f"differs in {named}: give another directory"):
        find(movie, tmp_path, **change)


def test_other_images_are_refused(movie, spot_network, tmp_path):
    find(movie, tmp_path)
    other = movie.deepcopy()
    other.data = other.data[::-1]
    with pytest.raises(ValueError, match="differs in images"):
        find(other, tmp_path)
    with pytest.raises(ValueError, match="differs in chunks, images, shape"):
        find(movie.inav[:4], tmp_path)


def test_another_network_is_refused(movie, tmp_path, monkeypatch):
    find(movie, tmp_path)
    model = _blocks.resolve("spots")
    model.handle.sha256 = "1" * 64
    monkeypatch.setattr(_blocks, "resolve", lambda _: model)
    with pytest.raises(ValueError, match="differs in models"):
        find(movie, tmp_path)


def test_another_precision_is_refused(movie, tmp_path, monkeypatch):
    find(movie, tmp_path)
    monkeypatch.setattr(Handle, "precisions", ("bfloat16",))
    with pytest.raises(ValueError, match="differs in precision"):
        find(movie, tmp_path)


def test_another_release_is_refused(movie, tmp_path, monkeypatch):
    find(movie, tmp_path)
    monkeypatch.setattr("hyperspy_dlatoms.signals._checkpoint.__version__", "99.0")
    with pytest.raises(ValueError, match="differs in release"):
        find(movie, tmp_path)


def test_a_directory_of_something_else_is_refused(movie, tmp_path):
    (tmp_path / "thesis.tex").write_text("all of it")
    with pytest.raises(ValueError, match="is not a checkpoint of a search"):
        find(movie, tmp_path)
    with pytest.raises(ValueError, match="is not a checkpoint of a search"):
        find(movie, tmp_path / "thesis.tex")
    assert (tmp_path / "thesis.tex").read_text() == "all of it"


def test_a_torn_manifest_is_said(movie, tmp_path):
    find(movie, tmp_path)
    (tmp_path / _checkpoint.MANIFEST).write_text('{"format": 1, ')
    with pytest.raises(ValueError, match="is damaged"):
        find(movie, tmp_path)


def test_a_draft_of_a_process_that_was_killed_is_no_obstacle(movie, tmp_path):
    (tmp_path / ".search.7.8.json").write_text("{")
    atoms = find(movie, tmp_path, lazy_output=False)
    same_frames(atoms.data, movie.find_atoms_nn("spots", lazy_output=False).data)


def test_a_full_disk_keeps_what_is_there(movie, tmp_path, monkeypatch):
    saved = []

    def savez(file, **arrays):
        if len(saved) == 3:
            file.write(b"PK")
            raise OSError(errno.ENOSPC, "No space left on device")
        saved.append(1)
        original(file, **arrays)

    original = np.savez
    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", savez)
        with pytest.raises(OSError, match="No space left on device.*what was found before stays"):
            find(movie, tmp_path)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", *[".npz"] * 3]
    atoms = find(movie, tmp_path, lazy_output=False)
    same_frames(atoms.data, movie.find_atoms_nn("spots", lazy_output=False).data)


def test_scores_and_drifts_come_back(tmp_path):
    sites = [np.arange(12.0).reshape(2, 6), np.empty((0, 6))]
    verdicts = [DomainScore(1.5, ("too dark", "too noisy")), DomainScore(0.25, ())]
    drifts = [Drift(np.array([[0.5, -1.0], [0, 0]]), True), Drift(np.zeros((2, 2)), False)]
    findings = np.empty(2, object)
    shown = ["", "a lattice, [110], at 0.1 Å/px for Au"]
    findings[:] = [*map(FrameResult, sites, verdicts, drifts, [0.25, 0.0], shown)]
    lazy = da.map_blocks(
        _checkpoint.checkpointed(lambda block, block_id: block, tmp_path, SEARCH),
        da.from_array(findings, chunks=2),
        dtype=object,
        meta=np.empty(0, object),
    )
    stored = _checkpoint.complete(lazy, tmp_path, progress=lambda *_: nullcontext()).compute()
    for got, expected in zip(stored, findings, strict=True):
        np.testing.assert_array_equal(got[0], expected[0])
        assert got.domain == expected[1]
        assert got.masked == expected.masked
        assert got.shown == expected.shown
        np.testing.assert_array_equal(got[2].offsets, expected[2].offsets)
        assert got[2].certain == expected[2].certain


@pytest.mark.slow
def test_processes(movie, tmp_path, process_pool):
    scheduler = dask.config.set(scheduler="processes", pool=process_pool)
    with scheduler, warnings.catch_warnings(action="error"):
        atoms = find(movie, tmp_path, lazy_output=False)
    same_frames(atoms.data, movie.find_atoms_nn("spots", lazy_output=False).data)


def test_nothing_in_it_can_run_code(movie, tmp_path):
    atoms = find(movie, tmp_path)
    np.savez(tmp_path / "000000.npz", counts=np.array([print], object), sites=np.zeros((0, 5)))
    with pytest.raises(ValueError, match="missing or damaged"):
        atoms.compute()
    assert json.loads((tmp_path / _checkpoint.MANIFEST).read_text())["format"] == _checkpoint.FORMAT


def test_tasks_have_names_to_be_seen_by(movie, tmp_path):
    def names(atoms):
        return {str(key[0]).rpartition("-")[0] for key in atoms.data.__dask_graph__()}

    assert "find-atoms" in names(movie.find_atoms_nn("spots"))
    assert "read-atoms" in names(find(movie, tmp_path))


@pytest.mark.parametrize("chunks", [(1, 1, -1, -1), (2, 4, -1, -1), (3, 9, -1, -1)])
def test_five_images_of_a_movie_are_examined(spot_network, spot_images, monkeypatch, chunks):
    seen = []

    def reexamine(frames, *about):
        seen.extend(frames)
        return len(frames) * ["a lattice, [110], at 0.1 Å/px for Au"]

    monkeypatch.setattr(_blocks.contradiction, "reexamine", reexamine)
    monkeypatch.setattr("hyperspy_dlatoms.signals._axes._BLOCK_SIZE", 10**9)
    signal, _ = spot_images(9, 3, lazy=True, chunks=chunks)
    with pytest.warns(SamplingWarning, match="^In 5 of 5 images examined"):
        signal.find_atoms_nn("spots", num_workers=1).compute()
    frames = signal.data.reshape(27, *signal.data.shape[-2:]).compute()
    for frame, number in zip(seen, (2, 8, 13, 18, 24), strict=True):
        np.testing.assert_array_equal(frame, frames[number])


@pytest.mark.parametrize("lazy", [None, False])
def test_what_one_search_ignores_another_may_ask_for(movie, tmp_path, monkeypatch, lazy):
    seen = []

    def reexamine(frames, *about):
        seen.extend(frames)
        return len(frames) * ["a lattice, [110], at 0.1 Å/px for Au"]

    def found(**more):
        atoms = find(movie, tmp_path, lazy_output=lazy, **more)
        if atoms._lazy:
            atoms.compute()
        return atoms

    monkeypatch.setattr(_blocks.contradiction, "reexamine", reexamine)
    with warnings.catch_warnings(action="error"):
        ignoring = found(on_extrapolation="ignore")
    assert not seen, "images that nobody is told about were examined"
    with pytest.warns(SamplingWarning, match="^In 5 of 5 images examined.*0.1 Å/px for Au"):
        asking = found()
    assert len(seen) == 5
    same_frames(asking.data, ignoring.data)
    with pytest.warns(SamplingWarning, match="^In 5 of 5 images examined"):
        found()
    assert len(seen) == 5, "examined again"


def test_a_long_movie_is_warned_of_from_its_store(spot_network, tmp_path, monkeypatch):
    lattice = "a lattice, [110], at 0.1 Å/px for Au"
    monkeypatch.setattr(
        _blocks.contradiction, "reexamine", lambda frames, *about: len(frames) * [lattice]
    )
    signal = Signal2D(da.zeros((100, 8, 8), np.float32, chunks=(20, -1, -1))).as_lazy()
    calibrate(signal)
    with pytest.warns(SamplingWarning, match="^In 5 of 5 images examined"):
        find(signal, tmp_path).record_quality()
