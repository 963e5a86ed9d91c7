"""Every private name of aiokafka and Faust that the router uses, in one file; `abort.py` and `requests.py` use some of them without loading Faust.

Read in aiokafka 0.14.0 and faust-streaming 0.15.3. `pyproject.toml` pins both below their next minor version. A test checks
that each name of `CLASS_NAMES` and `INSTANCE_NAMES` exists, so that an upgrade fails there and not in production.
"""

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.consumer import fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import Subscription, SubscriptionState
from aiokafka.errors import (
    CoordinatorNotAvailableError,
    KafkaError,
    NotCoordinatorError,
    for_code,
)
from aiokafka.producer.message_accumulator import BatchBuilder, MessageAccumulator, MessageBatch
from aiokafka.producer.sender import EndTxnHandler, Sender
from aiokafka.producer.transaction_manager import TransactionManager
from aiokafka.record import default_records
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy
from aiokafka.structs import OffsetAndMetadata
from faust import App, Worker
from faust.transport.drivers import aiokafka as faust_driver

from router.kafka.requests import first_answer

OUTCOME_UNKNOWN = (CoordinatorNotAvailableError, NotCoordinatorError)
"""Answers to an EndTxn that say nothing about it: a coordinator that has moved away may have written the end to its log before."""
PyRecordBatch = _DefaultRecordBatchPy
"""aiokafka's record batch in pure Python. The compiled one cannot be subclassed to decode header names leniently."""
PyMemoryRecords = _MemoryRecordsPy
"""aiokafka's list of fetched batches in pure Python, which yields batches of the class above."""
BasePartitionRecords = fetcher.PartitionRecords
"""aiokafka's iterator over the records of one fetched partition."""

CLASS_NAMES: Mapping[Any, tuple[str, ...]] = {
    fetcher: ("MemoryRecords", "PartitionRecords"),
    fetcher.PartitionRecords: ("_consumer_record", "_unpack_records"),
    default_records: ("gzip_decode", "snappy_decode", "lz4_decode", "zstd_decode"),
    sys.modules[default_records.DefaultRecordBatch.__module__]: (
        "gzip_decode",
        "snappy_decode",
        "lz4_decode",
        "zstd_decode",
    ),
    _MemoryRecordsPy: ("_cache_next",),
    _DefaultRecordBatchPy: ("_maybe_uncompress",),
    Sender: ("sender_task", "_do_txn_commit", "_find_coordinator"),
    EndTxnHandler: ("create_request", "do", "group", "handle_response"),
    TransactionManager: ("complete_transaction", "fatal_error", "is_empty_transaction"),
    AIOKafkaClient: ("force_metadata_update", "send"),
    AIOKafkaAdminClient: ("_send_request",),
    GroupCoordinator: ("_do_commit_offsets", "request_rejoin"),
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
    AIOKafkaProducer: ("_sender", "_request_timeout_ms"),
    BatchBuilder: ("_builder", "_closed", "_relative_offset"),
    MessageAccumulator: ("_batches", "_pending_batches"),
    MessageBatch: ("_drain_waiter",),
    Sender: ("_acks", "_message_accumulator", "_retry_backoff", "_txn_manager", "client"),
    EndTxnHandler: ("_default_backoff", "_sender"),
    AIOKafkaConsumer: (
        "_client",
        "_coordinator",
        "_subscription",
        "_isolation_level",
        "_fetch_max_wait_ms",
        "_partition_assignment_strategy",
    ),
    AIOKafkaAdminClient: ("_client",),
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


def set_assignor(consumer: AIOKafkaConsumer, assignor: Any) -> None:
    """Set the only assignor of a consumer that has not started. Faust chooses round robin for an app without tables."""
    consumer._partition_assignment_strategy = [assignor]


def request_rejoin(consumer: AIOKafkaConsumer) -> None:
    """Have the consumer join its group again, so that the leader assigns all partitions again. aiokafka has no public call for it."""
    if consumer._coordinator is not None:
        consumer._coordinator.request_rejoin()


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


class AdminClient(AIOKafkaAdminClient):  # type: ignore[misc]
    """Asks one broker after the other until one answers.

    The metadata name a broker that has just died until its session ends, and aiokafka 0.14.0 asks any of them, once.
    """

    async def _send_request(self, request: Any, node_id: int | None = None) -> Any:
        if node_id is None:
            return await first_answer(self._client, request)
        return await super()._send_request(request, node_id)


class SingleEndTxnSender(Sender):  # type: ignore[misc]
    """Sends each EndTxn once, and fails for good when its answer does not arrive.

    The sender of aiokafka 0.14.0 sends EndTxn again after a transport error, in the same epoch, and reports success. The first
    one may still be on its way: delivered after the next begin, it ends the next transaction half-written. EndTxn below
    version 5 names no transaction, so only a new epoch (InitProducerId) makes the broker reject it.
    """

    async def _do_txn_commit(self, commit_result: Any) -> None:
        """End the transaction. aiokafka calls it when every batch of the transaction has its answer."""
        await self._message_accumulator.flush_for_commit()
        transactions = self._txn_manager
        if transactions.is_empty_transaction():
            transactions.complete_transaction()
            return
        node = await self._find_coordinator(CoordinationType.TRANSACTION, transactions.transactional_id)
        try:
            while not await _SingleEndTxn(self, commit_result).do(node):
                pass
        except KafkaError as failure:
            transactions.fatal_error(failure)


class _SingleEndTxn(EndTxnHandler):  # type: ignore[misc]
    """One EndTxn request."""

    async def do(self, node_id: int) -> bool:
        """Send it; False when the broker answered that it did nothing yet, so that it may be sent again.

        Raises:
            KafkaError: no answer, or one that does not say whether the transaction has ended.
        """
        response = await self._sender.client.send(node_id, self.create_request(), group=self.group)
        error = for_code(response.error_code)
        if error in OUTCOME_UNKNOWN:
            raise error
        backoff: float | None = self.handle_response(response)
        if backoff is None:
            return True
        await asyncio.sleep(backoff)
        return False


def end_transactions_once(producer: AIOKafkaProducer) -> None:
    """Give a producer that has not started a sender that never repeats an EndTxn whose answer is missing."""
    sender = producer._sender
    producer._sender = SingleEndTxnSender(
        sender.client,
        acks=sender._acks,
        txn_manager=sender._txn_manager,
        message_accumulator=sender._message_accumulator,
        retry_backoff_ms=sender._retry_backoff * 1000,
        request_timeout_ms=producer._request_timeout_ms,
    )


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


def append_record(
    builder: BatchBuilder, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]
) -> bool:
    """Append a record to a batch, with the time of now; False when the batch is closed, or is full, which closes it.

    `BatchBuilder.append` of aiokafka 0.14.0 does this, with two more calls for its serializers.
    """
    offset: int = builder._relative_offset
    if builder._closed:
        return False
    if builder._builder.append(offset, None, key, value, headers) is None:
        builder.close()
        return False
    builder._relative_offset = offset + 1
    return True


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
