# SPDX-License-Identifier: GPL-3.0-or-later
import pytest

from hyperspy_dlatoms._atomic_write import atomic_write


def test_a_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "note.txt"
    path.write_text("old")
    with atomic_write(path) as draft:
        draft.write_text("new")
        assert draft.suffix == ".txt"
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_what_was_there_stays_where_the_writing_fails(tmp_path, error):
    path = tmp_path / "note.txt"
    path.write_text("old")
    with pytest.raises(error), atomic_write(path) as draft:
        draft.write_text("ne")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_directory_is_named(tmp_path):
    path = tmp_path / "results" / "note.txt"
    with (
        pytest.raises(FileNotFoundError, match="no directory '.*results': create"),
        atomic_write(path) as draft,
    ):
        draft.write_text("new")


def test_a_symbolic_link_stays_and_its_file_is_replaced(tmp_path):
    (tmp_path / "server").mkdir()
    real, link = tmp_path / "server" / "0815", tmp_path / "note.txt"
    real.write_text("old")
    link.symlink_to("server/0815")
    with atomic_write(link) as draft:
        draft.write_text("new")
        assert draft.suffix == ".txt"
    assert link.is_symlink() and real.read_text() == "new"
    assert list(real.parent.iterdir()) == [real]
