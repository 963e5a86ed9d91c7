"""Which log an input partition reads: an offset fits any log, so the topic's id goes with it (ADR 0015)."""

from aiokafka import TopicPartition

from router.stream.engine.changelog_reader import ChangelogReader
from router.stream.engine.log_position import StoppedError
from router.wire.stored_offsets import StoredOffset


class SourceLog:
    """The log of one input partition.

    Args:
        source: the input partition.
        partitions: how many partitions its topic has when its stream task is made; None when that is not to be checked.
    """

    def __init__(self, source: TopicPartition, partitions: int | None) -> None:
        self._source, self._partitions = source, partitions
        self.topic_id = ""
        """As it was before the partition looked where to go on; empty when unknown."""
        self._continued_id = ""
        """Of the log that the buffered records are from."""

    async def look(self, logs: ChangelogReader) -> None:
        """See which log it is now. Call it before the log is read: if the topic is made again in between, the next look shows it.

        Raises:
            StoppedError: the topic does not exist, or has another number of partitions, so that another stream task owns this one.
        """
        described = await logs.describe(self._source.topic)
        self.topic_id = described.topic_id
        if self._partitions is not None and described.partitions != self._partitions:
            raise StoppedError(
                f"{self._source.topic}: the topic has {described.partitions} partitions, and had {self._partitions} when partition "
                f"{self._source.partition} was assigned; the group assigns it again, restart the workers if it does not."
            )

    def went_on(self) -> bool:
        """Go on with this log; whether the records that are buffered are from another."""
        another = self._continued_id not in {"", self.topic_id}
        self._continued_id = self.topic_id
        return another

    def stored(self, position: int, leader_epoch: int) -> StoredOffset:
        """The stored offset for a position in this log."""
        return StoredOffset(offset=position, topic_id=self.topic_id, leader_epoch=leader_epoch)
