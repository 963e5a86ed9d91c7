"""A checkpoint: what a stream task commits together in one transaction, outputs and input offsets, or neither.

It is filled before its transaction begins, while the checkpoint before it commits. Docs: docs/explanation/exactly-once.md.
"""

import time
from collections.abc import Mapping, Sequence

from aiokafka import TopicPartition

from router.kafka.record_batches import Writer
from router.stream.engine.processor import Counted, Record

MAX_LINGER_S = 1.0
"""How long a checkpoint waits for more records before its transaction begins. Without this limit readers would see nothing of
a stream task in a backlog until thousands of its records, and those of all other stream tasks, are folded."""


class Checkpoint:
    """Folded records and their results: outputs, and metrics to count once the outputs are committed.

    Args:
        writer: collects the outputs.
    """

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.batches: dict[TopicPartition, list[Record]] = {}
        """Input partition -> its folded records in log order, at least one."""
        self.records = 0
        """Number of folded records of all partitions."""
        self.bytes = 0
        """Total size of the records' values."""
        self._since: float | None = None
        """When the first record was added."""
        self.counted: list[Counted] = []
        self.ticked = False
        self.moved: dict[TopicPartition, int] = {}
        """Where an input partition goes on, when that is stored without a record: its log changed, the old offset names no log, or another program
        has written over it."""
        self.acknowledged: dict[TopicPartition, int] = {}
        """Partition -> the offset behind the last output that was written to it."""
        self.begun = time.monotonic()
        """When its transaction began."""

    def add(self, source: TopicPartition, records: Sequence[Record], size: int) -> None:
        """Add records of one partition whose outputs the writer has; their values have `size` bytes."""
        if self._since is None:
            self._since = time.monotonic()
        self.batches.setdefault(source, []).extend(records)
        self.records += len(records)
        self.bytes += size

    def records_of(self, source: TopicPartition) -> Sequence[Record]:
        """The folded records of one partition."""
        return self.batches.get(source, ())

    @property
    def linger_expired(self) -> bool:
        """Whether its first record has waited for `MAX_LINGER_S`."""
        return self._since is not None and time.monotonic() - self._since >= MAX_LINGER_S

    @property
    def empty(self) -> bool:
        """Whether there is nothing to commit."""
        return not self.batches and not self.ticked and not self.moved

    @property
    def positions(self) -> Mapping[TopicPartition, int]:
        """The next offset to read of each input partition; empty when only a tick is written."""
        return self.moved | {source: records[-1].offset + 1 for source, records in self.batches.items()}
