"""Topics read to their end under read_committed, one record after the other."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from kafka import KafkaConsumer, TopicPartition

Record = Any
"""A consumer record: topic, partition, offset, timestamp, key, value, headers."""
STALLED_S = 60.0


class Log(Protocol):
    """The topics of one deployment after its workers have ended."""

    def read(self, topics: Sequence[str], partition: int | None = None) -> Iterator[Record]:
        """All committed records, in the order of each partition; of one partition only, if it is named."""

    def position(self, topic: str, partition: int) -> int:
        """What the workers have committed; 0 when nothing."""


class KafkaLog:
    """The topics on a broker.

    Args:
        consumer: without a group, read_committed; it is moved about.
        partitions: of every topic that is keyed by place.
        committed: the positions of the workers' group.
    """

    def __init__(self, consumer: KafkaConsumer, partitions: int, committed: Mapping[TopicPartition, int]) -> None:
        self._consumer, self._partitions, self._committed = consumer, partitions, committed

    def read(self, topics: Sequence[str], partition: int | None = None) -> Iterator[Record]:
        """See `Log.read`."""
        numbers = range(self._partitions) if partition is None else [partition]
        return stream(self._consumer, [TopicPartition(topic, number) for topic in topics for number in numbers])

    def position(self, topic: str, partition: int) -> int:
        """See `Log.position`."""
        return self._committed.get(TopicPartition(topic, partition), 0)


def stream(consumer: KafkaConsumer, partitions: Sequence[TopicPartition]) -> Iterator[Record]:
    """All committed records of some partitions up to their present ends.

    Raises:
        TimeoutError: nothing comes for a minute though the ends are not reached.
    """
    consumer.assign(list(partitions))
    consumer.seek_to_beginning()
    ends = consumer.end_offsets(list(partitions))
    moved = time.monotonic()
    while any(consumer.position(tp) < end for tp, end in ends.items()):
        polled = consumer.poll(timeout_ms=200, max_records=20_000)
        if polled:
            moved = time.monotonic()
        elif time.monotonic() - moved > STALLED_S:
            raise TimeoutError(f"{partitions[0].topic} and others cannot be read to their end")
        for records in polled.values():
            yield from records
