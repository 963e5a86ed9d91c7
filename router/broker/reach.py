"""Is a cluster reachable? First a plain TCP connection, which is cheap, then a Kafka request."""

import socket

from kafka.errors import KafkaError

from router.kafka.blocking import admin_client
from router.wire.security import Security

CONNECT_SECONDS = 2.0
ANSWER_MS = 2_000
LONGEST_ANSWER_MS = 32_000


def listens(bootstrap: str) -> bool:
    """Whether something accepts connections at one of the addresses `host:port[,host:port]`.

    Call it before creating a Kafka client, because kafka-python leaks sockets when its first connection fails.
    """
    return any(_accepts(address) for address in bootstrap.split(","))


def answers(bootstrap: str, limit_ms: int = ANSWER_MS, security: Security | None = None) -> bool:
    """Whether a Kafka broker at one of the addresses answers a request within the limit."""
    if not listens(bootstrap):
        return False
    try:
        admin_client(bootstrap, request_ms=limit_ms, connect_ms=limit_ms, security=security).close()
    except (KafkaError, OSError, ValueError):
        return False
    return True


class PatientAnswer:
    """Asks a broker that starts whether it answers, and gives it twice the time after each question without an answer.

    A broker that listens can need longer than any constant limit for its first answer, when the machine is loaded.
    """

    def __init__(self, bootstrap: str, security: Security | None = None) -> None:
        self._bootstrap, self._security, self._limit_ms = bootstrap, security, ANSWER_MS

    def __call__(self) -> bool:
        """Whether it answers now."""
        if not listens(self._bootstrap):
            return False
        if answers(self._bootstrap, self._limit_ms, self._security):
            return True
        self._limit_ms = min(2 * self._limit_ms, LONGEST_ANSWER_MS)
        return False


def _accepts(address: str) -> bool:
    host, _, port = address.strip().rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except (OSError, ValueError, OverflowError):
        return False
    return True
