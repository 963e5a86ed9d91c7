"""What the fold remembers of one partition, and how it is brought back from the changelog.

The state belongs to the shell and is changed in place; after any failure it is dropped and restored from the log.
"""

from copy import copy
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from typing import Any

from msgspec import Struct

from router.domain.matching.case_index import CaseIndex, MatchCandidate, places_of, references_of
from router.domain.matching.parameters import MergeParameters
from router.domain.model.case import Case
from router.domain.model.report import REPORTS_KEPT, Report
from router.domain.rules.rule_sets import RuleLookup, RuleSetError
from router.domain.state.interning import NO_NETWORKS, intern_case, with_network

_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_KEPT_US = (REPORTS_KEPT + timedelta(days=1)) // _MICROSECOND
"""How long a closed case stays in memory: a day longer than updates reach it, because records are only nearly in order."""


class Timer(Struct, frozen=True, order=True, gc=False):
    """When a case's window ends; half of what a tuple costs."""

    until_us: int
    case: str
    """Its id."""


class PartitionState:
    """Open cases, closed ones that an update may still reach, and every report id that was ever taken in."""

    def __init__(self) -> None:
        self.case_by_report: dict[str, Case] = {}
        """Report id -> the case that has it, until the case was closed for as long as networks' records are kept."""
        self.expired_report_ids: set[str] = set()
        """Ids of reports whose case is out of reach."""
        self.candidates: dict[str, MatchCandidate] = {}
        self.index = CaseIndex()
        self.timers: list[Timer] = []
        """A heap; one whose case has moved on is stale."""
        self.window_closed: list[tuple[int, str, Case]] = []
        """(when it was closed in µs, case id, case), a heap."""
        self._clock_us = 0
        """The latest time that an event told and that some case shows: whoever restores the cases must find the same."""

    @property
    def matchable_cases(self) -> int:
        """Cases whose merge window is open."""
        return len(self.candidates)

    def add_candidate(self, entry: MatchCandidate, merging: MergeParameters) -> None:
        """A case whose merge window is open."""
        self.candidates[entry.case.id] = entry
        self.index.add(entry, merging)
        heappush(self.timers, Timer(entry.until_us, entry.case.id))

    def extend_window(self, entry: MatchCandidate, until: datetime) -> None:
        """Let the window end later; an earlier end changes nothing."""
        if until > entry.case.window_until:
            entry.case.window_until = until
            entry.until_us = us(until)
            heappush(self.timers, Timer(entry.until_us, entry.case.id))

    def close_windows(self, until_us: int, at: datetime, rules: RuleLookup) -> list[Case]:
        """Close every window that ends at `until_us` or before: the earliest first, at the same instant the smaller id first.

        Raises:
            RuleSetError: the rule set of one of the cases is not at hand; nothing was changed.
        """
        if not self.timers or self.timers[0].until_us > until_us:
            return []
        due = self._take_due(until_us)
        try:
            merging = [rules.of(case.rule_set).merging for case in due]
        except RuleSetError:
            for case in due:
                heappush(self.timers, Timer(us(case.window_until), case.id))
            raise
        for case, parameters in zip(due, merging, strict=True):
            self._close_window(case, at, parameters)
        return due

    def _take_due(self, until_us: int) -> list[Case]:
        due: list[Case] = []
        while self.timers and self.timers[0].until_us <= until_us:
            timer = heappop(self.timers)
            if not self._stale(timer):
                due.append(self.candidates[timer.case].case)
        return due

    def _close_window(self, case: Case, at: datetime, merging: MergeParameters) -> None:
        self.index.remove(self.candidates.pop(case.id), merging)
        case.window_closed_at = case.updated_at = at
        case.revision += 1
        self._out_of_window(case, at)

    def expire(self, now_us: int) -> None:
        """Let go of cases that no update reaches any more. Only for a time that a case shows: a report's, or that of a closing."""
        self._clock_us = max(self._clock_us, now_us)
        while self.window_closed and self.window_closed[0][0] + _KEPT_US <= self._clock_us:
            self._forget(heappop(self.window_closed)[2])

    def restore(self, case: Case, merging: MergeParameters) -> None:
        """Bring a case of the changelog back; in any order, each case once."""
        _complete(case)
        intern_case(case)
        for report in case.reports:
            self.case_by_report[report.id] = case
        if case.window_closed_at is None:
            networks = NO_NETWORKS
            for report in case.reports:
                networks = with_network(networks, report.network)
            self.add_candidate(
                MatchCandidate(
                    case,
                    *span(case),
                    us(case.window_until),
                    networks,
                    places_of(case),
                    references_of(case, merging),
                ),
                merging,
            )
        else:
            self._out_of_window(case, case.window_closed_at)
        received = [(report.earlier[0] if report.earlier else report).received_at for report in case.reports]
        self.expire(us(max(received if case.window_closed_at is None else [*received, case.window_closed_at])))

    def case_of(self, report: Report) -> Case | None:
        """The case that has this report, unless it was closed longer ago than networks' records are kept."""
        case = self.case_by_report.get(report.id)
        if case is None or case.window_closed_at is None:
            return case
        return case if report.received_at - case.window_closed_at < REPORTS_KEPT else None

    def next_due(self) -> datetime | None:
        """When the next merge window closes; None when no case is open."""
        timers = self.timers
        while timers and self._stale(timers[0]):
            heappop(timers)
        return self.candidates[timers[0].case].case.window_until if timers else None

    def snapshot(self) -> dict[str, Any]:
        """What the state amounts to, for comparing two of them; later events do not change it."""
        open_ = {id_: (_copy(entry.case), *_known(entry)) for id_, entry in self.candidates.items()}
        closed = sorted((closed_us, id_, _copy(case).reports) for closed_us, id_, case in self.window_closed)
        ids = self.expired_report_ids | self.case_by_report.keys()
        return {"seen": ids, "open": open_, "closed": closed, "index": self.index.listed(), "due": self.next_due()}

    def _stale(self, timer: Timer) -> bool:
        entry = self.candidates.get(timer.case)
        return entry is None or entry.until_us != timer.until_us

    def _out_of_window(self, case: Case, at: datetime) -> None:
        heappush(self.window_closed, (us(at), case.id, case))

    def _forget(self, case: Case) -> None:
        for report in case.reports:
            del self.case_by_report[report.id]
            self.expired_report_ids.add(report.id)


def _complete(case: Case) -> None:
    """Add what release 0.1.0 did not write: the revision and the partition key.

    Its CloudEvents ids ended with the number of versions of the case's reports, so later revisions must be greater.
    """
    if not case.revision:
        case.revision = sum([report.version for report in case.reports])
    if not case.partition_key:
        opening = case.reports[0]
        case.partition_key = (opening.earlier[0] if opening.earlier else opening).cell


def span(case: Case) -> tuple[int, int]:
    """Occurrence in µs of its earliest and latest report."""
    occurred = [us(report.occurred_at) for report in case.reports]
    return min(occurred), max(occurred)


def _known(entry: MatchCandidate) -> tuple[Any, ...]:
    return entry.first_us, entry.last_us, entry.until_us, sorted(entry.networks), entry.places, entry.references


def _copy(case: Case) -> Case:
    """The case as it is now; whatever else it holds never changes."""
    return copy(case)


def us(at: datetime) -> int:
    """µs since 1970: whole, so that two instants compare as they were written."""
    return (at - _EPOCH) // _MICROSECOND
