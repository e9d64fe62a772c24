# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``dlatoms watch``."""

import argparse
import math
import shutil
import stat
import statistics
import time
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

from hyperspy_dlatoms.cli import _searching
from hyperspy_dlatoms.cli._files import Job
from hyperspy_dlatoms.cli._output import check_writable, print_error, print_rows

HELP = "find the atoms in files as they are written to a folder"
EXAMPLES = """
dlatoms watch /data/today -o atoms --model metal-nanoparticle
dlatoms watch /data/today -o atoms --pattern "*.dm4" --idle 600
    # stops after ten quiet minutes
"""

# Seconds between two looks at the folder; listing 10 000 files takes about a tenth of that.
_INTERVAL = 0.1
# Seconds without a change after which a file that cannot be read counts as damaged.
_PATIENCE = 10.0


class _State(NamedTuple):
    """What shows whether a file has changed: its size in bytes, and when it was written (s)."""

    size: int
    written: float


def _state_of(path: Path) -> _State | None:
    """Return the state of a file; None if there is none, as it may just have been deleted."""
    try:
        about = path.stat()
    except OSError:  # Also of links to themselves.
        return None
    # Such as Thumbs.db on Windows, where the names of hidden files look like any other.
    hidden = getattr(about, "st_file_attributes", 0) & stat.FILE_ATTRIBUTE_HIDDEN
    if hidden or not stat.S_ISREG(about.st_mode):
        return None
    return _State(about.st_size, about.st_mtime)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare its arguments."""
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="folder to watch")
    parser.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        type=Path,
        required=True,
        help="where to write a table for each file; files older than their tables are skipped",
    )
    parser.add_argument("--pattern", default="*", help="names of the files (default: %(default)s)")
    parser.add_argument(
        "--idle",
        metavar="S",
        type=float,
        help="stop after S seconds without a new file (default: only at Ctrl-C)",
    )
    _searching.add_options(parser, model="auto")


def run(options: argparse.Namespace) -> int:
    """Find the atoms of each new file until interrupted; return 1 if a file failed."""
    import hyperspy.api as hs

    from hyperspy_dlatoms.signals import _blocks

    hs.set_log_level("CRITICAL")
    if not options.folder.is_dir():
        raise FileNotFoundError(f"There is no folder {str(options.folder)!r}.")
    options.output.mkdir(parents=True, exist_ok=True)
    check_writable(options.output / "atoms.csv")
    options.resume = options.strain = False
    with _searching.in_words_of(options):
        if options.model != _blocks.AUTO:
            # So that the first file need not wait for it.
            _blocks.resolve(options.model).handle.get()
    watch = _Watch(options)
    print(f"Watching {str(options.folder)!r}; Ctrl-C stops it, and nothing is lost.", flush=True)
    with suppress(KeyboardInterrupt), _searching.kept_heap():
        while True:
            if watch.look():
                continue
            if watch.idle():
                break
            time.sleep(_INTERVAL)
    late = sorted(watch.latencies)
    rows = [("files", f"{len(late)}"), ("failed", f"{watch.failed}")]
    if late:
        median, most = statistics.median(late), late[math.ceil(0.95 * len(late)) - 1]
        rows.append(("latency", f"{median:.2f} s median, {most:.2f} s for 95 %"))
    print_rows(*rows, ("wrote", f"{options.output}"))
    return int(watch.failed > 0)


class _Watch:
    """The files of a folder, as they were last seen, and how the search went."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.seen: dict[Path, _State] = {}
        self.done: dict[Path, _State] = {}
        # When each was last seen to change, s on our clock; that of a server may differ.
        self.since: dict[Path, float] = {}
        self.latencies: list[float] = []
        """Seconds from the last write to a file until its table was there."""
        self.failed = 0
        self.last = time.monotonic()

    def idle(self) -> bool:
        """Whether no new file has come for the time asked for, and none is left to try."""
        idle = self.options.idle
        tried = not any(state.size for state in self.seen.values())
        return idle is not None and tried and time.monotonic() - self.last > idle

    def look(self) -> bool:
        """Find the atoms in the oldest complete file; return whether there was one."""
        # A file that is being written grows from one look to the next.
        whole = [(state.written, path) for path, state in self._changed().items() if state.size]
        return any(self._tried(path, self.seen[path]) for _, path in sorted(whole))

    def _tried(self, path: Path, state: _State) -> bool:
        """Find the atoms in a file; return whether it is finished, well or badly."""
        try:
            self._search(path, state)
        except Exception as error:
            # Its writer may only have paused.
            if time.monotonic() - self.since[path] < _PATIENCE:
                return False
            self.failed += 1
            print_error(path, error)
        _searching.close_maps()
        self.done[path], self.last = state, time.monotonic()
        return True

    def _changed(self) -> dict[Path, _State]:
        """Return the files whose table is missing or older than they are; note their states."""
        before, self.seen = self.seen, {}
        paths = list(self.options.folder.iterdir())
        # They may be written into the same folder.
        tables = {self._table(path).resolve() for path in paths}
        for path in paths:
            if path.name.startswith(".") or not fnmatch(path.name, self.options.pattern):
                continue
            state, done = _state_of(path), self.done.get(path)
            if state is None or state == done or path.resolve() in tables:
                continue
            table = _state_of(self._table(path))
            # One searched just now may have grown before its table was written.
            if done is None and table and table.written >= state.written:
                self.done[path] = state
                continue
            self.seen[path] = state
            if before.get(path) != state:
                self.last = self.since[path] = time.monotonic()
        return {path: state for path, state in before.items() if self.seen.get(path) == state}

    def _table(self, path: Path) -> Path:
        # The whole name, as files may differ in their suffix alone.
        return self.options.output / f"{path.name}.csv"

    def _search(self, path: Path, state: _State) -> None:
        from hyperspy_dlatoms.signals.methods import find_atoms_nn

        table = self._table(path)
        # The checkpoint of a movie is continued after an interruption.
        job = Job(path, table, None, table.with_name(f"{table.name}.parts"))
        with _searching.in_words_of(self.options, path):
            self._choose(path)
            found = _searching.find_in_file(
                job, options=self.options, method=find_atoms_nn, more={}, show_progressbar=False
            )
        shutil.rmtree(job.parts)
        late = time.time() - state.written
        self.latencies.append(late)
        counts = ", ".join(f"{count} {name}" for name, count in found.counts)
        print(f"{path.name}: {counts}, {late:.2f} s after it was written", flush=True)

    def _choose(self, path: Path) -> None:
        """Choose the network for all files by the first."""
        from hyperspy_dlatoms.signals import _choice
        from hyperspy_dlatoms.signals._loading import load_images

        if self.options.model == _choice.AUTO:
            choice, _ = _choice.choose_model(load_images(path)[0], self.options.sampling, 1)
            print(choice, flush=True)
            self.options.model = choice.name
