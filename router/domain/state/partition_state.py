"""What the fold remembers of one partition, and how it is restored from the changelog.

The state is changed in place. After any failure the shell drops it and restores it from the log.
"""

import sys
from copy import copy
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush
from typing import Any

from router.domain.case.size import MAX_REPORTS, is_full, thin
from router.domain.instants import MICROSECOND, us
from router.domain.matching.candidate import MatchCandidate
from router.domain.matching.case_index import CaseIndex
from router.domain.matching.parameters import MergeParameters
from router.domain.model.case import Case
from router.domain.model.identity import INCIDENT_MARK, first_incident_id
from router.domain.model.report import REPORTS_KEPT, Report
from router.domain.rules.rule_sets import RuleLookup, RuleSetError
from router.domain.state.changing import Changing
from router.domain.state.interning import intern_case
from router.domain.state.timers import Timers

_DAY_US = timedelta(days=1) // MICROSECOND
_KEPT_US = (REPORTS_KEPT + timedelta(days=1)) // MICROSECOND
"""How long a case stays in memory after its window was closed. That is a day longer than updates reach it, because records are
not quite in order."""


class PartitionState:
    """Cases whose window is open, later ones that an update may still reach, and the id of every report ever folded."""

    def __init__(self) -> None:
        self.case_by_report: dict[str, Case] = {}
        """Report id -> its case, for as long as the case stays in memory."""
        self.expired_report_ids: dict[str, int] = {}
        """Ids of reports whose case is out of reach, each with the end of the last day on which a version of it was received or
        occurred, in days since 1970. That is enough to recognise another incident with the same id."""
        self._days: dict[int, int] = {}
        self._latest_incidents: dict[str, str] = {}
        """Id of the first incident of a source id -> that of the latest one, for source ids that named several."""
        self.candidates: dict[str, MatchCandidate] = {}
        """Case id -> the case whose merge window is open."""
        self.index = CaseIndex()
        self.timers = Timers(self.candidates)
        self.changing = Changing(self.candidates, self.index, self.timers)
        """The door through which a case changes. `close_windows` alone closes windows."""
        self.window_closed: list[tuple[int, str, Case]] = []
        """A heap of (when the window was closed in µs, case id, case)."""
        self._clock_us = 0
        """The latest instant that an event brought and that some case shows, so that a restored state has the same."""

    @property
    def matchable_cases(self) -> int:
        """How many cases have an open merge window."""
        return len(self.candidates)

    def add(self, case: Case, merging: MergeParameters) -> None:
        """Add a case whose merge window is open."""
        entry = self.candidates[case.id] = MatchCandidate.of(case, merging)
        entry.full = is_full(case)
        self.index.add(entry, merging)
        self.timers.set(case)

    def close_windows(self, until: datetime, at: datetime, rules: RuleLookup, *, most: int = sys.maxsize) -> list[Case]:
        """Close windows that end at `until` or before: the earliest first, at the same instant the smaller id first.

        Args:
            until: end of the windows.
            at: when they are closed.
            rules: the rule sets of the cases.
            most: how many windows to close at most.

        Raises:
            RuleSetError: the rule set of one of the cases is not at hand; nothing was changed.
        """
        cases = self.timers.take(until, most)
        if not cases:
            return cases
        try:
            merging = [rules.of(case.rule_set).merging for case in cases]
        except RuleSetError:
            for case in cases:
                self.timers.set(case)
            raise
        at_us = us(at)
        for case, parameters in zip(cases, merging, strict=True):
            self.index.remove(self.candidates.pop(case.id), parameters)
            case.window_closed_at = case.updated_at = at
            case.revision += 1
            heappush(self.window_closed, (at_us, case.id, case))
        return cases

    def expire(self, now_us: int) -> None:
        """Forget cases that no update reaches any more.

        Args:
            now_us: an instant that a case shows: when a report was received, or when a window was closed.
        """
        self._clock_us = max(self._clock_us, now_us)
        while self.window_closed and self.window_closed[0][0] + _KEPT_US <= self._clock_us:
            self._forget(heappop(self.window_closed)[2])

    def restore(self, case: Case, merging: MergeParameters) -> None:
        """Take a case as the changelog has it: in any order of cases, and those of one case in their order."""
        _complete(case)
        intern_case(case)
        earlier = self.case_by_report.get(case.reports[0].id)
        if earlier is not None and earlier.id == case.id:
            if earlier.window_closed_at is not None and earlier.window_closed_at == case.window_closed_at:
                self._overwrite(earlier, case)
                return
            self._remove(earlier, merging)
        for report in case.reports:
            self.remember(report.id, case)
        if case.window_closed_at is None:
            self.add(case, merging)
        else:
            heappush(self.window_closed, (us(case.window_closed_at), case.id, case))
        self._expire_at(case)

    def _overwrite(self, earlier: Case, case: Case) -> None:
        """Change a case whose window is closed to what it is now. Its place in the heap stays."""
        for field in case.__struct_fields__:
            setattr(earlier, field, getattr(case, field))
        for report in case.reports:
            self.remember(report.id, earlier)
        self._expire_at(case)

    def _expire_at(self, case: Case) -> None:
        """Forget what no update reaches any more at the latest instant that a case shows."""
        received = [(report.earlier[0] if report.earlier else report).received_at for report in case.reports]
        self.expire(us(max(received if case.window_closed_at is None else [*received, case.window_closed_at])))

    def drop(self, case_id: str, merging: MergeParameters) -> None:
        """Remove a case that was deleted from the changelog."""
        entry = self.candidates.get(case_id)
        closed = (case for _, id_, case in self.window_closed if id_ == case_id)
        case = entry.case if entry is not None else next(closed, None)
        if case is not None:
            self._remove(case, merging)

    def _remove(self, case: Case, merging: MergeParameters) -> None:
        for report in case.reports:
            self.case_by_report.pop(report.id, None)
        entry = self.candidates.pop(case.id, None)
        if entry is not None:
            self.index.remove(entry, merging)
            return
        self.window_closed = [one for one in self.window_closed if one[1] != case.id]
        heapify(self.window_closed)

    def remember(self, report_id: str, case: Case) -> None:
        """Remember in which case a report is, and which incident its source id names now."""
        self.case_by_report[report_id] = case
        if INCIDENT_MARK in report_id:
            first = first_incident_id(report_id)
            if first is not None:
                self._latest_incidents[first] = max(report_id, self._latest_incidents.get(first, ""))

    def latest_incident(self, report_id: str) -> str:
        """The id of the latest incident that has the same source id, or the id itself."""
        return self._latest_incidents.get(report_id, report_id) if self._latest_incidents else report_id

    @staticmethod
    def is_within_reach(case: Case, report: Report) -> bool:
        """Whether an update reaches the case: until 30 days after its window was closed, as networks' records are kept."""
        return case.window_closed_at is None or report.received_at - case.window_closed_at < REPORTS_KEPT

    def next_due(self) -> datetime | None:
        """When the next case comes due; None when none does."""
        return self.timers.next()

    def snapshot(self) -> dict[str, Any]:
        """The content of the state, for comparing two of them. Later events do not change it."""
        candidates = {id_: (copy(entry.case), *_content(entry)) for id_, entry in self.candidates.items()}
        closed = sorted((closed_us, id_, copy(case).reports) for closed_us, id_, case in self.window_closed)
        ids = self.expired_report_ids.keys() | self.case_by_report.keys()
        return {
            "report ids": ids,
            "latest incidents": dict(self._latest_incidents),
            "candidates": candidates,
            "window closed": closed,
            "index": self.index.listed(),
            "due": self.next_due(),
        }

    def _forget(self, case: Case) -> None:
        for report in case.reports:
            del self.case_by_report[report.id]
            day = max(us(report.received_at), us(report.occurred_at)) // _DAY_US + 1
            self.expired_report_ids[report.id] = self._days.setdefault(day, day)  # one object for all reports of a day


def _complete(case: Case) -> None:
    """Add what release 0.1.0 did not write: the revision and the partition key.

    Its CloudEvents ids ended with the number of versions of the case's reports, so later revisions must be greater. A case that it
    let grow is thinned, so that the end of its window can be written.
    """
    if not case.revision:
        case.revision = sum([report.version for report in case.reports])
    if len(case.reports) > MAX_REPORTS:
        thin(case)
    if not case.partition_key:
        opening = case.reports[0]
        case.partition_key = (opening.earlier[0] if opening.earlier else opening).cell


def _content(entry: MatchCandidate) -> tuple[Any, ...]:
    return (
        entry.first_us,
        entry.last_us,
        entry.until_us,
        sorted(entry.networks),
        entry.places,
        entry.references,
        entry.full,
    )
