"""When a case comes due: one timer a case, derived from what the case says.

Nothing about timers is stored, so a restored state has the timers of the state that was folded. A heap holds (due, case id). A
case that moved on leaves its old entry behind; an entry that disagrees with its case is stale and is skipped.
"""

import sys
from collections.abc import Mapping
from datetime import datetime
from heapq import heapify, heappop, heappush

from msgspec import Struct

from router.domain.matching.candidate import MatchCandidate
from router.domain.model.case import Case

STALE = 1_000
"""A heap is made again when it has more stale entries than others and this number."""


def due(case: Case) -> datetime | None:
    """The earliest instant at which something about the case comes due; None when nothing does.

    Today that is the end of its merge window. A deadline or a reminder would be one more term.
    """
    return case.window_until if case.window_closed_at is None else None


class Timer(Struct, frozen=True, order=True, gc=False):
    """An entry of the heap; half the memory of a tuple."""

    due: datetime
    """The case's own object, which costs no memory here."""
    case: str
    """Id of the case."""


class Timers:
    """The timers of the cases of one partition.

    Args:
        candidates: the cases that have one, by id. The state changes this mapping.
    """

    def __init__(self, candidates: Mapping[str, MatchCandidate]) -> None:
        self._candidates = candidates
        self._heap: list[Timer] = []

    def set(self, case: Case) -> None:
        """Set the timer of a case to the instant at which it comes due."""
        if (instant := due(case)) is not None:
            heappush(self._heap, Timer(instant, case.id))

    def next(self) -> datetime | None:
        """The earliest instant at which a case comes due; None when none does."""
        heap = self._heap
        while heap:
            case = self._current(heap[0])
            if case is not None:
                return due(case)
            heappop(heap)
        return None

    def is_due(self, at: datetime) -> bool:
        """Whether `take` may find a case at this instant; quick, so that every report can ask."""
        return bool(self._heap) and self._heap[0].due <= at

    def take(self, until: datetime, most: int = sys.maxsize) -> list[Case]:
        """Take the cases that are due at `until`: the earliest first, at the same instant the smaller id first.

        Their timers are gone then. `set` brings back one that was taken too early.

        Args:
            until: what is due then or earlier.
            most: how many cases to take at most.
        """
        taken: list[Case] = []
        heap = self._heap
        while heap and heap[0].due <= until and len(taken) < most:
            case = self._current(heappop(heap))
            if case is not None and not (taken and taken[-1] is case):  # a timer that was set twice
                taken.append(case)
        return taken

    def leave_out_stale(self) -> None:
        """Make the heap again when most of its entries are stale, so that it does not grow where nothing is taken from it."""
        if len(self._heap) > 2 * len(self._candidates) + STALE:
            cases = [entry.case for entry in self._candidates.values()]
            self._heap = [Timer(instant, case.id) for case in cases if (instant := due(case)) is not None]
            heapify(self._heap)

    def _current(self, timer: Timer) -> Case | None:
        """The timer's case; None if the timer is stale."""
        entry = self._candidates.get(timer.case)
        return entry.case if entry is not None and due(entry.case) == timer.due else None
