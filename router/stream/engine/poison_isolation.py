"""Poison isolation: bisect a failing batch until one record is left.

A batch fails when the router's own code raises on it, or when Kafka rejects its outputs. It is retried in halves. The record
that is left alone is poison: it goes to the dead letters, and the records around it are processed. Docs:
docs/explanation/poison.md.
"""

from collections.abc import Mapping, Sequence

from aiokafka import TopicPartition

from router.stream.engine.processor import Record

BATCH_RECORDS = 4000
"""Most records in one transaction. It bounds the memory, and the work that is repeated after a failure."""


class BatchFailedError(Exception):
    """Processing a batch, or writing its outputs, failed because of a record in it.

    Args:
        batches: input partition -> its records in the batch, at least one.
    """

    def __init__(self, batches: Mapping[TopicPartition, Sequence[Record]]) -> None:
        named = [
            f"{len(records)} of {one.topic}/{one.partition} from {records[0].offset} on"
            for one, records in batches.items()
        ]
        super().__init__(f"records: {', '.join(named)}")
        self.batches = batches


class PoisonIsolation:
    """How many records the next transaction of a partition may hold, and which records are poison."""

    def __init__(self) -> None:
        self.limit = BATCH_RECORDS
        """Records in the next transaction; halved whenever a batch fails."""
        self.before: int | None = None
        """The offset after the last failed batch: transactions end before it until that batch is committed."""
        self.poisoned: set[int] = set()
        """Offsets of records that go to the dead letters."""
        self._failed: set[tuple[int, int]] = set()
        """First and last offset of every batch that failed since the last commit."""

    def mark(self, offset: int) -> bool:
        """Send this record to the dead letters; False when that was tried before and nothing has committed since."""
        new = offset not in self.poisoned
        self.poisoned.add(offset)
        return new

    def bisect(self, records: Sequence[Record]) -> bool:
        """Halve the next batch; a single record is poison.

        Returns:
            Whether that is progress. It is not when the same records failed before and nothing has committed since: the next
            attempt fails as this one did, and only a person or another process can help.
        """
        span = records[0].offset, records[-1].offset
        new = span not in self._failed
        self._failed.add(span)
        self.limit, self.before = max(1, len(records) // 2), span[1] + 1
        if len(records) == 1:
            self.poisoned.add(span[0])
        return new

    def suspect(self, records: Sequence[Record]) -> None:
        """Retry these records without those of other partitions: a batch of several partitions failed."""
        self.limit, self.before = len(records), records[-1].offset + 1

    def reset(self) -> None:
        """Forget all suspects: the records are fetched again, and some may be gone."""
        self.limit, self.before, self.poisoned = BATCH_RECORDS, None, set()

    def clear_below(self, position: int) -> None:
        """Forget suspects and poison below this offset."""
        if self.before is not None and position >= self.before:
            self.before = None
        self.poisoned = {offset for offset in self.poisoned if offset >= position}

    def committed(self, position: int) -> None:
        """Allow a full batch again: everything below this offset is committed."""
        self.limit = BATCH_RECORDS
        self._failed.clear()
        self.clear_below(position)
