# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import io
import logging
import os
import sys
from contextlib import suppress

import pytest

from hyperspy_dlatoms.networks import _backend
from hyperspy_dlatoms.networks._backend import _is_not_about_tracing, without_logs

# What releases of TensorFlow have written.
LOGS = b"""\
WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
I0000 00:00:1795863260.193480   15197 port.cc:153] oneDNN custom operations are on.
E0000 00:00:1795863299.461007   15197 cuda_platform.cc:52] failed call to cuInit: (303)
2024-03-01 12:00:00.123456: I tensorflow/core/platform/cpu_feature_guard.cc:182] This binary is
To enable the following instructions: AVX2 FMA, in other operations, rebuild TensorFlow.
"""


def test_logs_are_dropped_and_all_else_is_shown(capfd):
    with without_logs():
        os.write(2, b"[####    ] 18%" + LOGS + b"Segmentation fault\n")
        print("A traceback.", file=sys.stderr)
        os.write(2, b"F0000 00:00:1795863260.1   15197 cpu.cc:1] needs AVX\n")
    shown = capfd.readouterr().err
    assert "oneDNN" not in shown and "cuInit" not in shown and "AVX2" not in shown
    assert "[####    ] 18%Segmentation fault\n" in shown
    assert "A traceback.\n" in shown and "needs AVX\n" in shown


@pytest.mark.parametrize(
    ("level", "shown"),
    [(None, 0), ("3", 0), ("2", 1), ("1", 1), ("0", 5), ("loud", 5)],
)
def test_the_level_is_heeded_from_the_first_line(monkeypatch, capfd, level, shown):
    monkeypatch.setattr(_backend, "_ready", False)
    monkeypatch.setattr(_backend, "_stops_tensorflow", lambda: False)
    monkeypatch.setattr(_backend, "_import", lambda: os.write(2, LOGS))
    monkeypatch.delenv(_backend._LEVEL, raising=False)
    if level:
        monkeypatch.setenv(_backend._LEVEL, level)
    _backend.import_backend()
    assert len(capfd.readouterr().err.splitlines()) == shown
    assert os.environ[_backend._LEVEL] == (level or "2")


def test_what_fails_shows_all(capfd):
    with pytest.raises(ImportError), without_logs():
        os.write(2, LOGS)
        raise ImportError
    assert capfd.readouterr().err.encode() == LOGS


def test_standard_error_is_as_it_was(capfd):
    with without_logs():
        pass
    os.write(2, LOGS)
    assert capfd.readouterr().err.encode() == LOGS


def test_tracing_of_our_function_is_no_news():
    def record(text):
        return logging.makeLogRecord({"msg": text})

    ours = (
        "5 out of the last 5 calls to <function _by_tensorflow.<locals>.call> triggered retracing."
    )
    assert not _is_not_about_tracing(record(ours))
    assert _is_not_about_tracing(record(ours.replace("_by_tensorflow", "of_the_user")))
    assert _is_not_about_tracing(record("_by_tensorflow ran out of memory"))


class Console(io.RawIOBase):
    """As Python writes to a console of Windows: to whatever is standard error at the moment."""

    def __init__(self):
        super().__init__()
        self.shown, self.there = b"", os.fstat(2)

    def writable(self):
        return True

    def write(self, content):
        if not os.path.samestat(os.fstat(2), self.there):
            raise OSError("The handle is invalid")
        self.shown += bytes(content)
        return len(content)


def test_a_warning_at_the_import_on_a_console_of_windows(monkeypatch, capfd):
    console = Console()
    written = io.TextIOWrapper(io.BufferedWriter(console), line_buffering=True)
    monkeypatch.setattr(sys, "stderr", written)
    with without_logs(), suppress(OSError):
        # Warnings and logs go on where that fails, and it stays in the buffer.
        print("Gencode is old.", file=sys.stderr)
    assert console.shown == b"Gencode is old.\n"
    assert os.path.samestat(os.fstat(2), console.there)
