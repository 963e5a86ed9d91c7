"""Blocking Kafka clients of the simulator, whose failures become sentences."""

from collections.abc import Iterator
from contextlib import contextmanager

from kafka import KafkaAdminClient, KafkaConsumer
from kafka.errors import KafkaError

from router.wire.errors import START_KAFKA, BrokerError


@contextmanager
def consumer_of(bootstrap: str) -> Iterator[KafkaConsumer]:
    """A consumer without a group that sees committed records only.

    Raises:
        BrokerError: no Kafka answers there, or it stops answering.
    """
    consumer = None
    try:
        consumer = KafkaConsumer(
            bootstrap_servers=bootstrap.split(","),
            group_id=None,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            fetch_max_wait_ms=100,
            fetch_max_bytes=32 << 20,
            max_partition_fetch_bytes=4 << 20,
            metrics_enabled=False,
        )
        yield consumer
    except KafkaError as error:
        raise _away(bootstrap, error) from error
    finally:
        if consumer is not None:
            consumer.close(autocommit=False, timeout_ms=1000)


@contextmanager
def admin_of(bootstrap: str) -> Iterator[KafkaAdminClient]:
    """An admin client. Raises BrokerError when no Kafka answers there."""
    admin = None
    try:
        admin = KafkaAdminClient(bootstrap_servers=bootstrap.split(","))
        yield admin
    except KafkaError as error:
        raise _away(bootstrap, error) from error
    finally:
        if admin is not None:
            admin.close()


def _away(bootstrap: str, error: KafkaError) -> BrokerError:
    return BrokerError(
        f"Kafka does not answer ({type(error).__name__})",
        where=bootstrap,
        hint=START_KAFKA,
    )
