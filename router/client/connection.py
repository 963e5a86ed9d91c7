"""How the client connects: addresses, namespace, patience. The only place where options of a connection are made."""

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError
from msgspec import Struct

from router.kafka.blocking import FETCH_BYTES, PARTITION_FETCH_BYTES, prepare_consumers
from router.kafka.connecting import connect_options
from router.wire.errors import InputError
from router.wire.security import Security, security_for
from router.wire.settings import Settings
from router.wire.topic_names import Names

LOOK_MS = 5000
"""How long one attempt looks for a broker."""
RECONNECT_MS = 2000
"""Longest pause between two attempts to connect to a broker that was known."""
DELIVERY_MS = 30_000
"""How long one attempt to send an answer lasts."""
REQUEST_MS = 10_000
MAX_BLOCK_MS = 5000
"""How long a producer looks for a topic that it does not know."""
SESSION_MS = 10_000
"""After this time without a sign of life, the group gives the partitions of a killed member to others, or to it after its restart."""
_used: "set[Connection]" = set()
"""Those whose settings could be used once in this process."""
log = logging.getLogger("router.client")


class Connection(Struct, frozen=True, kw_only=True):
    """Where Kafka is, and how long to wait for it."""

    kafka: str
    """Addresses of the cluster, `host:port[,host:port]`."""
    security: Security | None = None
    """How it authenticates; None: as the settings `GRID_ROUTER_KAFKA_*` say."""
    namespace: str = ""
    """Prefix of every topic and group, e.g. `drill.`; empty in production."""
    client_id: str = "grid-router-client"
    """Name in the broker's logs and quotas."""
    patience_s: float | None = None
    """How long to wait for a cluster that does not answer; None: until it does, or the client is stopped."""

    @classmethod
    def from_environment(cls, *, patience_s: float | None = None) -> "Connection":
        """The connection that the settings of the router name: `GRID_ROUTER_KAFKA`, `GRID_ROUTER_KAFKA_*`, `GRID_ROUTER_NAMESPACE`.

        Raises:
            InputError: no cluster is named.
        """
        settings = Settings()
        if settings.kafka is None:
            raise InputError("no cluster is named", where="GRID_ROUTER_KAFKA", hint="set it to host:port of a broker")
        return cls(kafka=settings.kafka, namespace=settings.namespace, patience_s=patience_s)

    @property
    def user(self) -> str:
        """As whom it comes; empty without a user, and when the settings cannot be used at the moment."""
        with suppress(InputError):
            return (self.security or security_for(self.kafka)).user
        return ""

    @property
    def names(self) -> Names:
        """The names of topics."""
        return Names(self.namespace)

    def options(self) -> dict[str, Any]:
        """What every Kafka client of a department gets. Nothing else of this package says how to connect.

        Raises:
            InputError: the settings cannot be used.
            KafkaError: they could be used before. A password file that is replaced is gone for a moment, and a department that runs
                waits for it as it waits for the cluster.
        """
        try:
            authenticated = connect_options(self.kafka, self.security)
        except InputError as error:
            if self not in _used:
                raise
            log.error("a client of Kafka cannot be opened: %s", error)  # noqa: TRY400 - the sentence says it all
            raise KafkaError(str(error)) from None
        _used.add(self)
        return {
            **authenticated,
            "client_id": self.client_id,
            "bootstrap_timeout_ms": LOOK_MS,
            "reconnect_backoff_max_ms": RECONNECT_MS,
            "metrics_enabled": False,
        }


def open_consumer(connection: Connection, group: str | None) -> KafkaConsumer:
    """A consumer that reads committed records only, commits only on request, and buffers a bounded number of bytes.

    Args:
        connection: of the department.
        group: its consumer group; None: it belongs to none.

    Raises:
        InputError, KafkaError: as `Connection.options`; KafkaError also when no broker answers.
    """
    prepare_consumers()
    return _opened(
        KafkaConsumer,
        **connection.options(),
        group_id=group,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        allow_auto_create_topics=False,
        fetch_max_wait_ms=200,
        request_timeout_ms=REQUEST_MS,
        session_timeout_ms=SESSION_MS,
        heartbeat_interval_ms=SESSION_MS // 4,
        fetch_max_bytes=FETCH_BYTES,
        max_partition_fetch_bytes=PARTITION_FETCH_BYTES,
    )


def open_producer(connection: Connection) -> KafkaProducer:
    """A producer whose records all replicas in sync have when it says so, once each, in order.

    Raises:
        InputError, KafkaError: as `Connection.options`; KafkaError also when no broker answers.
    """
    return _opened(
        KafkaProducer,
        **connection.options(),
        acks="all",
        enable_idempotence=True,
        allow_auto_create_topics=False,
        delivery_timeout_ms=DELIVERY_MS,
        request_timeout_ms=REQUEST_MS,
        max_block_ms=MAX_BLOCK_MS,
    )


def _opened(kind: Callable[..., Any], **options: Any) -> Any:
    """A client that has found a broker. One that has not would keep its thread: each attempt would leave one behind."""
    networks: list[Any] = []

    def network(**more: Any) -> Any:
        networks.append(KafkaConsumer.DEFAULT_CONFIG["kafka_client"](**more))
        return networks[-1]

    try:
        return kind(**options, kafka_client=network)
    except BaseException:
        for one in networks:
            one.close()
        raise
