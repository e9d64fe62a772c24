# SPDX-License-Identifier: GPL-3.0-or-later
"""A real HTTP server on the loopback that misbehaves as it is told."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FileServer:
    """Serves `files`, path to bytes; `tricks` has what goes wrong for a path, one a request.

    A trick is a function of the handler and the content; once all are used up, the path is served.
    """

    def __init__(self):
        self.files: dict[str, bytes] = {}
        self.tricks: dict[str, list] = {}
        self.requests: Counter[str] = Counter()
        self.ranges: list[str | None] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self):
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                path = self.path.lstrip("/")
                with outer._lock:
                    outer.requests[path] += 1
                    outer.ranges.append(self.headers.get("Range"))
                    tricks = outer.tricks.get(path)
                    trick = tricks.pop(0) if tricks else well
                content = outer.files.get(path)
                if content is None and trick is well:
                    trick = status(404)
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    trick(self, content)

            def log_message(self, *_):
                pass

        return Handler


def well(handler, content):
    """Send the file, or the range that was asked for."""
    asked = handler.headers.get("Range")
    start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
    if start >= len(content):
        return status(416)(handler, content)
    handler.send_response(206 if asked else 200)
    if asked:
        handler.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
    handler.send_header("Content-Length", str(len(content) - start))
    handler.end_headers()
    handler.wfile.write(content[start:])


def without_ranges(handler, content):
    """Send the whole file whatever was asked for."""
    del handler.headers["Range"]
    well(handler, content)


def status(code, **headers):
    """Answer with a status and no file."""

    def trick(handler, content):
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return trick


def cut(share):
    """Close the connection after a share of the file."""

    def trick(handler, content):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[: int(share * len(content))])

    return trick


def cut_unannounced(handler, content):
    """Send half of the file without saying how long it is."""
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(content[: len(content) // 2])


def stall(seconds):
    """Send half of the file, then nothing for some time."""

    def trick(handler, content):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[: len(content) // 2])
        handler.wfile.flush()
        time.sleep(seconds)

    return trick


def slowly(seconds):
    """Send the file in two halves with a pause between them."""

    def trick(handler, content):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[: len(content) // 2])
        handler.wfile.flush()
        time.sleep(seconds)
        handler.wfile.write(content[len(content) // 2 :])

    return trick


def wrong_bytes(handler, content):
    """Send another file of the same length."""
    well(handler, bytes(255 - byte for byte in content))


def endless(handler, content):
    """Send without end."""
    handler.send_response(200)
    handler.end_headers()
    for _ in range(10_000):
        handler.wfile.write(bytes(65536))


def other_range(handler, content):
    """Send another part than was asked for."""
    handler.send_response(206)
    handler.send_header("Content-Range", f"bytes 0-{len(content) - 1}/{len(content)}")
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)


def hang_up(handler, content):
    """Close the connection without an answer."""
