"""Every private name of aiokafka and Faust that the router uses, in one file.

Read in aiokafka 0.14.0 and faust-streaming 0.15.3. `pyproject.toml` pins both below their next minor version. A test checks
that each name of `CLASS_NAMES` and `INSTANCE_NAMES` exists, so that an upgrade fails there and not in production.
"""

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer import fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import Subscription, SubscriptionState
from aiokafka.errors import KafkaError
from aiokafka.producer.sender import Sender
from aiokafka.record import default_records
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy
from aiokafka.structs import OffsetAndMetadata
from faust import App, Worker
from faust.transport.drivers import aiokafka as faust_driver

PyRecordBatch = _DefaultRecordBatchPy
"""aiokafka's record batch in pure Python. The compiled one cannot be subclassed to decode header names leniently."""
PyMemoryRecords = _MemoryRecordsPy
"""aiokafka's list of fetched batches in pure Python, which yields batches of the class above."""
BasePartitionRecords = fetcher.PartitionRecords
"""aiokafka's iterator over the records of one fetched partition."""

CLASS_NAMES: Mapping[Any, tuple[str, ...]] = {
    fetcher: ("MemoryRecords", "PartitionRecords"),
    fetcher.PartitionRecords: ("_unpack_records",),
    default_records: ("gzip_decode", "snappy_decode", "lz4_decode", "zstd_decode"),
    sys.modules[default_records.DefaultRecordBatch.__module__]: (
        "gzip_decode",
        "snappy_decode",
        "lz4_decode",
        "zstd_decode",
    ),
    _MemoryRecordsPy: ("_cache_next",),
    _DefaultRecordBatchPy: ("_maybe_uncompress",),
    Sender: ("sender_task",),
    AIOKafkaClient: ("force_metadata_update",),
    GroupCoordinator: ("_do_commit_offsets",),
    SubscriptionState: ("reassignment_in_progress", "subscription"),
    Subscription: ("assignment",),
    faust_driver.AIOKafkaConsumerThread: ("_create_worker_consumer", "_ensure_consumer"),
    faust_driver.Consumer: (
        "_new_consumer_thread",
        "_getmany",
        "_wait_next_records",
        "perform_seek",
        "verify_event_path",
    ),
    App: ("_new_transport",),
    Worker: ("_schedule_shutdown",),
}
"""Attributes of modules and classes that the router calls, replaces or overrides."""
INSTANCE_NAMES: Mapping[Any, tuple[str, ...]] = {
    AIOKafkaProducer: ("_sender",),
    AIOKafkaConsumer: ("_client", "_coordinator", "_subscription", "_isolation_level", "_fetch_max_wait_ms"),
    GroupCoordinator: ("coordinator_id",),
    _MemoryRecordsPy: ("_next_slice",),
    _DefaultRecordBatchPy: ("_buffer",),
    fetcher.PartitionRecords: ("_tp", "_records", "_records_iterator", "next_fetch_offset"),
}
"""Attributes that `__init__` sets."""


def set_fetch_options(consumer: AIOKafkaConsumer, *, isolation_level: str, fetch_max_wait_ms: int) -> None:
    """Set two options of a consumer that has not started. aiokafka 0.14.0 passes them to the fetcher at start.

    Faust creates the consumer. It sets `isolation_level` only in its own transactional mode, and it has no setting for
    `fetch_max_wait_ms`.
    """
    consumer._isolation_level = isolation_level
    consumer._fetch_max_wait_ms = fetch_max_wait_ms


async def commit_offsets_once(
    consumer: AIOKafkaConsumer, offsets: Mapping[TopicPartition, int], timeout_s: float
) -> bool:
    """Commit offsets in the consumer group with one request; False when the group did not take them.

    The public `commit` of aiokafka 0.14.0 retries, and waits for a coordinator. A commit that is queued behind a JoinGroup
    belongs to a generation that has ended; aiokafka then joins again, without end. So nothing is sent during a rebalance or
    without a coordinator, and a failed commit is not retried.
    """
    group, subscription = consumer._coordinator, consumer._subscription
    if group is None or subscription.reassignment_in_progress or group.coordinator_id is None:
        return False
    assigned = consumer.assignment()
    commits = {tp: OffsetAndMetadata(offset, "") for tp, offset in offsets.items() if tp in assigned}
    if not commits:
        return False
    try:
        async with asyncio.timeout(timeout_s):
            await group._do_commit_offsets(subscription.subscription.assignment, commits)
    except (KafkaError, TimeoutError):
        return False
    return True


async def refresh_metadata(consumer: AIOKafkaConsumer) -> bool:
    """Request the cluster metadata from any broker; whether one answered.

    The consumer of aiokafka 0.14.0 has no public call that sends a request of this size.
    """
    return bool(await consumer._client.force_metadata_update())


async def close_producer(producer: AIOKafkaProducer) -> None:
    """Stop a producer in any state, and close its connections.

    `stop` of aiokafka 0.14.0 raises for a fenced producer before it closes its sockets. When `stop` is cancelled, the task
    that sends batches goes on for ever. So that task is cancelled here.

    Raises:
        KafkaError: the producer was fenced, or has failed. Its connections are closed all the same.
    """
    try:
        await producer.stop()
    finally:
        task = producer._sender.sender_task
        if task is not None:
            task.cancel()
        await producer.client.close()


def install_decoders(decoders: Mapping[str, Any]) -> None:
    """Make every consumer of this process unpack batches with these functions.

    Both forms of aiokafka's record batch look them up as globals of their module, the compiled one and the one in Python.

    Args:
        decoders: name in those modules -> function.
    """
    for module in (default_records, sys.modules[default_records.DefaultRecordBatch.__module__]):
        for name, decode in decoders.items():
            setattr(module, name, decode)


def install_fetch_decoder(memory_records: Any, partition_records: Any) -> None:
    """Make every consumer of this process decode its fetches with these two classes.

    The fetcher of aiokafka 0.14.0 looks both names up in its module and offers no other way to replace them.
    """
    fetcher.MemoryRecords = memory_records
    fetcher.PartitionRecords = partition_records
