# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that appear in a folder."""

import os
import re
import stat
import time
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pandas as pd
import pytest

from hyperspy_dlatoms import cli
from hyperspy_dlatoms.cli import _searching, watch


@pytest.fixture
def folders(spot_network, spot_images, tmp_path, monkeypatch):
    """A folder of two files of three images, and where their tables go."""
    monkeypatch.setattr(watch, "_INTERVAL", 0.01)
    source, output = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    signal, truth = spot_images(3)
    for number in (1, 2):
        signal.save(source / f"{number}.hspy")
    (source / ".hidden.hspy").write_bytes(b"no image")
    return source, output, sum(map(len, truth))


def run(source, output, *more, idle=0.2):
    arguments = ["watch", source, "-o", output, "--model", "spots", "--idle", idle, *more]
    return cli.main(list(map(str, arguments)))


def test_a_table_for_each_file(folders, capsys):
    source, output, number = folders
    assert run(source, output) == 0
    assert sorted(path.name for path in output.iterdir()) == ["1.hspy.csv", "2.hspy.csv"]
    assert len(pd.read_csv(output / "1.hspy.csv")) == number
    assert f"1.hspy: {number} atoms" in capsys.readouterr().out
    # What has a table is done; what was written again is not.
    os.utime(source / "2.hspy")
    assert run(source, output, "--pattern", "*.hspy") == 0
    printed = capsys.readouterr().out
    assert "2.hspy: " in printed and "1.hspy: " not in printed


def test_no_fewer_files_than_said_were_as_fast(folders, capsys):
    source, output, _ = folders
    written = time.time() - 1000
    os.utime(source / "1.hspy", (written, written))
    assert run(source, output) == 0
    (said,) = re.findall(r"([\d.]+) s median, ([\d.]+) s for 95 %", capsys.readouterr().out)
    assert float(said[0]) < 1000 <= float(said[1])


def test_tables_in_the_same_folder_are_not_read(folders, capsys, monkeypatch):
    monkeypatch.setattr(watch, "_PATIENCE", 0.0)
    source, _, number = folders
    assert run(source, source / ".") == 0
    printed = capsys.readouterr()
    assert printed.err == "" and f"2.hspy: {number} atoms" in printed.out
    assert not list(source.glob("*.csv.csv"))


def test_a_file_is_read_when_it_is_whole(folders, capsys, monkeypatch):
    source, output, number = folders
    content = (source / "2.hspy").read_bytes()
    (source / "2.hspy").write_bytes(content[: len(content) // 2])
    looks, look = [], watch._Watch.look

    def counted(self):
        looks.append(1)
        if len(looks) == 8:
            (source / "2.hspy").write_bytes(content)
        return look(self)

    monkeypatch.setattr(watch._Watch, "look", counted)
    assert run(source, output, idle=0.5) == 0
    assert len(pd.read_csv(output / "2.hspy.csv")) == number
    assert capsys.readouterr().err == ""


def test_a_movie_that_grows_while_it_is_searched_is_searched_again(
    folders, spot_images, capsys, monkeypatch
):
    source, output, _ = folders
    (source / "2.hspy").unlink()
    longer, truth = spot_images(5)
    write, written = _searching._write_atoms, []

    def grow(atoms, path):
        if not written:
            longer.save(source / "1.hspy", overwrite=True)
        written.append(path)
        write(atoms, path)

    monkeypatch.setattr(_searching, "_write_atoms", grow)
    assert run(source, output) == 0
    assert len(written) == 2
    assert len(pd.read_csv(output / "1.hspy.csv")) == sum(map(len, truth))


def test_files_that_vanish_and_links_to_themselves_are_passed_over(folders, capsys, monkeypatch):
    source, output, number = folders
    (source / "0.hspy").symlink_to(source / "0.hspy")
    (source / "3.hspy").symlink_to(source / "none.hspy")
    (source / "4.hspy").write_bytes(b"no image")
    stat = Path.stat

    def vanish(path, **more):
        about = stat(path, **more)
        if path.name == "4.hspy":
            path.unlink()
        return about

    monkeypatch.setattr(Path, "stat", vanish)
    assert run(source, output) == 0
    assert len(pd.read_csv(output / "2.hspy.csv")) == number
    assert capsys.readouterr().err == ""


def test_a_damaged_file_is_named_and_the_others_go_on(folders, capsys, monkeypatch):
    monkeypatch.setattr(watch, "_PATIENCE", 0.5)
    source, output, _ = folders
    (source / "0.hspy").write_bytes(b"no image")
    long_ago = time.time() - 2 * watch._PATIENCE
    os.utime(source / "0.hspy", (long_ago, long_ago))
    assert run(source, output) == 1
    assert "0.hspy" in capsys.readouterr().err
    assert sorted(path.name for path in output.iterdir()) == ["1.hspy.csv", "2.hspy.csv"]


def test_it_does_not_end_before_a_file_is_given_up(folders, capsys, monkeypatch):
    monkeypatch.setattr(watch, "_PATIENCE", 1.0)
    source, output, _ = folders
    later = time.time() + 2.0
    (source / "0.hspy").write_bytes(b"no image")
    os.utime(source / "0.hspy", (later, later))
    assert run(source, output) == 1
    assert "0.hspy" in capsys.readouterr().err


def test_what_is_there_is_searched_before_it_ends(folders):
    source, output, _ = folders
    assert run(source, output, idle=0) == 0
    assert sorted(path.name for path in output.iterdir()) == ["1.hspy.csv", "2.hspy.csv"]


def test_an_interruption_loses_nothing(folders, capsys, monkeypatch):
    source, output, number = folders
    with monkeypatch.context() as patch:
        patch.setattr(_searching, "_write_atoms", Mock(side_effect=KeyboardInterrupt))
        assert run(source, output) == 0
    assert (output / "1.hspy.csv.parts").is_dir()
    assert run(source, output) == 0
    assert "Continued the interrupted search" in capsys.readouterr().out
    assert len(pd.read_csv(output / "1.hspy.csv")) == number
    assert not (output / "1.hspy.csv.parts").exists()


def test_a_folder_that_is_missing(tmp_path, error_of):
    assert "no folder" in error_of("watch", tmp_path / "none", "-o", tmp_path)


def test_the_clock_of_a_server_that_is_behind(folders, capsys, monkeypatch):
    monkeypatch.setattr(watch, "_PATIENCE", 2.0)
    source, output, number = folders
    content = (source / "2.hspy").read_bytes()
    (source / "2.hspy").write_bytes(content[: len(content) // 2])
    long_ago = time.time() - 600
    os.utime(source / "2.hspy", (long_ago, long_ago))
    looks, look = [], watch._Watch.look

    def counted(self):
        looks.append(1)
        if len(looks) == 8:
            (source / "2.hspy").write_bytes(content)
        return look(self)

    monkeypatch.setattr(watch._Watch, "look", counted)
    assert run(source, output, idle=0.5) == 0
    assert len(pd.read_csv(output / "2.hspy.csv")) == number
    assert capsys.readouterr().err == ""


def test_what_windows_hides_is_passed_over(folders, capsys, monkeypatch):
    monkeypatch.setattr(watch, "_PATIENCE", 0.0)
    source, output, _ = folders
    (source / "Thumbs.db").write_bytes(b"no image")
    stat_of = Path.stat

    def about(path, **more):
        found = stat_of(path, **more)
        if path.name != "Thumbs.db":
            return found
        names = ("st_mode", "st_size", "st_mtime")
        hidden = {"st_file_attributes": stat.FILE_ATTRIBUTE_HIDDEN}
        return SimpleNamespace(**{name: getattr(found, name) for name in names}, **hidden)

    monkeypatch.setattr(Path, "stat", about)
    assert run(source, output) == 0
    assert capsys.readouterr().err == ""
