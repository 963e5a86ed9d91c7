"""Slow, large or many requests do not keep others from `/health` and `/metrics`."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Gauge

from router.stream.health import bounded_server
from router.stream.health.bounded_server import CONNECTIONS, REQUEST_BYTES, BoundedServer
from router.stream.health.http_server import fetch_health, serve
from router.stream.health.verdict import HealthReport, HealthSnapshot
from tests.support.broker import free_ports
from tests.support.patience import PATIENCE_S

HOST = "127.0.0.1"


@pytest.fixture
def server() -> Iterator[BoundedServer]:
    registry = CollectorRegistry()
    Gauge("up", "Whether it is up.", registry=registry).set(1)
    server = serve(registry, lambda: (HealthSnapshot(), HealthReport("ok")), HOST, free_ports(1))
    yield server
    server.shutdown()
    server.server_close()


def connected(server: BoundedServer, sent: bytes = b"") -> socket.socket:
    client = socket.create_connection((HOST, server.server_port), timeout=PATIENCE_S)
    client.sendall(sent)
    return client


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def answer(client: socket.socket) -> bytes:
    """Everything until the server closes the connection."""
    parts = []
    with suppress(ConnectionError):
        while part := client.recv(65536):
            parts.append(part)
    return b"".join(parts)


def healthy(server: BoundedServer) -> bool:
    page: Any = fetch_health(HOST, server.server_port)
    return page is not None and page["status"] == "ok"


def test_both_paths_are_answered(server: BoundedServer) -> None:
    assert healthy(server)
    assert b"up 1.0" in answer(connected(server, b"GET /metrics HTTP/1.0\r\n\r\n"))


def test_connections_that_send_nothing_do_not_shut_others_out(server: BoundedServer) -> None:
    threads = threading.active_count()
    idle = [connected(server, b"GET /health HTTP/1.1\r\n") for _ in range(3 * CONNECTIONS)]
    until(lambda: healthy(server))
    until(lambda: threading.active_count() <= threads + CONNECTIONS)
    assert len(server._opened) <= CONNECTIONS
    assert answer(idle[0]) == b"", "the oldest were closed"
    for client in idle:
        client.close()


def test_a_client_that_is_slow_without_end_is_closed(server: BoundedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = connected(server, b"GET /health HTTP/1.1\r\nX: ")
    monkeypatch.setattr(bounded_server, "CONNECTION_S", 0.1)
    assert answer(slow) == b""
    until(lambda: not server._opened)


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /" + b"a" * REQUEST_BYTES + b" HTTP/1.1\r\n\r\n",
        b"GET /health HTTP/1.1\r\nX: " + b"a" * REQUEST_BYTES + b"\r\n\r\n",
        b"GET /health HTTP/1.1\r\n" + b"X: 1\r\n" * REQUEST_BYTES + b"\r\n",
    ],
    ids=["path", "header", "headers"],
)
def test_a_large_request_is_not_read_to_its_end(
    server: BoundedServer, request_: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    client = connected(server)
    with suppress(ConnectionError):
        client.sendall(request_)
    assert b"200 OK" not in answer(client)
    assert healthy(server)
    assert capfd.readouterr().err == ""


def test_a_body_is_not_read(server: BoundedServer) -> None:
    begin = b"POST /health HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\n"
    assert b'"status":"ok"' in answer(connected(server, begin))
