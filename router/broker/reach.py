"""Whether a cluster can be reached: first a bare connection, which costs nothing, then a real Kafka request."""

import socket

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

CONNECT_SECONDS = 2.0
ANSWER_MS = 2_000


def listens(bootstrap: str) -> bool:
    """Whether something accepts connections at one of the addresses `host:port[,host:port]`.

    Asked before a Kafka client is made, because kafka-python leaks its sockets when its first connection fails.
    """
    return any(_accepts(address) for address in bootstrap.split(","))


def answers(bootstrap: str) -> bool:
    """Whether a Kafka broker answers a real request there."""
    if not listens(bootstrap):
        return False
    try:
        admin = KafkaAdminClient(
            bootstrap_servers=bootstrap.split(","), request_timeout_ms=ANSWER_MS, bootstrap_timeout_ms=ANSWER_MS
        )
    except (KafkaError, OSError, ValueError):
        return False
    try:
        admin.list_topics()
    except (KafkaError, OSError):
        return False
    finally:
        admin.close()
    return True


def _accepts(address: str) -> bool:
    host, _, port = address.strip().rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except (OSError, ValueError, OverflowError):
        return False
    return True
