"""Which offset of a restored log is which offset of the log that was copied. Pure.

A log has more offsets than records: transactions have markers, and compaction and retention take records away. A restored log has no such
gaps. It ends at the offset where the copied log ended, and its records are the offsets before. So no offset is used a second time:
ids of dead letters, receipts, and what departments remember stay unique. A log without gaps keeps every offset.
Docs: docs/adr/0052-backup-and-restore.md.
"""

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar


class HasOffset(Protocol):
    """A record of the log that was copied."""

    @property
    def offset(self) -> int:
        """Its offset."""


Record = TypeVar("Record", bound=HasOffset)


class Translation:
    """The offsets of one partition, while its records are written in their order.

    Args:
        first: the offset that its first record gets.
        wanted: offsets of the copied log, each the next one to read by a reader.
    """

    def __init__(self, first: int, wanted: Iterable[int]) -> None:
        self._next, self._wanted = first, sorted(set(wanted), reverse=True)
        self.found: dict[int, int] = {}
        """Offset of the copied log -> of the restored one: behind the same records. Complete when all records were passed."""

    def passing(self, records: Iterable[Record]) -> Iterator[Record]:
        """The records, each looked at as it passes."""
        for record in records:
            self._settle(record.offset)
            yield record
            self._next += 1
        self._settle(None)

    def _settle(self, offset: int | None) -> None:
        while self._wanted and (offset is None or self._wanted[-1] <= offset):
            self.found[self._wanted.pop()] = self._next
