"""An HTTP server in threads that slow, large or many requests cannot exhaust.

Any client of the port may send anything. So a connection has a deadline, a request a size, and the server a number of connections:
when all are taken, the oldest one is closed. A real request takes some milliseconds, so it is never that one.
"""

import socket
import threading
import time
from contextlib import suppress
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler

from prometheus_client.exposition import ThreadingWSGIServer

CONNECTION_S = 10.0
"""How long a connection may last. A scraper on a slow line reads 200 KB of metrics in less."""
CONNECTIONS = 32
REQUEST_BYTES = 16 << 10
"""Most bytes of a request, with its headers. Nothing reads a body."""


class RequestTooLargeError(ConnectionError):
    """A client sends more than REQUEST_BYTES."""


class _BoundedReader:
    """The request as the handler reads it: line by line."""

    def __init__(self, source: Any) -> None:
        self._source, self._left = source, REQUEST_BYTES

    def readline(self, size: int = -1) -> bytes:
        most = self._left + 1 if size < 0 else min(size, self._left + 1)
        line: bytes = self._source.readline(most)
        self._left -= len(line)
        if self._left < 0:
            raise RequestTooLargeError
        return line

    def close(self) -> None:
        self._source.close()


class BoundedHandler(WSGIRequestHandler):
    """Answers one request of bounded size."""

    timeout = CONNECTION_S

    def setup(self) -> None:
        """Bound what is read of the connection."""
        super().setup()
        self.rfile: Any = _BoundedReader(self.rfile)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - wsgiref's signature
        """Log nothing: requests are frequent."""


class BoundedServer(ThreadingWSGIServer):
    """Closes connections that last too long, and the oldest one when there are too many."""

    request_queue_size = CONNECTIONS

    def __init__(self, *args: Any, **options: Any) -> None:
        self._opened: dict[socket.socket, float] = {}
        """Connection -> when it was opened, the oldest first."""
        self._lock = threading.Lock()
        super().__init__(*args, **options)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer a request in a thread of its own."""
        with self._lock:
            while len(self._opened) >= CONNECTIONS:
                self._end(next(iter(self._opened)))
            self._opened[request] = time.monotonic()
        super().process_request(request, client_address)

    def service_actions(self) -> None:
        """Close connections past their deadline; the server calls this twice a second."""
        with self._lock:
            for request, begun in list(self._opened.items()):
                if time.monotonic() - begun < CONNECTION_S:
                    break
                self._end(request)

    def _end(self, request: socket.socket) -> None:
        """Let the thread of a connection end: its next read or write fails."""
        self._opened.pop(request, None)
        with suppress(OSError):
            request.shutdown(socket.SHUT_RDWR)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection whose thread ends."""
        with self._lock:
            self._opened.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: the client broke the connection, or the server did."""
