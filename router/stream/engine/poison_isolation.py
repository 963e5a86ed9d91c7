"""Which record makes a batch fail: batches are halved until it stands alone.

A batch at which our own code fails, or whose outputs Kafka rejects, is tried again in halves; the one record that is left is
poisoned: it goes to the dead letters, and what stands around it goes on.
"""

from collections.abc import Sequence

from router.stream.engine.processor import Record

BATCH_RECORDS = 4000
"""Most records in one transaction: bounds its memory and how much is folded again after a failure."""


class BatchFailedError(Exception):
    """Something in a batch makes its processing or its outputs fail.

    Args:
        records: of the batch.
    """

    def __init__(self, records: Sequence[Record]) -> None:
        super().__init__(f"{len(records)} records from offset {records[0].offset} on")
        self.records = records


class PoisonIsolation:
    """How many records the next transaction of a partition may hold, and which of them are poisoned."""

    def __init__(self) -> None:
        self.limit = BATCH_RECORDS
        """Records in the next transaction; halved while a batch fails by what is in it."""
        self.before: int | None = None
        """Behind the last batch that failed so; until then no transaction reaches beyond it."""
        self.poisoned: set[int] = set()
        """Offsets of records that go to the dead letters."""

    def bisect(self, records: Sequence[Record]) -> None:
        """Half of the batch next time; a single record is found out."""
        self.limit, self.before = max(1, len(records) // 2), records[-1].offset + 1
        if len(records) == 1:
            self.poisoned.add(records[0].offset)

    def clear_below(self, position: int) -> None:
        """What lies below this offset is no longer suspected."""
        if self.before is not None and position >= self.before:
            self.before = None
        self.poisoned = {offset for offset in self.poisoned if offset >= position}

    def committed(self, position: int) -> None:
        """A batch up to this offset went well: the next may be as large as any."""
        self.limit = BATCH_RECORDS
        self.clear_below(position)
