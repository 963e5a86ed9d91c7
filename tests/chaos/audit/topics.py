"""Reads topics to their end under read_committed, record by record."""

import asyncio
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol, Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from router.kafka.connecting import connect_options
from router.wire.offset_signing import NO_KEYS, OffsetKeys
from router.wire.stored_offsets import STORED_OFFSET_KEY, decode_stored_offset
from tests.chaos.partitions import partitions_of
from tests.support.patience import PATIENCE_S

Record = Any
"""A consumer record: topic, partition, offset, timestamp, key, value, headers."""


class Log(Protocol):
    """The topics of one deployment after its workers have ended."""

    def read(self, topics: Sequence[str], partition: int | None = None) -> Iterator[Record]:
        """All committed records, in the order of each partition. With `partition`, of that partition only."""

    def position(self, topic: str, partition: int, topic_id: str = "") -> int:
        """The stored offset of the workers; 0 without one.

        Args:
            topic: an input topic.
            partition: of it.
            topic_id: of a topic of this name that was deleted; empty for the present one.
        """


class KafkaLog:
    """The topics on a broker; a context manager.

    It uses aiokafka, whose parsing and checksums are compiled: ten times faster than the blocking client.

    Args:
        bootstrap: `host:port` list.
        offset_topics: input topic -> topic with the stored offsets of the workers.
        shared: those of these topics that have the offsets of many input topics, under keys of their own.
        keys: sign these offsets; others do not count.
    """

    def __init__(
        self,
        bootstrap: str,
        offset_topics: Mapping[str, str],
        keys: OffsetKeys = NO_KEYS,
        *,
        shared: Collection[str] = (),
    ) -> None:
        self._bootstrap, self._offset_topics, self._keys, self._shared = bootstrap, offset_topics, keys, shared
        self._positions: dict[str, dict[tuple[int, str], int]] = {}
        """Input topic -> (partition, topic id) -> offset."""
        self._loop = asyncio.new_event_loop()

    def __enter__(self) -> Self:
        self._consumer = self._loop.run_until_complete(_started(self._bootstrap))
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.run_until_complete(self._consumer.stop())
        self._loop.close()

    def read(self, topics: Sequence[str], partition: int | None = None) -> Iterator[Record]:
        """See `Log.read`.

        Raises:
            TimeoutError: no record arrives for a minute before the end of a partition.
        """
        wanted = [
            TopicPartition(topic, number)
            for topic, number in partitions_of(self._bootstrap, topics)
            if partition in {None, number}
        ]
        ends = self._loop.run_until_complete(self._begin(wanted))
        moved = time.monotonic()
        while ends:
            fetched = self._loop.run_until_complete(self._consumer.getmany(*ends, timeout_ms=200, max_records=20_000))
            for records in fetched.values():
                yield from records
            if fetched:
                moved = time.monotonic()
            elif time.monotonic() - moved > PATIENCE_S:
                raise TimeoutError(f"{min(ends)} cannot be read to its end")
            ends = self._loop.run_until_complete(self._unfinished(ends))

    def position(self, topic: str, partition: int, topic_id: str = "") -> int:
        """See `Log.position`."""
        changelog = self._offset_topics[topic]
        if topic not in self._positions:
            self._read_positions(topic, changelog)
        return self._positions[topic].get((partition, topic_id), 0)

    def _read_positions(self, topic: str, changelog: str) -> None:
        """Read the stored offsets of an input topic, or of all that share the topic of their offsets."""
        shared = changelog in self._shared
        ours = [one for one, where in self._offset_topics.items() if where == changelog] if shared else [topic]
        self._positions |= {one: {} for one in ours}
        numbers: dict[tuple[str, int], int] = {}
        for record in self.read([changelog]):
            if not shared and record.key != STORED_OFFSET_KEY:
                continue
            stored, place = decode_stored_offset(record.value), record.topic
            source, partition = topic, record.partition
            if shared:
                key = record.key.decode()
                place, (source, _, number) = f"{record.topic}#{key}", key.rpartition("/")
                partition = int(number)
            if not self._keys.counts(stored, place, record.partition, record.timestamp):
                continue
            if stored.number < numbers.get((source, partition), 0):
                continue  # an old one that was written again
            numbers[source, partition] = stored.number
            positions = self._positions[source]
            positions[partition, stored.topic_id] = positions[partition, ""] = stored.offset

    async def _begin(self, wanted: list[TopicPartition]) -> dict[TopicPartition, int]:
        """Partition -> its current end offset."""
        self._consumer.assign(wanted)
        await self._consumer.seek_to_beginning(*wanted)
        return await self._unfinished(await self._consumer.end_offsets(wanted))

    async def _unfinished(self, ends: dict[TopicPartition, int]) -> dict[TopicPartition, int]:
        """Partitions that are not read to the end."""
        return {tp: end for tp, end in ends.items() if await self._consumer.position(tp) < end}


async def _started(bootstrap: str) -> AIOKafkaConsumer:
    consumer = AIOKafkaConsumer(
        **connect_options(bootstrap),
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=8 << 20,
        fetch_max_wait_ms=100,
    )
    await consumer.start()
    return consumer
