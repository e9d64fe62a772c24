# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import io
import time

import dask.array as da
import pytest

from hyperspy_dlatoms._doing import current, doing
from hyperspy_dlatoms.signals import _progress
from hyperspy_dlatoms.signals._progress import Progress, progress_of


class Terminal(io.StringIO):
    """A terminal that remembers all that was written."""

    def isatty(self):
        return True

    def close(self):
        pass


@pytest.fixture
def terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(_progress, "_screen", lambda: terminal)
    monkeypatch.setattr(_progress, "_PERIOD", 0.005)
    return terminal


def lines_of(terminal):
    return [line.rstrip() for line in terminal.getvalue().split("\r") if line.strip()]


def test_it_says_what_is_being_loaded(terminal):
    with Progress("Finding atoms", 4) as progress:
        with doing("Loading the network 'gold'"):
            time.sleep(0.05)
        for _ in range(4):
            progress.step()
            time.sleep(0.02)
    lines = lines_of(terminal)
    assert lines[0] == "Finding atoms ... 0 s"
    assert "Loading the network 'gold' ... 0 s" in lines
    assert "Finding atoms [############            ] 2 of 4 frames, 1 s left" in lines
    assert lines[-1] == "Finding atoms: 4 frames, 0 s"
    assert max(map(len, lines)) < 80


def test_frames_of_blocks_are_counted(terminal):
    frames = da.zeros((7, 8, 8), chunks=((3, 3, 1), 8, 8))
    results = frames.map_blocks(lambda block: block.sum(axis=(1, 2)), drop_axis=(1, 2))
    results += 1
    with progress_of(True, "Finding atoms", results) as progress:
        results.compute(scheduler="synchronous")
        assert progress.done == 7


def test_what_fails_leaves_a_line(terminal):
    with pytest.raises(ValueError, match="broke"), Progress("Finding atoms", 4):
        raise ValueError("It broke.")
    assert terminal.getvalue().endswith("\n")
    assert "4 frames" not in terminal.getvalue()


def test_a_file_gets_the_end_alone(capsys):
    with Progress("Finding atoms", 1) as progress:
        progress.step()
    assert capsys.readouterr().err == "Finding atoms: 1 frame, 0 s\n"
    with Progress("Finding atoms", 1, shown=False) as progress:
        progress.step()
    assert capsys.readouterr().err == ""


def test_doing():
    assert current() == ""
    with doing("one"):
        with doing("two"):
            assert current() == "two"
        assert current() == "one"
    assert current() == ""


@pytest.mark.parametrize(
    ("seconds", "text"), [(3.2, "3 s"), (59.7, "1 min 00 s"), (3700, "1 h 01 min")]
)
def test_durations(seconds, text):
    assert _progress._duration(seconds) == text
