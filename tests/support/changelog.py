"""A changelog in memory, as `ChangelogReader` shows it. What Kafka does with transactions is tested on a real broker."""

from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition

from router.kafka.cluster_metadata import TopicDescription
from router.stream.engine.changelog_reader import Portion, portion

Record = tuple[bytes, bytes | None]


class Changelog:
    """One partition, and what was read of it.

    Args:
        records: key and value of each.
    """

    def __init__(self, *records: Record) -> None:
        self.records = [*records]
        self.topic_id, self.epoch = "A" * 22, 5
        self.epoch_ends: dict[int, int | None] = {}
        """Earlier leader epoch -> where it ends."""
        self.read: list[int] = []
        """The offset of each record that was read."""
        self.portion = 2
        """Records of a fetch."""

    async def changelog(self, partition: TopicPartition) -> TopicDescription:
        return TopicDescription(topic_id=self.topic_id, leader_epochs={partition.partition: self.epoch})

    async def end(self, _: TopicPartition) -> int:
        return len(self.records)

    async def epoch_end(self, _: TopicPartition, leader_epoch: int) -> int | None:
        return self.epoch_ends[leader_epoch]

    async def portions(
        self, _: TopicPartition, begin: int, end: int, ours: Callable[[Any], bool] = lambda _: True
    ) -> AsyncIterator[Portion]:
        for at in range(begin, end, self.portion):
            offsets = range(at, min(at + self.portion, end))
            self.read += offsets
            records = [SimpleNamespace(offset=n, key=self.records[n][0], value=self.records[n][1]) for n in offsets]
            yield portion(records, offsets[-1] + 1, ours)
