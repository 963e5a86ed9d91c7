"""Why a cluster lets a client not in: with servers of other protocols; `tests/stream/test_secured.py` has the broker's own."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from kafka.errors import GroupAuthorizationFailedError, KafkaTimeoutError, TopicAuthorizationFailedError

from router.kafka.rejection import rejection, unreachable
from router.wire.security import Security
from tests.support.certificates import made

SASL = Security(protocol="SASL_PLAINTEXT", user="police", password="secret")


@contextmanager
def server(answer: Callable[[socket.socket], object]) -> Iterator[str]:
    """A server of one connection; its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                try:
                    answer(connection)
                except OSError:
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        host, port = listening.getsockname()
        yield f"{host}:{port}"
        thread.join(5)


def closes(connection: socket.socket) -> None:
    connection.recv(100)


def speaks_http(connection: socket.socket) -> None:
    connection.recv(100)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_an_address_where_none_answers_is_no_rejection() -> None:
    assert rejection("127.0.0.1:1,nonsense", SASL) is None
    error = unreachable("127.0.0.1:1", KafkaTimeoutError(), security=Security())
    assert "Kafka does not answer (KafkaTimeoutError)" in str(error)


@pytest.mark.parametrize("answer", [closes, speaks_http])
def test_who_does_not_speak_plain_kafka_is_named(answer: Callable[[socket.socket], object]) -> None:
    with server(answer) as address:
        assert str(rejection(address, Security())) == (
            f"{address}: the cluster rejects plain text; "
            "set GRID_ROUTER_KAFKA_PROTOCOL to SASL_SSL or SSL, as the cluster has it."
        )


@pytest.mark.parametrize("answer", [closes, speaks_http])
def test_who_speaks_no_tls_is_named(tmp_path: Path, answer: Callable[[socket.socket], object]) -> None:
    tls = Security(protocol="SSL", ca=made(tmp_path).ca)
    with server(answer) as address:
        assert str(rejection(address, tls)) == (
            f"{address}: the cluster speaks no TLS there, or another version of it; "
            "set GRID_ROUTER_KAFKA_PROTOCOL to PLAINTEXT or SASL_PLAINTEXT, or correct the port."
        )


def test_a_certificate_of_another_authority_or_name_is_named(tmp_path: Path) -> None:
    own, other = made(tmp_path / "own"), made(tmp_path / "other")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own.broker)

    def encrypted(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            wrapped.recv(100)

    with server(encrypted) as address:
        assert "the cluster's certificate is not trusted (" in str(
            rejection(address, Security(protocol="SSL", ca=other.ca))
        )


@pytest.mark.parametrize(
    ("error", "what"), [(TopicAuthorizationFailedError(), "topic"), (GroupAuthorizationFailedError(), "group")]
)
def test_a_right_that_is_missing_is_named_with_the_user(error: Exception, what: str) -> None:
    assert str(unreachable("127.0.0.1:1", error, security=SASL)) == (
        f"127.0.0.1:1: the user police has no right to this {what} ({type(error).__name__}); "
        "let the cluster's administrator give it, or set GRID_ROUTER_KAFKA_USER to one who has it."
    )
