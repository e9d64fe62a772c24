# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import errno
import io
import sys
import tempfile
import warnings

import pytest

from hyperspy_dlatoms import cli
from hyperspy_dlatoms._warnings import SamplingWarning, warn
from hyperspy_dlatoms.cli._output import check_writable, command_of, print_warning


def test_warnings_of_this_package_are_printed(capsys):
    with warnings.catch_warnings(action="default"):
        warnings.showwarning = print_warning
        # It points at this line, as at that of a program which calls the command.
        warn("Look\nhere.", SamplingWarning)
        warnings.warn("Nothing to do with it.", stacklevel=1)
    assert capsys.readouterr().err == "dlatoms: warning: Look here.\n"


@pytest.mark.parametrize("encoding", ["cp932", "cp1251"])
def test_a_pipe_of_windows_that_knows_no_angstrom(spot_network, movie, encoding, monkeypatch):
    path, _ = movie
    path = path.rename(path.with_name("粒子 é.hspy"))
    pipe = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", pipe)
    assert cli.main(["find", str(path), "-o", str(path.with_name("atoms"))]) == 0
    pipe.flush()
    assert b"0.1 ?/px" in pipe.buffer.getvalue()


def test_a_command_to_copy_has_quotes_of_every_shell():
    # That of Windows knows no single ones, and a backslash is the separator of its paths.
    plain = r"runs\gold\gold.safetensors"
    assert command_of("dlatoms", plain, "C:/my data") == f'dlatoms {plain} "C:/my data"'


def test_a_file_in_a_folder_that_takes_no_other_cannot_be_written(tmp_path, monkeypatch):
    def refuse(**_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    path = tmp_path / "atoms.csv"
    path.write_text("old")
    with pytest.raises(OSError, match="'.*atoms.csv' cannot be written: Permission denied"):
        check_writable(path)
    assert path.read_text() == "old"


def test_a_link_into_a_missing_folder_cannot_be_written(tmp_path):
    (tmp_path / "atoms.csv").symlink_to("missing/atoms.csv")
    with pytest.raises(OSError, match="cannot be written: No such file"):
        check_writable(tmp_path / "atoms.csv")
