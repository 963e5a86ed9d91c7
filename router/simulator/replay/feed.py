"""Sends messages to the networks' topics in simulated time, and keeps the offset that Kafka acknowledged for each.

An idempotent producer with acks=all writes record batches. So the broker has each message of the ledger once, and in order
per partition.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Iterable
from datetime import datetime

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder

from router.domain.intake.normalise import RECEIVED_AT
from router.kafka.connecting import connect_options
from router.kafka.record_batches import Slot, append
from router.simulator.messages import Sent, SourceMessage, rfc3339
from router.simulator.replay.flow_control import InFlightLimiter
from router.wire.errors import BrokerError
from router.wire.partitioning import partition_for_key
from router.wire.topic_names import Names

BATCH_RECORDS = 1000
"""Records in one batch: large enough to cost little, small enough to keep all partitions supplied."""
LINGER_S = 0.02
"""How long a paced message may wait for more messages in its batch."""
MOMENT_S = 0.005
"""Between two checks of how far the router has read."""
IN_FLIGHT = 16
"""Batches in flight at most; with more the feed waits."""


class Pace:
    """Maps simulated instants to times of a clock, counted from the first instant.

    Args:
        speed: simulated seconds per second.
    """

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._first: tuple[datetime, float] | None = None

    def wait(self, instant: datetime, now: float) -> float:
        """Seconds until this instant is due; 0 or less means now."""
        if self._first is None:
            self._first = (instant, now)
        first, begun = self._first
        return begun + (instant - first).total_seconds() / self._speed - now


class Feed:
    """Sends a stream of messages; `sent` has those that the broker has acknowledged.

    Args:
        bootstrap: `host:port` list.
        names: topic names of the deployment.
        partitions: of every network's topic.
        speed: simulated seconds per second; None: as fast as the broker accepts them.
        abreast: flow control at full speed; None: none.
    """

    def __init__(
        self, bootstrap: str, names: Names, partitions: int, speed: float | None, limiter: InFlightLimiter | None = None
    ) -> None:
        self._bootstrap, self._names, self._partitions, self._speed = bootstrap, names, partitions, speed
        self._abreast = limiter
        self.sent: list[Sent] = []
        self.complete = False
        """Whether every message was sent and acknowledged."""
        self._stop = threading.Event()

    def stop(self) -> None:
        """End early, from any thread. Messages that were passed to the producer are still acknowledged."""
        self._stop.set()

    def run(self, messages: Iterable[SourceMessage]) -> None:
        """Send all messages. They must be ordered by received time.

        Raises:
            BrokerError: the broker is down or rejected a batch. `sent` has the messages that it had acknowledged.
        """
        try:
            asyncio.run(self._run(messages))
        except KafkaError as error:
            raise BrokerError(
                f"the messages cannot be sent ({type(error).__name__}: {error})",
                where=self._bootstrap,
                hint="check with `grid-router broker status` and `grid-router topics plan`",
            ) from error

    async def _run(self, messages: Iterable[SourceMessage]) -> None:
        producer = AIOKafkaProducer(
            **connect_options(self._bootstrap), acks="all", enable_idempotence=True, max_batch_size=1 << 20, linger_ms=0
        )
        await producer.start()
        try:
            sender = _Sender(producer, self._names, self._partitions, self.sent)
            pace = None if self._speed is None else Pace(self._speed)
            for message in messages:
                if pace is not None:
                    await self._until_due(message.received_at, pace, sender)
                if self._stop.is_set():
                    break
                await self._hand_over(message, sender)
            while self._abreast is not None and self._abreast.held and not self._stop.is_set():
                await self._hand_over(None, sender)
                await sender.wait()
            await sender.flush()
            self.complete = not self._stop.is_set()
        finally:
            await producer.stop()

    async def _hand_over(self, message: SourceMessage | None, sender: "_Sender") -> None:
        """Send a message, and the delayed messages that may go now."""
        limiter = self._abreast
        if limiter is None:
            ready = [] if message is None else [message]
        else:
            while not (limiter.room or self._stop.is_set()):
                await sender.wait()
            ready = limiter.release(message)
        for one in ready:
            await sender.add(one)

    async def _until_due(self, instant: datetime, pace: Pace, sender: "_Sender") -> None:
        while not self._stop.is_set():
            await sender.seal_older(LINGER_S)
            wait = pace.wait(instant, asyncio.get_running_loop().time())
            if wait <= 0:
                return
            await asyncio.sleep(min(wait, LINGER_S))


class _Sender:
    """Builds a batch a topic partition, and takes the offsets of its records from the acknowledgement."""

    def __init__(self, producer: AIOKafkaProducer, names: Names, partitions: int, sent: list[Sent]) -> None:
        self._producer, self._names, self._partitions, self._sent = producer, names, partitions, sent
        self._open: dict[Slot, tuple[BatchBuilder, list[SourceMessage]]] = {}
        self._in_flight: deque[asyncio.Task[None]] = deque()
        self._oldest: float | None = None

    async def add(self, message: SourceMessage) -> None:
        """Append to the open batch of its partition. A full batch is sent, and the message begins the next one."""
        key = message.source_id.encode()
        slot = (self._names.reports(message.network), partition_for_key(key, self._partitions))
        headers = [(RECEIVED_AT, rfc3339(message.received_at).encode())]
        while True:
            builder, members = self._open.get(slot) or self._begin(slot)
            if len(members) < BATCH_RECORDS and append(builder, key, message.value, headers):
                members.append(message)
                return
            await self._seal(slot)

    def _begin(self, slot: Slot) -> tuple[BatchBuilder, list[SourceMessage]]:
        begun: tuple[BatchBuilder, list[SourceMessage]] = (self._producer.create_batch(), [])
        self._open[slot] = begun
        if self._oldest is None:
            self._oldest = asyncio.get_running_loop().time()
        return begun

    async def wait(self) -> None:
        """Send all open batches, then wait for `MOMENT_S`."""
        await self._seal_all()
        await asyncio.sleep(MOMENT_S)

    async def seal_older(self, seconds: float) -> None:
        """Send all open batches once the oldest has waited this long."""
        if self._oldest is not None and asyncio.get_running_loop().time() - self._oldest >= seconds:
            await self._seal_all()

    async def _seal_all(self) -> None:
        self._oldest = None
        for slot in [slot for slot, (_, members) in self._open.items() if members]:
            await self._seal(slot)

    async def _seal(self, slot: Slot) -> None:
        builder, members = self._open.pop(slot)
        topic, partition = slot
        acknowledged = await self._producer.send_batch(builder, topic, partition=partition)
        self._in_flight.append(asyncio.create_task(self._acknowledge(acknowledged, members)))
        while len(self._in_flight) >= IN_FLIGHT:
            await self._in_flight.popleft()

    async def _acknowledge(self, acknowledged: "asyncio.Future[object]", members: list[SourceMessage]) -> None:
        metadata = await acknowledged
        topic, partition, base = metadata.topic, metadata.partition, metadata.offset  # type: ignore[attr-defined]
        if base < 0:  # the answer to a retried batch may omit the offset of the first copy
            raise BrokerError(
                "the broker does not say at which offset it keeps a batch", where=topic, hint="start the replay again"
            )
        self._sent.extend(
            Sent(m.report, (topic, partition, base + index), m.kind, m.incident, m.owner, m.storm, m.late)
            for index, m in enumerate(members)
        )

    async def flush(self) -> None:
        """Send all open batches and wait until the broker has acknowledged everything."""
        await self._seal_all()
        while self._in_flight:
            await self._in_flight.popleft()
