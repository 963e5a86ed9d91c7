"""The load: reports at a constant rate. Each is in the ledger before it is produced. It survives restarts of the broker.

The producer is idempotent with acks=all and retries until it is acknowledged, so Kafka stores each record once and in
order. While the broker is unavailable the load waits, and it does not catch up afterwards.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import islice
from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaProducer
from msgspec import Struct

from router.domain.intake.normalise import RECEIVED_AT
from router.kafka.connecting import connect_options
from router.simulator.messages import SourceMessage, rfc3339
from router.wire.partitioning import partition_for_key
from router.wire.topic_names import Names
from tests.chaos.ledger import NUMBER, Entry, Ledger

SLOT_S = 0.05
MAX_IN_FLIGHT = 4000
"""Maximum number of unacknowledged records."""
BATCH_BYTES = 256 << 10
"""A full batch of a partition whose leader is away would hold up all others."""
REQUEST_TIMEOUT_MS = 180_000
"""Longer than the broker is unavailable."""
RECEIVED_AGO = timedelta(hours=1) - timedelta(seconds=8)
"""Age of the receipt time in the header: merge windows of one hour end 8 s after the report is sent. A run ends when all have ended."""


class Sending(Struct, frozen=True):
    """A message, the key of its record, and perhaps its timestamp in ms, for a topic that takes those of producers."""

    message: SourceMessage
    key: bytes | None
    timestamp: int | None = None


KeyOf = Callable[[SourceMessage], bytes | None]


def own_id(message: SourceMessage) -> bytes:
    """The key that a network must send."""
    return message.source_id.encode()


class Load:
    """Sends messages until the context ends.

    Args:
        ledger: gets an entry before each record is sent.
        bootstrap: `host:port` of the broker, without the proxy.
        names: topic names of the deployment.
        partitions: of every network's topic.
        messages: endless source of messages.
        per_second: messages a second.
    """

    def __init__(
        self,
        ledger: Ledger,
        bootstrap: str,
        names: Names,
        *,
        partitions: int,
        messages: Iterable[SourceMessage],
        per_second: int,
    ) -> None:
        self.ledger, self._bootstrap, self._names, self._partitions = ledger, bootstrap, names, partitions
        self._messages, self._per_slot = iter(messages), max(1, round(per_second * SLOT_S))
        self._extra: deque[Sending] = deque()
        self.key_of: KeyOf = own_id
        """The key of each message of the load, in its thread."""
        self._networks: set[str] = set()
        """That have sent a record."""
        self.grown: dict[str, int] = {}
        """Network -> partitions of its topic, if some were added."""
        self._stop, self._held, self._resting = threading.Event(), threading.Event(), threading.Event()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="load")
        self._running: Future[None] | None = None

    def __enter__(self) -> Self:
        self._running = self._pool.submit(lambda: asyncio.run(self._run()))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop sending, and wait until Kafka has acknowledged everything. Raises the error that ended the load."""
        self._stop.set()
        self._pool.shutdown()
        if self._running is not None:
            self._running.result()

    def hold(self) -> None:
        """Send nothing more until `go_on`; returns when Kafka has acknowledged everything."""
        self._held.set()
        while not self._resting.wait(SLOT_S):
            self.check()

    def go_on(self) -> None:
        """Send again."""
        self._resting.clear()
        self._held.clear()

    def check(self) -> None:
        """Raise the error that ended the load, if there is one."""
        if self._running is not None and self._running.done():
            self._running.result()

    def send(self, sendings: Iterable[Sending]) -> None:
        """Send these, in addition to the load and in this order."""
        self._extra.extend(sendings)

    @property
    def sending(self) -> bool:
        """Whether some of these are left to send."""
        return bool(self._extra)

    async def _run(self) -> None:
        producer = AIOKafkaProducer(
            **connect_options(self._bootstrap),
            acks="all",
            enable_idempotence=True,
            linger_ms=5,
            max_batch_size=BATCH_BYTES,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            retry_backoff_ms=50,
        )
        await producer.start()
        try:
            due = time.monotonic()
            while not self._stop.is_set():
                if self._held.is_set():
                    await self._rest(producer)
                    due = time.monotonic()
                usual = [Sending(one, self.key_of(one)) for one in islice(self._messages, self._per_slot)]
                await self._send(producer, [*usual, *self._next_extra()])
                due = max(due + SLOT_S, time.monotonic())
                await asyncio.sleep(due - time.monotonic())
            await producer.flush()
            while self.ledger.kept < self.ledger.sent:
                await asyncio.sleep(SLOT_S)
        finally:
            await producer.stop()

    async def _rest(self, producer: AIOKafkaProducer) -> None:
        """Send nothing, with everything acknowledged, while the load is held."""
        await producer.flush()
        while self._held.is_set() and not self._stop.is_set():
            if self.ledger.kept == self.ledger.sent:
                self._resting.set()
            await asyncio.sleep(SLOT_S)
        for network in self._networks:
            await self._await_partitions(producer, network)

    async def _await_partitions(self, producer: AIOKafkaProducer, network: str) -> None:
        """Wait until the producer knows every partition: while it rested, the topic may have been made again, or have grown."""
        topic, cluster = self._names.reports(network), producer.client.cluster
        while not self._stop.is_set() and len(cluster.partitions_for_topic(topic) or ()) < self.grown.get(
            network, self._partitions
        ):
            await producer.client.force_metadata_update()
            await asyncio.sleep(SLOT_S)

    def _next_extra(self) -> Iterator[Sending]:
        for _ in range(min(4 * self._per_slot, len(self._extra))):
            yield self._extra.popleft()

    async def _send(self, producer: AIOKafkaProducer, sendings: list[Sending]) -> None:
        while self.ledger.sent - self.ledger.kept > MAX_IN_FLIGHT:
            await asyncio.sleep(SLOT_S)
        received = rfc3339(datetime.now(UTC) - RECEIVED_AGO).encode()
        entries = self.ledger.enter([one.message for one in sendings], [one.key for one in sendings])
        self._networks |= {one.message.network for one in sendings}
        for entry, one in zip(entries, sendings, strict=True):
            kept = await producer.send(
                self._names.reports(one.message.network),
                one.message.value,
                key=one.key,
                partition=self._partition(entry, one.key),
                timestamp_ms=one.timestamp,
                headers=[(RECEIVED_AT, received), (NUMBER, str(entry.number).encode())],
            )
            kept.add_done_callback(self._on_acknowledged(entry))

    def _partition(self, entry: Entry, key: bytes | None) -> int:
        """As Kafka's partitioner chooses it; in turn for a record without key."""
        partitions = self.grown.get(entry.network, self._partitions)
        return entry.number % partitions if key is None else partition_for_key(key, partitions)

    def _on_acknowledged(self, entry: Entry):
        def acknowledge(done: "asyncio.Future[object]") -> None:
            metadata = done.result()  # an idempotent producer fails only for good
            self.ledger.acknowledge(entry.number, metadata.topic, metadata.partition, metadata.offset)

        return acknowledge
