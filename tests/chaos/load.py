"""The load: reports at a constant rate. Each is in the ledger before it is produced. It survives restarts of the broker.

The producer is idempotent with acks=all and retries until it is acknowledged, so Kafka stores each record once and in
order. While the broker is unavailable the load waits, and it does not catch up afterwards.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import islice
from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaProducer

from router.domain.intake.normalise import RECEIVED_AT
from router.simulator.messages import SourceMessage, rfc3339
from router.wire.partitioning import partition_for_key
from router.wire.topics import Names
from tests.chaos.ledger import NUMBER, Entry, Ledger

SLOT_S = 0.05
MAX_IN_FLIGHT = 4000
"""Maximum number of unacknowledged records."""
REQUEST_TIMEOUT_MS = 180_000
"""Longer than the broker is unavailable."""
RECEIVED_AGO = timedelta(hours=1) - timedelta(seconds=20)
"""Age of the receipt time in the header: merge windows of one hour end 20 s after the report is sent."""


class Load:
    """Sends messages until the context ends.

    Args:
        ledger: gets an entry before each record is sent.
        bootstrap: `host:port` of the broker, without the proxy.
        names: topic names of the deployment.
        partitions: of every network's topic.
        messages: endless source of messages.
        per_second: messages a second.
        replicated_acks: whether a record is acknowledged when the replicas that a write needs have it; else when the leader has it.
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
        replicated_acks: bool = True,
    ) -> None:
        self.ledger, self._bootstrap, self._names, self._partitions = ledger, bootstrap, names, partitions
        self._messages, self._per_slot = iter(messages), max(1, round(per_second * SLOT_S))
        self._replicated_acks = replicated_acks
        self._resend: deque[SourceMessage] = deque()
        self._stop = threading.Event()
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

    def check(self) -> None:
        """Raise the error that ended the load, if there is one."""
        if self._running is not None and self._running.done():
            self._running.result()

    def send_again(self, messages: Iterable[SourceMessage]) -> None:
        """Send these messages as redeliveries, in addition to the load."""
        self._resend.extend(messages)

    @property
    def sending_again(self) -> bool:
        """Whether redeliveries are left to send."""
        return bool(self._resend)

    async def _run(self) -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            acks="all" if self._replicated_acks else 1,
            enable_idempotence=self._replicated_acks,
            linger_ms=5,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            retry_backoff_ms=50,
        )
        await producer.start()
        try:
            due = time.monotonic()
            while not self._stop.is_set():
                await self._send(producer, [*islice(self._messages, self._per_slot), *self._next_redeliveries()])
                due = max(due + SLOT_S, time.monotonic())
                await asyncio.sleep(due - time.monotonic())
            await producer.flush()
            while self.ledger.kept < self.ledger.sent:
                await asyncio.sleep(SLOT_S)
        finally:
            await producer.stop()

    def _next_redeliveries(self) -> Iterator[SourceMessage]:
        for _ in range(min(4 * self._per_slot, len(self._resend))):
            yield self._resend.popleft()

    async def _send(self, producer: AIOKafkaProducer, messages: list[SourceMessage]) -> None:
        while self.ledger.sent - self.ledger.kept > MAX_IN_FLIGHT:
            await asyncio.sleep(SLOT_S)
        received = rfc3339(datetime.now(UTC) - RECEIVED_AGO).encode()
        for entry, message in zip(self.ledger.enter(messages), messages, strict=True):
            key = message.source_id.encode()
            kept = await producer.send(
                self._names.reports(message.network),
                message.value,
                key=key,
                partition=partition_for_key(key, self._partitions),
                headers=[(RECEIVED_AT, received), (NUMBER, str(entry.number).encode())],
            )
            kept.add_done_callback(self._on_acknowledged(entry))

    def _on_acknowledged(self, entry: Entry):
        def acknowledge(done: "asyncio.Future[object]") -> None:
            metadata = done.result()  # an idempotent producer fails only for good
            self.ledger.acknowledge(entry.number, metadata.topic, metadata.partition, metadata.offset)

        return acknowledge
