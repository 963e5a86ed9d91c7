"""When a case comes due: one timer a case and kind, derived from what the case says.

There are two kinds: the end of the merge window, and the next reminder or escalation of its tasks. Nothing about timers is stored
beside the cases, so a restored state has the timers of the state that was folded. A case that moved on leaves its old entry behind; an
entry that disagrees with its case is stale and is skipped.

Entries wait in one list an hour, and only the earliest hour is a heap. So what an event costs does not grow with the number of timers.
"""

import sys
from collections.abc import Callable, Iterable
from datetime import datetime
from heapq import heapify, heappop, heappush

from msgspec import Struct

from router.domain.model.case import Case

STALE = 1_000
"""Entries are made again when more are stale than not, and this number."""


def window_end(case: Case) -> datetime | None:
    """The end of the merge window of a case; None when it was closed."""
    return case.window_until if case.window_closed_at is None else None


def next_timer(case: Case) -> datetime | None:
    """When the next reminder or escalation of a case comes due; None when none does."""
    found: datetime | None = None
    for one in case.assignments:
        at = one.timer_at
        if at is not None and (found is None or at < found):
            found = at
    return found


class Timer(Struct, frozen=True, order=True, gc=False):
    """An entry of the heap; half the memory of a tuple."""

    due: datetime
    """The case's own object, which costs no memory here."""
    case: str
    """Id of the case."""


class Timers:
    """The timers of one kind of the cases of one partition.

    Args:
        due: the instant at which a case comes due; None when it does not.
        case_of: a case of the state by its id; None if the state does not have it.
    """

    def __init__(self, due: Callable[[Case], datetime | None], case_of: Callable[[str], Case | None]) -> None:
        self._due, self._case_of = due, case_of
        self._clear()

    def _clear(self) -> None:
        self._heap: list[Timer] = []
        """Entries of the earliest hour, and of those before it."""
        self._hour = -1
        """Number of that hour."""
        self._later: dict[int, list[Timer]] = {}
        """Hour -> its entries, in no order."""
        self._hours: list[int] = []
        """A heap of these hours."""
        self._size = 0

    def __len__(self) -> int:
        """How many entries there are, stale ones among them."""
        return self._size

    def set(self, case: Case) -> None:
        """Set the timer of a case to the instant at which it comes due."""
        instant = self._due(case)
        if instant is None:
            return
        self._size += 1
        hour = 24 * instant.toordinal() + instant.hour
        if hour <= self._hour:
            heappush(self._heap, Timer(instant, case.id))
        elif (waiting := self._later.get(hour)) is not None:
            waiting.append(Timer(instant, case.id))
        else:
            self._later[hour] = [Timer(instant, case.id)]
            heappush(self._hours, hour)

    def _earliest(self) -> list[Timer]:
        """The heap with the earliest entry at its top; empty when there is none."""
        if not self._heap and self._hours:
            self._hour = heappop(self._hours)
            self._heap = self._later.pop(self._hour)
            heapify(self._heap)
        return self._heap

    def _pop(self) -> Timer:
        self._size -= 1
        return heappop(self._heap)

    def next(self) -> datetime | None:
        """The earliest instant at which a case comes due; None when none does."""
        while heap := self._earliest():
            if self._current(heap[0]) is not None:
                return heap[0].due
            self._pop()
        return None

    def is_due(self, at: datetime) -> bool:
        """Whether `take` may find a case at this instant; quick, so that every report can ask."""
        heap = self._heap or self._earliest()
        return bool(heap) and heap[0].due <= at

    def take(self, until: datetime, most: int = sys.maxsize) -> list[Case]:
        """Take the cases that are due at `until`: the earliest first, at the same instant the smaller id first.

        Their timers are gone then. `set` brings back one that was taken too early.

        Args:
            until: what is due then or earlier.
            most: how many cases to take at most.
        """
        taken: list[Case] = []
        while len(taken) < most and (heap := self._earliest()) and heap[0].due <= until:
            case = self._current(self._pop())
            if case is not None and not (taken and taken[-1] is case):  # a timer that was set twice
                taken.append(case)
        return taken

    def leave_out_stale(self, number: int, cases: Callable[[], Iterable[Case]]) -> None:
        """Make the entries again when most are stale, so that they do not grow where nothing is taken.

        Args:
            number: of the cases that may have a timer of this kind.
            cases: these.
        """
        if self._size > 2 * number + STALE:
            self._clear()
            for case in cases():
                self.set(case)

    def _current(self, timer: Timer) -> Case | None:
        """The timer's case; None if the timer is stale."""
        case = self._case_of(timer.case)
        return case if case is not None and self._due(case) == timer.due else None
