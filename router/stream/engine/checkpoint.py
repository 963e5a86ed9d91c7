"""A checkpoint: what commits together in one transaction, outputs and input offset, or neither.

It is filled before its transaction begins, while the checkpoint before it commits. Docs: docs/explanation/exactly-once.md.
"""

import time
from collections.abc import Sequence

from router.kafka.record_batches import Writer
from router.stream.engine.processor import Counted, Record

MAX_LINGER_S = 1.0
"""How long a checkpoint waits for more records before its transaction begins. Without this limit readers would see nothing of
a partition in a backlog until thousands of its records, and those of all other partitions, are folded."""


class Checkpoint:
    """Folded records and their results: outputs, and metrics to count once the outputs are committed.

    Args:
        writer: collects the outputs.
    """

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.records: list[Record] = []
        self.bytes = 0
        """Total size of the records' values."""
        self._since: float | None = None
        """When the first record was added."""
        self.counted: list[Counted] = []
        self.ticked = False
        self.moved_to: int | None = None
        """Where the input goes on, when that is stored without a record: the log changed, or the old offset names no log."""
        self.begun = time.monotonic()
        """When its transaction began."""

    def add(self, records: Sequence[Record], size: int) -> None:
        """Add records whose outputs the writer has; their values have `size` bytes."""
        if self._since is None:
            self._since = time.monotonic()
        self.records += records
        self.bytes += size

    @property
    def linger_expired(self) -> bool:
        """Whether its first record has waited for `MAX_LINGER_S`."""
        return self._since is not None and time.monotonic() - self._since >= MAX_LINGER_S

    @property
    def empty(self) -> bool:
        """Whether there is nothing to commit."""
        return not self.records and not self.ticked and self.moved_to is None

    @property
    def position(self) -> int | None:
        """The next offset to read, None when only a tick is written."""
        return self.records[-1].offset + 1 if self.records else self.moved_to
