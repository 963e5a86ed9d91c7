"""Which records of a partition were handed out and not acknowledged: only what is acknowledged is committed.

A picture of one partition, `a` acknowledged, `o` outstanding, the committed offset is that of the first `o`:

    a a a o a a o
          ^ a restart begins here, and hands out the second and third `a` again
"""

from collections import OrderedDict
from threading import Lock


class OutstandingRecords:
    """The records of one partition, from its assignment to this client to its revocation."""

    def __init__(self) -> None:
        self._outstanding: OrderedDict[int, None] = OrderedDict()
        self._next: int | None = None
        self._committed: int | None = None
        self._lock = Lock()  # a department may acknowledge in another thread

    def __len__(self) -> int:
        return len(self._outstanding)

    def read(self, offset: int) -> None:
        """A record was read, in order of the offsets."""
        with self._lock:
            self._outstanding[offset] = None
            self._next = offset + 1

    def acknowledge(self, offset: int) -> None:
        """The department has stored what the record says. A second time changes nothing."""
        with self._lock:
            self._outstanding.pop(offset, None)

    def to_commit(self) -> int | None:
        """The offset at which a restart would begin; None: it is committed already."""
        with self._lock:
            at = next(iter(self._outstanding), self._next)
        return None if at == self._committed else at

    def committed(self, offset: int) -> None:
        """The broker has stored this offset."""
        self._committed = offset


class RecentMarks:
    """What was acknowledged lately, in bounded memory, so that a record that is read again is recognised.

    Args:
        most: marks; the oldest ones are forgotten.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._marks: OrderedDict[object, None] = OrderedDict()
        self._lock = Lock()

    def add(self, mark: object) -> None:
        """Remember a mark."""
        with self._lock:
            self._marks[mark] = None
            self._marks.move_to_end(mark)
            if len(self._marks) > self._most:
                self._marks.popitem(last=False)

    def __contains__(self, mark: object) -> bool:
        return mark in self._marks

    def __len__(self) -> int:
        return len(self._marks)
