"""What the fold remembers of one partition, and how it is brought back from the changelog.

The state belongs to the shell and is changed in place; after any failure it is dropped and restored from the log.
"""

from copy import copy
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from typing import Any, Literal

from msgspec import Struct

from router.domain.matching.case_index import Index, OpenCase, places_of, references_of
from router.domain.matching.parameters import Merging
from router.domain.model.case import Case, Task
from router.domain.model.report import REPORTS_KEPT, Report
from router.domain.rules.city import City
from router.domain.state.interning import NO_NETWORKS, share, with_network

Decision = Literal[
    "opened",
    "near",
    "component",
    "reference",
    "community",
    "redelivered",
    "updated",
    "rerouted",
    "window-closed",
    "ticked",
]
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_HELD_US = (REPORTS_KEPT + timedelta(days=1)) // _MICROSECOND
"""How long a closed case stays in memory: a day longer than updates reach it, because records are only nearly in order."""


class Outcome(Struct, frozen=True, gc=False):
    """What one event did."""

    decision: Decision
    cases: list[Case]
    """Cases that changed: the state's own objects; encode them before the next event or, as the shell does, once after a batch."""
    tasks: list[Task]
    """Tasks to dispatch, update or withdraw."""


class Timer(Struct, frozen=True, order=True, gc=False):
    """When a case's window ends; half of what a tuple costs."""

    until_us: int
    case: str
    """Its id."""


REDELIVERED = Outcome("redelivered", [], [])


class PartitionState:
    """Open cases, closed ones that an update may still reach, and every report id that was ever taken in."""

    def __init__(self) -> None:
        self.holder: dict[str, Case] = {}
        """Report id -> the case that has it, until the case was closed for as long as networks' records are kept."""
        self.seen: set[str] = set()
        """Ids of reports whose case is out of reach."""
        self.open: dict[str, OpenCase] = {}
        self.index = Index()
        self.timers: list[Timer] = []
        """A heap; one whose case has moved on is stale."""
        self.closed: list[tuple[int, str, Case]] = []
        """(when it was closed in µs, case id, case), a heap."""
        self._clock_us = 0
        """The latest time that an event told and that some case shows: whoever restores the cases must find the same."""

    @property
    def open_cases(self) -> int:
        """Cases whose merge window is open."""
        return len(self.open)

    def enter(self, entry: OpenCase, merging: Merging) -> None:
        """A case whose merge window is open."""
        self.open[entry.case.id] = entry
        self.index.add(entry, merging)
        heappush(self.timers, Timer(entry.until_us, entry.case.id))

    def extend(self, entry: OpenCase, until: datetime) -> None:
        """Let the window end later; an earlier end changes nothing."""
        if until > entry.case.window_until:
            entry.case.window_until = until
            entry.until_us = us(until)
            heappush(self.timers, Timer(entry.until_us, entry.case.id))

    def close(self, until_us: int, at: datetime, merging: Merging) -> list[Case]:
        """Close every window that ends at `until_us` or before, the earliest first, of equals the smaller id."""
        closed: list[Case] = []
        while self.timers and self.timers[0].until_us <= until_us:
            timer = heappop(self.timers)
            entry = self.open.get(timer.case)
            if entry is not None and entry.until_us == timer.until_us:
                self.index.remove(entry, merging)
                del self.open[timer.case]
                entry.case.window_closed_at = entry.case.updated_at = at
                self._out_of_window(entry.case, at)
                closed.append(entry.case)
        return closed

    def passed(self, now_us: int) -> None:
        """Let go of cases that no update reaches any more. Only for a time that a case shows: a report's, or that of a closing."""
        self._clock_us = max(self._clock_us, now_us)
        while self.closed and self.closed[0][0] + _HELD_US <= self._clock_us:
            self._let_go(heappop(self.closed)[2])

    def restore(self, case: Case, city: City) -> None:
        """Bring a case of the changelog back; in any order, each case once."""
        share(case)
        for report in case.reports:
            self.holder[report.id] = case
        if case.window_closed_at is None:
            networks = NO_NETWORKS
            for report in case.reports:
                networks = with_network(networks, report.network)
            self.enter(
                OpenCase(
                    case,
                    *span(case),
                    us(case.window_until),
                    networks,
                    places_of(case),
                    references_of(case, city.merging),
                ),
                city.merging,
            )
        else:
            self._out_of_window(case, case.window_closed_at)
        received = [(report.earlier[0] if report.earlier else report).received_at for report in case.reports]
        self.passed(us(max(received if case.window_closed_at is None else [*received, case.window_closed_at])))

    def reached(self, report: Report) -> Case | None:
        """The case that has this report, unless it was closed longer ago than networks' records are kept."""
        case = self.holder.get(report.id)
        if case is None or case.window_closed_at is None:
            return case
        return case if report.received_at - case.window_closed_at < REPORTS_KEPT else None

    def next_due(self) -> datetime | None:
        """When the next merge window closes; None when no case is open."""
        timers = self.timers
        while timers and self._stale(timers[0]):
            heappop(timers)
        return self.open[timers[0].case].case.window_until if timers else None

    def snapshot(self) -> dict[str, Any]:
        """What the state amounts to, for comparing two of them; later events do not change it."""
        open_ = {id_: (_copy(entry.case), *_known(entry)) for id_, entry in self.open.items()}
        closed = sorted((closed_us, id_, _copy(case).reports) for closed_us, id_, case in self.closed)
        ids = self.seen | self.holder.keys()
        return {"seen": ids, "open": open_, "closed": closed, "index": self.index.listed(), "due": self.next_due()}

    def _stale(self, timer: Timer) -> bool:
        entry = self.open.get(timer.case)
        return entry is None or entry.until_us != timer.until_us

    def _out_of_window(self, case: Case, at: datetime) -> None:
        heappush(self.closed, (us(at), case.id, case))

    def _let_go(self, case: Case) -> None:
        for report in case.reports:
            del self.holder[report.id]
            self.seen.add(report.id)


def span(case: Case) -> tuple[int, int]:
    """Occurrence in µs of its earliest and latest report."""
    occurred = [us(report.occurred_at) for report in case.reports]
    return min(occurred), max(occurred)


def _known(entry: OpenCase) -> tuple[Any, ...]:
    return entry.first_us, entry.last_us, entry.until_us, sorted(entry.networks), entry.places, entry.references


def _copy(case: Case) -> Case:
    """The case as it is now; whatever else it holds never changes."""
    return copy(case)


def us(at: datetime) -> int:
    """µs since 1970: whole, so that two instants compare as they were written."""
    return (at - _EPOCH) // _MICROSECOND
