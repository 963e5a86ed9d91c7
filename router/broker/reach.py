"""Is a cluster reachable? First a plain TCP connection, which is cheap, then a Kafka request."""

import socket

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

CONNECT_SECONDS = 2.0
ANSWER_MS = 2_000


def listens(bootstrap: str) -> bool:
    """Whether something accepts connections at one of the addresses `host:port[,host:port]`.

    Call it before creating a Kafka client, because kafka-python leaks sockets when its first connection fails.
    """
    return any(_accepts(address) for address in bootstrap.split(","))


def answers(bootstrap: str) -> bool:
    """Whether a Kafka broker at one of the addresses answers a request."""
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
