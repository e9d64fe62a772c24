# SPDX-License-Identifier: GPL-3.0-or-later
"""Download of one file from one address by pooch, resumed if interrupted."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

ATTEMPTS = 4  # Failures in a row after which a download is given up.
PAUSE = 0.5  # Seconds before the second attempt; doubled before each further one.
LONGEST_PAUSE = 30.0  # Seconds, however long a server asks to wait.
TIMEOUT = (10.0, 30.0)  # Seconds to connect, and without a byte.
CHUNK = 2**14  # Bytes written at once, after each of which progress is shown.
WORTH = 2**20  # Bytes that an attempt must bring to restart the count of attempts.
# HTTP status codes after which the same request may succeed.
_TEMPORARY = (408, 425, 429, 500, 502, 503, 504)


class TransportError(Exception):
    """Why an address gave no file, and whether to try again, `after` so many seconds."""

    def __init__(self, reason: str, *, again: bool = False, after: float = 0.0) -> None:
        super().__init__(reason)
        self.again = again
        self.after = after


def download(
    address: str,
    part: Path,
    size: int,
    progress: Callable[[int], None] = lambda done: None,
    *,
    whole: bool = True,
) -> None:
    """Download a file of `size` bytes (at most, if not `whole`), continuing its `part`."""
    failures = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            got = _attempt(address, part, size, progress)
            if whole and got < size:
                raise TransportError(f"it ended after {got} of {size} bytes", again=True)
            return
        except TransportError as error:
            got = part.stat().st_size - before if part.exists() else 0
            failures = 1 if got >= WORTH else failures + 1
            if not error.again or failures >= ATTEMPTS:
                raise
            pause = PAUSE * 2 ** (failures - 1) * random.uniform(1, 1.5)
            time.sleep(min(max(pause, error.after), LONGEST_PAUSE))


def _attempt(address: str, part: Path, size: int, progress: Callable[[int], None]) -> int:
    import requests

    with part.open("ab") as file:
        growing = _GrowingFile(file, size, progress)
        try:
            _downloader(address, growing)(address, growing, None)
        except requests.exceptions.RequestException as error:
            raise _explained(error) from error
        except ValueError as error:
            # Raised by pooch for a DOI that it cannot resolve, or an archive without the file.
            raise TransportError(str(error)) from error
        except LookupError as error:
            # Raised for an invalid DOI, or an archive whose answer pooch does not expect.
            raise TransportError(
                f"it has no such file, or the archive answers unexpectedly ({error!r})"
            ) from error
    return growing.length


def _downloader(address: str, growing: _GrowingFile):
    import pooch

    if address.startswith("doi:"):
        # It asks the archive first, so an answer says nothing about the file: start afresh.
        growing.restart()
        return pooch.DOIDownloader(chunk_size=CHUNK, timeout=TIMEOUT)
    headers = {"Accept-Encoding": "identity", "User-Agent": "hyperspy-dlatoms"}
    if growing.length:
        headers["Range"] = f"bytes={growing.length}-"
    return pooch.HTTPDownloader(
        chunk_size=CHUNK, timeout=TIMEOUT, headers=headers, hooks={"response": growing.answered}
    )


class _GrowingFile:
    """The downloaded part of a file, as pooch's downloaders write to it."""

    def __init__(self, file: BinaryIO, size: int, progress: Callable[[int], None]) -> None:
        self.file, self.size, self.progress = file, size, progress
        self.length = file.tell()

    def answered(self, response, *args, **kwargs) -> None:
        """Start again if the server sends the whole file, or another part than requested."""
        if response.status_code == 200:
            self.restart()
        elif response.status_code == 206:
            begins = response.headers.get("Content-Range", "").replace("=", " ")
            if not begins.startswith(f"bytes {self.length}-"):
                self.restart()
                raise TransportError("it sent a different part from the one requested", again=True)
        elif response.status_code == 416:
            self.restart()
            raise TransportError("it does not have the rest of the file", again=True)

    def restart(self) -> None:
        self.file.truncate(0)
        self.length = 0

    def write(self, data: bytes) -> int:
        if self.length + len(data) > self.size:
            self.restart()
            raise TransportError(f"it sends more than the {self.size} bytes of the file")
        self.length += self.file.write(data)
        self.progress(self.length)
        return len(data)

    def flush(self) -> None:
        self.file.flush()


def _explained(error: Exception) -> TransportError:
    from requests import exceptions

    response = getattr(error, "response", None)
    if isinstance(error, exceptions.HTTPError) and response is not None:
        status = response.status_code
        after = response.headers.get("Retry-After", "")
        return TransportError(
            f"{status} {response.reason}",
            again=status in _TEMPORARY,
            after=float(after) if after.isdecimal() else 0.0,
        )
    if isinstance(error, exceptions.ProxyError):
        return TransportError("the proxy does not answer: check HTTPS_PROXY and NO_PROXY")
    if isinstance(error, exceptions.SSLError):
        return TransportError(f"its certificate was refused ({error})")
    # To requests, a server that falls silent midway is a ConnectionError.
    if isinstance(error, exceptions.Timeout) or "timed out" in str(error):
        return TransportError("it does not answer in time", again=True)
    if isinstance(error, exceptions.ChunkedEncodingError | exceptions.ContentDecodingError):
        return TransportError("the connection was cut", again=True)
    if isinstance(error, exceptions.ConnectionError):
        return TransportError("it cannot be reached: is there a network?", again=True)
    return TransportError(f"{type(error).__name__}: {error}")
