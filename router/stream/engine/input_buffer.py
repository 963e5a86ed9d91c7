"""Records that were fetched for a partition and not folded yet, in the order of its log."""

from collections import deque
from collections.abc import Sequence

from router.stream.engine.processor import Record

MAX_BUFFERED_RECORDS, MAX_BUFFERED_BYTES = 8000, 16 << 20
"""With so much waiting the partition asks for no more."""


class InputBuffer:
    """A queue that takes what a consumer fetched and hands out what fits into a transaction."""

    def __init__(self) -> None:
        self._fetched: deque[tuple[Sequence[Record], int]] = deque()
        """With the bytes of their values."""
        self._count = 0
        self.bytes = 0
        """Of the values that wait."""
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
        """The offset behind the last one that was offered, or that is committed."""
        return max(self._offered, self._position)

    def offer(self, records: Sequence[Record]) -> bool:
        """Add what was fetched; records that were offered before (a consumer that sought back) or are committed are skipped.

        Returns:
            Whether anything was added.
        """
        begin = self.offered
        if records[0].offset < begin:
            records = [record for record in records if record.offset >= begin]
            if not records:
                return False
        self._offered = records[-1].offset + 1
        self._add(records, last=True)
        return True

    def put_back(self, records: Sequence[Record]) -> None:
        """Records that were taken and whose transaction failed: they come first again."""
        if records:
            self._add(records, last=False)

    def clear(self) -> None:
        """Forget everything: the log is read anew."""
        self._fetched.clear()
        self._count = self.bytes = self._offered = self._position = 0

    def skip(self, position: int) -> None:
        """From now on hand out nothing below this offset, whenever it was offered: it is committed."""
        self._position = position
        fetched = list(self._fetched)
        self._fetched.clear()
        self._count = self.bytes = 0
        for records, _ in fetched:
            left = records if records[0].offset >= position else [one for one in records if one.offset >= position]
            if left:
                self._add(left, last=True)

    def take(self, most: int, most_bytes: int, before: int | None = None) -> list[Record]:
        """The next records; an empty list when nothing waits.

        Args:
            most: how many at most.
            most_bytes: of values at most, but always one record.
            before: an offset that they must stay below.
        """
        taken: list[Record] = []
        left = most_bytes
        while self._fetched and len(taken) < most:
            records, size = self._fetched[0]
            fitting = _fitting(records, most - len(taken), left, before) if size > left or before else most - len(taken)
            part = records[: fitting or (0 if taken or _beyond(records[0], before) else 1)]
            if not part:
                break
            taken.extend(part)
            left -= self._remove(part)
        return taken

    def _remove(self, part: Sequence[Record]) -> int:
        """Take the first records of the first sequence out; the bytes of their values."""
        records, size = self._fetched.popleft()
        if len(part) < len(records):
            bytes_ = bytes_of(part)
            self._fetched.appendleft((records[len(part) :], size - bytes_))
        else:
            bytes_ = size
        self._count -= len(part)
        self.bytes -= bytes_
        return bytes_

    def _add(self, records: Sequence[Record], *, last: bool) -> None:
        size = bytes_of(records)
        (self._fetched.append if last else self._fetched.appendleft)((records, size))
        self._count += len(records)
        self.bytes += size


def bytes_of(records: Sequence[Record]) -> int:
    """Bytes of their values."""
    return sum([len(record.value or b"") for record in records])


def _fitting(records: Sequence[Record], most: int, most_bytes: int, before: int | None) -> int:
    """How many of the first records stay within the bounds."""
    for number, record in enumerate(records[:most]):
        most_bytes -= len(record.value or b"")
        if most_bytes < 0 or _beyond(record, before):
            return number
    return most


def _beyond(record: Record, before: int | None) -> bool:
    return before is not None and bool(record.offset >= before)
