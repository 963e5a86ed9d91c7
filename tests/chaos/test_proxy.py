"""The proxy forwards, delays, resets and half-opens connections."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.chaos.proxy import Proxy
from tests.support.broker import free_ports


@pytest.fixture
def echo() -> Iterator[str]:
    """A server that echoes every byte."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

        def answer(connection: socket.socket) -> None:
            with connection:
                try:
                    while data := connection.recv(1024):
                        connection.sendall(data)
                except OSError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


@pytest.fixture
def proxy(echo: str) -> Iterator[tuple[Proxy, socket.socket]]:
    """A proxy in front of the echo server, and a connection through it."""
    port = free_ports(1)
    with Proxy(f"127.0.0.1:{port}", echo) as proxy, socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.settimeout(10)
        yield proxy, connection


def echoed(connection: socket.socket, word: bytes) -> bytes:
    connection.sendall(word)
    return connection.recv(1024)


def test_bytes_are_forwarded_and_delayed_in_both_directions(proxy: tuple[Proxy, socket.socket]) -> None:
    through, connection = proxy
    assert echoed(connection, b"hello") == b"hello"
    through.delay_s = 0.2
    begun = time.monotonic()
    assert echoed(connection, b"slow") == b"slow"
    assert time.monotonic() - begun >= 0.4


def test_a_half_open_connection_is_silent_until_the_proxy_heals(proxy: tuple[Proxy, socket.socket]) -> None:
    through, connection = proxy
    assert echoed(connection, b"hello") == b"hello"
    through.half_open()
    connection.settimeout(0.3)
    with pytest.raises(TimeoutError):
        echoed(connection, b"not delivered yet")
    connection.settimeout(10)
    through.heal()
    assert connection.recv(1024) == b"not delivered yet"


def test_a_cut_connection_is_reset_and_a_new_one_is_accepted(proxy: tuple[Proxy, socket.socket]) -> None:
    through, connection = proxy
    assert echoed(connection, b"hello") == b"hello"
    address = connection.getpeername()
    through.cut()
    with pytest.raises(ConnectionResetError):
        connection.recv(1024)
    with socket.create_connection(address, 10) as again:
        assert echoed(again, b"again") == b"again"
    assert through.connections == 2
