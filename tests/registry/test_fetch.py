# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from hyperspy_dlatoms.registry import RegistryError, _cache, _transport
from hyperspy_dlatoms.registry.fetch import copy_to, fetch, on_this_computer
from tests.helpers import file_server as tricks

FILE = "gold-1.safetensors"


def left_in(folder):
    """Return the names of the files in the cache, locks apart."""
    return sorted(file.name for file in folder.iterdir() if not file.name.endswith(".lock"))


def going_on_from(sent):
    """Return the range that is asked for after a cut: whole chunks are kept."""
    return f"bytes={sent - sent % _transport.CHUNK}-"


def test_download_once_then_from_the_cache(server, entry_of, cache_folder, content):
    entry = entry_of()
    assert on_this_computer(entry) is None
    path = fetch(entry)
    assert path.read_bytes() == content
    assert path.parent == cache_folder
    assert left_in(cache_folder) == [path.name]
    assert fetch(entry) == path == on_this_computer(entry) == fetch(entry, offline=True)
    assert server.requests[FILE] == 1


def test_offline_asks_nobody(server, entry_of):
    with pytest.raises(RegistryError, match="'gold' is not on this computer.*dlatoms fetch gold"):
        fetch(entry_of(), offline=True)
    assert not server.requests


@pytest.mark.parametrize(
    "trick",
    [
        tricks.cut(0.5),
        tricks.cut(0.0),
        tricks.cut_unannounced,
        tricks.stall(0.5),
        tricks.hang_up,
        tricks.status(500),
        tricks.status(503, Retry_After="0"),
        tricks.status(429, Retry_After="0"),
    ],
    ids=lambda trick: getattr(trick, "__qualname__", ""),
)
def test_what_passes_is_tried_again(server, entry_of, cache_folder, content, trick):
    server.tricks[FILE] = [trick, trick]
    assert fetch(entry_of()).read_bytes() == content
    assert server.requests[FILE] == 3
    assert len(left_in(cache_folder)) == 1


def test_a_cut_download_goes_on_where_it_was(server, entry_of, content):
    server.tricks[FILE] = [tricks.cut(0.25)]
    assert fetch(entry_of()).read_bytes() == content
    assert server.ranges == [None, going_on_from(50_000)]


@pytest.mark.parametrize("second", [tricks.without_ranges, tricks.other_range, tricks.status(416)])
def test_a_server_without_ranges_sends_it_anew(server, entry_of, content, second):
    server.tricks[FILE] = [tricks.cut(0.25), second]
    assert fetch(entry_of()).read_bytes() == content


def test_a_download_killed_in_the_middle_is_not_there_and_goes_on(
    server, entry_of, cache_folder, content
):
    server.tricks[FILE] = [tricks.stall(5)]
    entry = entry_of()
    code = (
        "from hyperspy_dlatoms.registry.entries import Entry\n"
        "from hyperspy_dlatoms.registry.fetch import fetch\n"
        f"fetch({entry!r}, show_progressbar=False)"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    part = cache_folder / f".{_cache.kept_path(entry).name}.part"
    deadline = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size > 10_000) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    got = part.stat().st_size
    assert got > 0
    assert on_this_computer(entry) is None
    assert fetch(entry).read_bytes() == content
    assert server.ranges[-1] == f"bytes={got}-"
    assert left_in(cache_folder) == [_cache.kept_path(entry).name]


def test_a_part_of_another_file_is_thrown_away(server, entry_of, cache_folder, content):
    entry = entry_of()
    cache_folder.mkdir()
    (cache_folder / f".{_cache.kept_path(entry).name}.part").write_bytes(b"something else")
    assert fetch(entry).read_bytes() == content
    assert server.ranges == ["bytes=14-", None]


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirect(server, entry_of, content, code):
    moved = tricks.status(code, Location="/gold-1.safetensors")
    server.tricks["old"] = [tricks.cut(0.1), moved]
    server.files["old"] = content
    assert fetch(entry_of(f"{server.url}/old")).read_bytes() == content
    assert server.ranges == [None, going_on_from(20_000), going_on_from(20_000)]


def test_redirects_in_a_circle(server, entry_of):
    server.tricks["old"] = [tricks.status(302, Location="/old")] * 100
    with pytest.raises(RegistryError, match="redirects"):
        fetch(entry_of(f"{server.url}/old"))


@pytest.mark.parametrize("code", [401, 403, 404, 410])
def test_what_does_not_pass_is_not_tried_again(server, entry_of, code):
    server.tricks[FILE] = [tricks.status(code)]
    with pytest.raises(RegistryError, match=f"'gold'.*could not be fetched.*{code}.*mirror") as e:
        fetch(entry_of())
    assert server.requests[FILE] == 1
    assert server.url in str(e.value)


def test_mirrors_are_asked_in_turn(server, entry_of, content):
    server.files["second/gold.bin"] = content
    server.tricks["broken"] = [tricks.status(500)] * _transport.ATTEMPTS
    entry = entry_of(*(f"{server.url}/{p}" for p in ("none", "broken", "second/gold.bin", FILE)))
    assert fetch(entry).read_bytes() == content
    assert list(server.requests) == ["none", "broken", "second/gold.bin"]


def test_wrong_bytes_are_never_taken(server, entry_of, cache_folder):
    server.tricks[FILE] = [tricks.wrong_bytes] * 9
    with pytest.raises(RegistryError, match="SHA-256 is wrong"):
        fetch(entry_of())
    assert left_in(cache_folder) == []


def test_wrong_bytes_of_one_mirror_do_not_spoil_the_next(server, entry_of, content):
    server.files["first"] = content
    server.tricks["first"] = [tricks.wrong_bytes]
    entry = entry_of(f"{server.url}/first", f"{server.url}/{FILE}")
    assert fetch(entry).read_bytes() == content


def test_more_than_the_file_is_cut_off(server, entry_of, cache_folder):
    server.tricks[FILE] = [tricks.endless]
    with pytest.raises(RegistryError, match="sends more than the 200000 bytes"):
        fetch(entry_of())
    assert all((cache_folder / name).stat().st_size == 0 for name in left_in(cache_folder))


def test_no_network(entry_of):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(RegistryError, match="cannot be reached: is there a network"):
        fetch(entry_of(f"http://127.0.0.1:{port}/gold"))


def test_proxy(entry_of, server, monkeypatch, content):
    entry = entry_of("http://lab.invalid/gold")
    server.files[entry.where[0]] = content
    monkeypatch.setenv("http_proxy", server.url)
    assert fetch(entry).read_bytes() == content
    assert list(server.requests) == [entry.where[0]]


def test_proxy_that_is_none(entry_of, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with pytest.raises(RegistryError, match="proxy does not answer: check HTTPS_PROXY"):
        fetch(entry_of("http://lab.invalid/gold"))


class Archive:
    """Stands for the archive that a DOI leads to; which answers on the loopback."""

    def __init__(self, url):
        self.url = url

    def download_url(self, file_name):
        if file_name != FILE:
            raise ValueError(f"File '{file_name}' not found in data archive")
        return f"{self.url}/{file_name}"


def test_doi(server, entry_of, content, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "pooch.downloaders.doi_to_repository",
        lambda doi, **_: asked.append(doi) or Archive(server.url),
    )
    server.tricks[FILE] = [tricks.cut(0.5)]
    entry = entry_of("doi:10.5281/zenodo.1/none", f"doi:10.5281/zenodo.1/{FILE}")
    assert fetch(entry).read_bytes() == content
    assert set(asked) == {"10.5281/zenodo.1"}
    # An archive is asked for the whole file again.
    assert server.ranges == [None, None]


@pytest.mark.parametrize("place", ["doi:", "doi:10.5281"])
def test_a_doi_that_is_none_is_no_reason_to_give_up(server, entry_of, content, place):
    assert fetch(entry_of(place, f"{server.url}/{FILE}")).read_bytes() == content
    with pytest.raises(RegistryError, match=f"{place}: it has no such file"):
        fetch(entry_of(place, content=b"other"))


def test_user_mirrors_go_first(server, entry_of, content, monkeypatch, tmp_path):
    server.files["mine/gold-1.safetensors"] = content
    monkeypatch.setenv("HYPERSPY_DLATOMS_REGISTRY", f"{tmp_path}, {server.url}/mine/")
    entry = entry_of()
    assert fetch(entry).read_bytes() == content
    assert list(server.requests) == ["mine/gold-1.safetensors"]


def test_a_folder_is_a_mirror_and_used_in_place(server, entry_of, content, monkeypatch, tmp_path):
    monkeypatch.setenv("HYPERSPY_DLATOMS_REGISTRY", str(tmp_path))
    entry = entry_of()
    (tmp_path / FILE).write_bytes(content)
    assert fetch(entry, offline=True) == tmp_path / FILE
    (tmp_path / FILE).write_bytes(content[::-1])
    assert fetch(entry) == _cache.kept_path(entry)
    assert server.requests[FILE] == 1


def test_a_damaged_file_of_the_cache_is_fetched_anew(server, entry_of, content):
    path = fetch(entry_of())
    path.write_bytes(content[:-1] + b"!")
    assert fetch(entry_of()).read_bytes() == content
    assert server.requests[FILE] == 2


def test_a_file_of_the_package_that_is_another_one(server, entry_of):
    entry = replace(entry_of(), where=("package:registry/errors.py",))
    with pytest.raises(RegistryError, match="errors.py.* is not the file .*tools/catalogue.py"):
        fetch(entry)
    assert not server.requests


def test_copy_to(entry_of, content, tmp_path):
    entry = entry_of()
    path = copy_to(tmp_path / "usb", entry)
    assert path == tmp_path / "usb" / _cache.kept_path(entry).name
    assert path.read_bytes() == content
    assert len(list(path.parent.iterdir())) == 1


def test_progress_bar_follows_the_preference(entry_of, monkeypatch, capsys):
    import hyperspy.api as hs

    entry = entry_of()
    fetch(entry).unlink()
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(hs.preferences.General, "show_progressbar", True)
    fetch(entry).unlink()
    assert "gold" in capsys.readouterr().err
    fetch(entry, show_progressbar=False)
    assert capsys.readouterr().err == ""


def test_threads_download_once(server, entry_of, content, monkeypatch):
    # On a busy computer the short one of these tests runs out, and the file is asked for again.
    monkeypatch.setattr(_transport, "TIMEOUT", (30.0, 30.0))
    server.tricks[FILE] = [tricks.slowly(0.1)]
    entry = entry_of()
    with ThreadPoolExecutor(32) as pool:
        paths = set(pool.map(lambda _: fetch(entry), range(32)))
    assert len(paths) == 1
    assert server.requests[FILE] == 1


FORKED = """
import os, sys
from pathlib import Path
from hyperspy_dlatoms.registry import _cache
from hyperspy_dlatoms.registry.entries import Entry
from hyperspy_dlatoms.registry.fetch import fetch

entry = {entry!r}
children = []
for _ in range({number}):
    child = os.fork()
    if not child:
        try:
            {work}
        except BaseException as error:
            print(error, file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    children.append(child)
print(*(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
"""


def forked(entry, number, work):
    """Do some work in so many processes at once, return their exit codes."""
    if not hasattr(os, "fork"):
        pytest.skip("processes cannot be forked here")
    code = FORKED.format(entry=entry, number=number, work=work)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return [int(code) for code in done.stdout.split()]


def test_processes_download_once(server, entry_of):
    server.tricks[FILE] = [tricks.cut(0.5), tricks.slowly(0.2)]
    assert forked(entry_of(), 32, "fetch(entry)") == [0] * 32
    # One of them, which was cut once.
    assert server.ranges == [None, going_on_from(100_000)]


def test_a_holder_of_the_lock_that_died_is_no_hindrance(entry_of, content):
    entry = entry_of()
    work = "with _cache.locked(_cache.kept_path(entry)): os._exit(9)"
    assert forked(entry, 1, work) == [9]
    assert fetch(entry).read_bytes() == content


def test_waiting_for_the_lock_has_an_end(entry_of, monkeypatch):
    entry = entry_of()
    monkeypatch.setattr(_cache, "WAIT", 0.05)
    with (
        _cache.locked(_cache.kept_path(entry)),
        pytest.raises(RegistryError, match="Another process has been fetching"),
    ):
        fetch(entry)


def mounted(folder, *options):
    """Mount a small file system in memory, or skip where that is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", *options, "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount here")
    if done.returncode:
        pytest.skip("mounting a tmpfs needs an administrator")


@pytest.fixture
def unmount(cache_folder):
    yield
    subprocess.run(["umount", str(cache_folder)], check=False, capture_output=True)


@pytest.mark.usefixtures("unmount")
def test_full_file_system(entry_of, cache_folder):
    mounted(cache_folder, "-o", "size=64k")
    with pytest.raises(RegistryError, match="cannot be written .*No space left.*make room"):
        fetch(entry_of())
    assert left_in(cache_folder) == []


@pytest.mark.usefixtures("unmount")
def test_read_only_file_system(entry_of, cache_folder, content):
    mounted(cache_folder)
    entry = entry_of()
    path = fetch(entry)
    subprocess.run(["mount", "-o", "remount,ro", str(cache_folder)], check=True)
    assert fetch(entry) == path
    other = replace(entry, sha256="0" * 64)
    with pytest.raises(RegistryError, match="cannot be written .*Read-only.*HYPERSPY_DLATOMS_CAC"):
        fetch(other)


def test_full_disk_as_the_system_says_it(entry_of, cache_folder, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(_transport._GrowingFile, "write", full)
    with pytest.raises(RegistryError, match="No space left on device.*make room"):
        fetch(entry_of())
    assert left_in(cache_folder) == []


def test_cache_that_is_a_file(entry_of, cache_folder):
    cache_folder.write_text("no folder")
    with pytest.raises(RegistryError, match="cannot be written"):
        fetch(entry_of())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows asks for a profile")
def test_cache_without_a_home(entry_of, monkeypatch):
    def nobody(_):
        raise KeyError("uid not found")

    monkeypatch.setattr("pwd.getpwuid", nobody)
    for name in ("HOME", "XDG_CACHE_HOME", _cache.CACHE):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(RegistryError, match=f"unknown home folder. Set {_cache.CACHE}"):
        fetch(entry_of())
    monkeypatch.setenv(_cache.CACHE, "~nobody-at-all/cache")
    with pytest.raises(RegistryError, match="'~nobody-at-all/cache' is in an unknown home folder"):
        fetch(entry_of())
