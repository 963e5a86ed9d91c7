"""The input buffer of a partition: fetched records that are not folded yet, in log order."""

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from router.stream.engine.processor import Record

MAX_BUFFERED_RECORDS, MAX_BUFFERED_BYTES = 8000, 16 << 20
"""A partition that buffers this many records or bytes asks for no more."""


class Chunk(NamedTuple):
    """Records in log order, and the bytes of their values."""

    records: Sequence[Record]
    bytes: int


class InputBuffer:
    """A queue that takes fetched records and returns what fits into a transaction."""

    def __init__(self) -> None:
        self._fetches: deque[_Fetch] = deque()
        self._count = 0
        self.bytes = 0
        """Bytes of the buffered values."""
        self._offered = 0
        self._position = 0

    def __len__(self) -> int:
        return self._count

    @property
    def has_capacity(self) -> bool:
        """Whether more records may be offered."""
        return self._count < MAX_BUFFERED_RECORDS and self.bytes < MAX_BUFFERED_BYTES

    @property
    def offered(self) -> int:
        """The offset after the last record that was offered or committed."""
        return max(self._offered, self._position)

    def offer(self, records: Sequence[Record]) -> bool:
        """Add fetched records. Skips records that were offered before (after a seek back) or are committed.

        Returns:
            Whether anything was added.
        """
        begin = self.offered
        if records[0].offset < begin:
            records = [record for record in records if record.offset >= begin]
            if not records:
                return False
        self._offered = records[-1].offset + 1
        fetch = _Fetch(records)
        self._fetches.append(fetch)
        self._count += len(fetch)
        self.bytes += fetch.bytes
        return True

    def put_back(self, records: Sequence[Record]) -> None:
        """Put records of a failed transaction back in front."""
        if records:
            fetch = _Fetch(records)
            self._fetches.appendleft(fetch)
            self._count += len(fetch)
            self.bytes += fetch.bytes

    def clear(self) -> None:
        """Forget everything: the log is fetched again."""
        self._fetches.clear()
        self._count = self.bytes = self._offered = self._position = 0

    def skip(self, position: int) -> None:
        """Return no record below this offset from now on, whenever it is offered: those are committed."""
        self._position = position
        for fetch in self._fetches:
            skipped = fetch.skip(position)
            self._count -= len(skipped.records)
            self.bytes -= skipped.bytes
        self._fetches = deque(fetch for fetch in self._fetches if len(fetch))

    def take(self, most: int, most_bytes: int, before: int | None = None) -> Chunk:
        """Take the next records; the chunk is empty when there are none.

        Args:
            most: the maximum number of records.
            most_bytes: the maximum bytes of values; the first record is always taken.
            before: take only records below this offset.
        """
        taken: list[Record] = []
        size = 0
        while self._fetches and len(taken) < most:
            fetch = self._fetches[0]
            part = fetch.take(most - len(taken), most_bytes - size, before, at_least=0 if taken else 1)
            if not part.records:
                break
            taken.extend(part.records)
            size += part.bytes
            if not len(fetch):
                self._fetches.popleft()
        self._count -= len(taken)
        self.bytes -= size
        return Chunk(taken, size)


class _Fetch:
    """The records of one fetch that were not taken yet. Each value's size is read once, into a running sum.

    Args:
        records: at least one.
    """

    __slots__ = ("_next", "_records", "_sums")

    def __init__(self, records: Sequence[Record]) -> None:
        self._records, self._next = records, 0
        self._sums = list(accumulate([len(record.value or b"") for record in records], initial=0))
        """Number of records -> bytes of their values."""

    def __len__(self) -> int:
        return len(self._records) - self._next

    @property
    def bytes(self) -> int:
        """Bytes of the values that were not taken."""
        return self._sums[-1] - self._sums[self._next]

    def take(self, most: int, most_bytes: int, before: int | None, *, at_least: int) -> Chunk:
        """Take the first records within the bounds; `at_least` goes before `most_bytes`, `before` before both."""
        end = bisect_right(self._sums, self._sums[self._next] + most_bytes, self._next) - 1
        end = min(max(end, self._next + at_least), self._next + most, len(self._records))
        if before is not None:
            end = min(end, self._first_from(before))
        return self._take_until(max(end, self._next))

    def skip(self, position: int) -> Chunk:
        """Take everything below this offset."""
        return self._take_until(self._first_from(position))

    def _first_from(self, offset: int) -> int:
        return bisect_left(self._records, offset, self._next, key=lambda record: record.offset)

    def _take_until(self, end: int) -> Chunk:
        begin, self._next = self._next, end
        return Chunk(self._records[begin:end], self._sums[end] - self._sums[begin])
