"""Blocking Kafka clients (kafka-python) for commands and the simulator. A worker of the stream must not use them."""

from collections.abc import Iterator
from contextlib import contextmanager

from kafka import KafkaAdminClient, KafkaConsumer, codec
from kafka.errors import KafkaError
from kafka.record import default_records

from router.kafka.blocking_internals import finish_joins, go_on_after_pauses
from router.kafka.connecting import connect_options
from router.kafka.rejection import unreachable
from router.kafka.unpacking import DECODERS, UnpackError
from router.wire.errors import BrokerError
from router.wire.security import Security

MAX_POLL_RECORDS = 2000
CONNECT_MS = 5000
"""How long a command looks for a broker."""
PATIENT_MS = 30_000
"""How long a long-running process looks for a broker."""
BROKERS_ASKED = 3
"""For a first answer: two of them may have died a moment ago."""
READ_BEHIND = "the worker's log names its offsets; read what comes later with --from"
FETCH_BYTES, PARTITION_FETCH_BYTES = 32 << 20, 4 << 20


@contextmanager
def open_consumer(bootstrap: str, *, connect_ms: int = CONNECT_MS) -> Iterator[KafkaConsumer]:
    """A consumer without a group that reads committed records only.

    Args:
        bootstrap: `host:port` list of the cluster.
        connect_ms: how long to look for a broker.

    Raises:
        BrokerError: no Kafka answers there, or it stops answering.
    """
    prepare_consumers()
    consumer = None
    try:
        consumer = KafkaConsumer(
            **connect_options(bootstrap),
            group_id=None,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            max_poll_records=MAX_POLL_RECORDS,
            fetch_max_wait_ms=100,
            fetch_max_bytes=FETCH_BYTES,
            max_partition_fetch_bytes=PARTITION_FETCH_BYTES,
            bootstrap_timeout_ms=connect_ms,
            metrics_enabled=False,
        )
        yield consumer
    except KafkaError as error:
        raise unreachable(bootstrap, error) from error
    except UnpackError as error:
        raise BrokerError(f"a compressed batch of records {error}", where=bootstrap, hint=READ_BEHIND) from error
    finally:
        if consumer is not None:
            consumer.close(autocommit=False, timeout_ms=1000)


def prepare_consumers() -> None:
    """Make every consumer of this process read all four codecs within a bound of memory, and go on after pauses and joins."""
    # kafka-python looks the functions up in these two modules
    for name, decode in DECODERS.items():
        setattr(default_records, name, decode)
    codec.has_snappy = codec.has_lz4 = codec.has_zstd = lambda: True
    go_on_after_pauses()
    finish_joins()


@contextmanager
def open_admin(bootstrap: str) -> Iterator[KafkaAdminClient]:
    """An admin client. Raises BrokerError when no Kafka answers there."""
    admin = None
    try:
        admin = admin_client(bootstrap, request_ms=PATIENT_MS, connect_ms=PATIENT_MS)
        yield admin
    except KafkaError as error:
        raise unreachable(bootstrap, error) from error
    finally:
        if admin is not None:
            admin.close()


def admin_client(
    bootstrap: str, *, request_ms: int, connect_ms: int, security: Security | None = None
) -> KafkaAdminClient:
    """An admin client to which a broker has answered.

    The metadata names a broker that has just died until its session ends, and the client sends its first request to any of
    them. Later ones go to the broker that has answered. So this asks until one does; one that did not is not asked again.

    Args:
        bootstrap: `host:port` list of the cluster.
        request_ms: limit of one request.
        connect_ms: how long to look for a broker.
        security: how it authenticates; None: as the settings say.

    Raises:
        KafkaError: none answers.
        InputError: the settings of the connection cannot be used.
    """
    admin = KafkaAdminClient(
        **connect_options(bootstrap, security), request_timeout_ms=request_ms, bootstrap_timeout_ms=connect_ms
    )
    try:
        _await_answer(admin)
    except BaseException:
        admin.close()
        raise
    return admin


def _await_answer(admin: KafkaAdminClient) -> None:
    for left in reversed(range(BROKERS_ASKED)):
        try:
            admin.describe_topics([])  # of no topic: the smallest request that any broker answers
        except KafkaError:
            if not left:
                raise
        else:
            return
