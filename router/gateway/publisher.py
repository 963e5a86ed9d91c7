"""Writes reports and feedback to Kafka and waits for the acknowledgement of all in-sync replicas.

What Kafka has not acknowledged in time is dropped: aiokafka would send it for ever, and a newer version may have passed it by then.
The app sends it again. What was on its way to the broker may be written all the same. That copy is a redelivery, which
the dedup index recognises by the report's id and the received time.
"""

import asyncio
import time
from contextlib import suppress

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata
from msgspec import Struct

from router.gateway.problems import RETRY_AFTER_S, ProblemError
from router.kafka.abort import abort_producer
from router.kafka.reconnecting import reconnect_options

LIMIT_S = 10.0
"""How long a report waits for Kafka. An app waits longer than that, so it hears the answer."""
BUFFER_BYTES = 32 << 20
"""Bytes of reports that may wait for Kafka."""
BATCH_BYTES = 512 << 10
"""Most bytes of a record batch. With aiokafka's 16 KiB every waiting report wakes for every batch that is sent."""
RETRY_BACKOFF_MS = 250
PAUSE_S = 1.0
"""Time between two attempts to connect."""
ANSWER_S = 2.0
"""How long a broker may take to answer that it is there."""
log = structlog.get_logger(__name__)


class CheckedRecord(Struct, frozen=True, kw_only=True):
    """A record of a network's topic, or of feedback."""

    topic: str
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]

    @property
    def size(self) -> int:
        """Bytes that it takes in the buffer, about."""
        return len(self.key) + len(self.value) + sum(len(name) + len(content) for name, content in self.headers)


class Publisher:
    """One idempotent producer at a time. Create it in the event loop that will run it.

    Args:
        bootstrap: `host:port` list of the cluster.
        limit_s: how long a report waits for its acknowledgement.
        buffer_bytes: bytes of reports that may wait.
    """

    def __init__(self, bootstrap: str, *, limit_s: float = LIMIT_S, buffer_bytes: int = BUFFER_BYTES) -> None:
        self._bootstrap, self._limit_s, self._buffer_bytes = bootstrap, limit_s, buffer_bytes
        self._current: AIOKafkaProducer | None = None
        self._connecting = asyncio.Lock()
        self._not_before = 0.0
        self._asking, self._asked_at, self._answered = asyncio.Lock(), -PAUSE_S, False
        self._ending: set[asyncio.Task[None]] = set()
        self._waiting = 0

    @property
    def waiting_bytes(self) -> int:
        """Bytes of reports that wait for their acknowledgement."""
        return self._waiting

    async def publish(self, record: CheckedRecord) -> RecordMetadata:
        """Write a record; topic, partition and offset, when Kafka has acknowledged it.

        Raises:
            ProblemError: it is not acknowledged: `kafka-away`, or `buffer-full`.
        """
        if self._waiting + record.size > self._buffer_bytes:
            raise ProblemError(
                "buffer-full",
                "too much waits for Kafka; keep this and send it again.",
                retry_after_s=RETRY_AFTER_S,
            )
        self._waiting += record.size
        handed_to: AIOKafkaProducer | None = None
        try:
            async with asyncio.timeout(self._limit_s):
                producer = await self._connected()
                await producer.partitions_for(
                    record.topic
                )  # a topic that is missing fails here, and costs no other report
                handed_to = producer
                sent = await producer.send(record.topic, record.value, key=record.key, headers=record.headers)
                acknowledged: RecordMetadata = await sent
                return acknowledged
        except (KafkaError, OSError, TimeoutError) as error:
            if handed_to is not None:
                self._discard(handed_to, error)
            raise ProblemError(
                "kafka-away",
                "Kafka has not acknowledged it; keep it and send it again, byte for byte.",
                retry_after_s=RETRY_AFTER_S,
            ) from error
        finally:
            self._waiting -= record.size

    async def answers(self) -> bool:
        """Whether a broker answers. It is asked once a second at most, however often this is called."""
        async with self._asking:
            if time.monotonic() >= self._asked_at + PAUSE_S:
                try:
                    async with asyncio.timeout(ANSWER_S):
                        producer = await self._connected()
                        self._answered = bool(await producer.client.force_metadata_update())
                except (KafkaError, OSError, TimeoutError):
                    self._answered = False
                self._asked_at = time.monotonic()
            return self._answered

    async def close(self) -> None:
        """Close the connections. Call it when no `publish` runs any more."""
        producer, self._current = self._current, None
        if producer is not None:
            self._end(producer, KafkaError("the gateway ends"))
        if self._ending:
            await asyncio.wait(self._ending, timeout=ANSWER_S)

    async def _connected(self) -> AIOKafkaProducer:
        async with self._connecting:
            if self._current is None:
                if time.monotonic() < self._not_before:
                    raise KafkaError("the last attempt to connect has just failed")
                self._not_before = time.monotonic() + PAUSE_S
                producer = AIOKafkaProducer(
                    **reconnect_options(self._bootstrap),
                    acks="all",
                    enable_idempotence=True,
                    max_batch_size=BATCH_BYTES,
                    retry_backoff_ms=RETRY_BACKOFF_MS,
                    request_timeout_ms=int(self._limit_s * 1000),
                )
                try:
                    await producer.start()
                except BaseException as error:
                    self._end(producer, KafkaError(repr(error)))
                    raise
                self._current, self._not_before = producer, 0.0
            return self._current

    def _discard(self, producer: AIOKafkaProducer, error: Exception) -> None:
        """Drop what a producer still holds, with the first failure; the next report opens another one."""
        if self._current is not producer:
            return
        self._current = None
        log.warning("Kafka does not acknowledge; another producer begins", error=type(error).__name__)
        self._end(producer, KafkaError("the producer was given up"))

    def _end(self, producer: AIOKafkaProducer, error: KafkaError) -> None:
        async def end() -> None:
            with suppress(Exception):  # a broker that is away cannot be notified
                await abort_producer(producer, error)

        task = asyncio.create_task(end())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
