"""Follows the cases and the rejections of a deployment in the background, so that receipts can say how far a case is."""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from router.gateway.receipt_index import KEPT_S, ReceiptIndex
from router.kafka.cancellation import own_cancellation
from router.kafka.cluster_metadata import describe_topics
from router.kafka.consumers import LazyConsumer
from router.wire.codec import UNREADABLE, decode_case
from router.wire.rejections import decode_rejection
from router.wire.topic_names import Names

POLL_MS = 500
PAUSE_S = 1.0
"""Time between two attempts to connect, or to find a topic."""
AT_ONCE = 100
"""Records between two turns of the event loop: about 5 ms."""
EXPIRE_S = 60.0
LOOK_S = 10.0
"""How soon a topic is looked for again that did not exist."""
log = structlog.get_logger(__name__)


class FollowedCases:
    """Reads `grid.cases`, `grid.archive` of the last 90 days and the topics of rejections, and goes on with what comes.

    Args:
        bootstrap: `host:port` list of the cluster.
        names: of the topics.
        networks: of the city, by now; a published rule set may add one.
        index: gets what is read.
    """

    def __init__(
        self, bootstrap: str, names: Names, networks: Callable[[], Iterable[str]], index: ReceiptIndex
    ) -> None:
        self.index, self._names, self._networks = index, names, networks
        self._consumer = LazyConsumer(bootstrap, max_poll_records=AT_ONCE)
        self._positions: dict[TopicPartition, int] = {}
        self._ends: dict[TopicPartition, int] | None = None
        self._topics: list[str] = []
        self._looked_at, self._expired_at = 0.0, 0.0
        self.ready = False
        """Whether everything was read that was there when this began."""

    async def follow(self) -> None:
        """Read without end. A cluster that is away is waited for."""
        while True:
            try:
                with own_cancellation():
                    await self.read()
            except (KafkaError, OSError):
                await self._consumer.close()
                await asyncio.sleep(PAUSE_S)

    async def read(self) -> None:
        """Read what has come, for half a second at most when nothing has. Raises KafkaError."""
        consumer = await self._consumer.connected()
        if not await self._is_assigned(consumer):
            await asyncio.sleep(PAUSE_S)
            return
        for partition, records in (await consumer.getmany(timeout_ms=POLL_MS, max_records=AT_ONCE)).items():
            for record in records:
                self._add(record)
            self._positions[partition] = await consumer.position(partition)
        if self._ends is not None:
            positions = {one: await consumer.position(one) for one in self._ends}
            self._ends = {one: end for one, end in self._ends.items() if positions[one] < end} or None
            self.ready = self._ends is None
        if time.monotonic() - self._expired_at > EXPIRE_S:
            self._expired_at = time.monotonic()
            self.index.expire(time.time())
        await asyncio.sleep(0)

    async def close(self) -> None:
        """Close the connection."""
        await self._consumer.close()

    def _required(self) -> tuple[str, str]:
        return self._names.cases, self._names.archive

    async def _is_assigned(self, consumer: AIOKafkaConsumer) -> bool:
        """Whether the consumer reads the topics; False while those of cases do not exist."""
        wanted = [*self._required(), *sorted(map(self._names.rejections, self._networks()))]
        looked = time.monotonic() - self._looked_at < LOOK_S
        if consumer.assignment() and (wanted == self._topics or looked):
            return True
        self._looked_at = time.monotonic()
        found = await describe_topics(consumer, wanted)
        if not found.keys() >= set(self._required()):
            return False
        self._topics = [one for one in wanted if one in found]
        partitions = [
            TopicPartition(topic, number) for topic in self._topics for number in sorted(found[topic].leader_epochs)
        ]
        await self._assign(consumer, partitions)
        return True

    async def _assign(self, consumer: AIOKafkaConsumer, partitions: list[TopicPartition]) -> None:
        """Begin where the consumer before was."""
        consumer.assign(partitions)
        new = [one for one in partitions if one not in self._positions]
        ends = await consumer.end_offsets(new) if new else {}
        self._positions |= await self._starts(consumer, new, ends)
        for partition in partitions:
            consumer.seek(partition, self._positions[partition])
        if not self.ready:
            self._ends = {**ends, **(self._ends or {})}

    async def _starts(
        self, consumer: AIOKafkaConsumer, new: list[TopicPartition], ends: dict[TopicPartition, int]
    ) -> dict[TopicPartition, int]:
        """Where each partition begins: the archive 90 days ago, the others at their beginning."""
        since_ms = int((time.time() - KEPT_S) * 1000)
        archived = [one for one in new if one.topic == self._names.archive]
        found = await consumer.offsets_for_times(dict.fromkeys(archived, since_ms)) if archived else {}
        beginnings = await consumer.beginning_offsets(new) if new else {}
        since = {one: ends[one] if at is None else at.offset for one, at in found.items()}
        return {**beginnings, **since}

    def _add(self, record: Any) -> None:
        if record.value is None:
            return  # the case is in the archive
        try:
            if record.topic == self._names.cases:
                self.index.add_case(decode_case(record.value))
            elif record.topic == self._names.archive:
                self.index.add_case(decode_case(record.value), record.timestamp // 1000)
            else:
                one = decode_rejection(record.value)
                self.index.add_rejection(
                    one.topic.removeprefix(self._names.reports("")), one.partition, one.offset, one.code
                )
        except UNREADABLE as error:
            place = f"{record.topic}/{record.partition}/{record.offset}"
            log.warning("a record cannot be read, so receipts do not know it", place=place, error=type(error).__name__)
