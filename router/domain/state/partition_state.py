"""What the fold remembers of one partition, and how it is restored from the changelog and the stored log time.

The state is changed in place. After any failure the shell drops it and restores it from the log.
"""

import sys
from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime
from heapq import heapify, heappop, heappush
from typing import Any

from router.domain.case.archiving import IDS_KEPT, finished_at
from router.domain.case.reports import complete_reports
from router.domain.case.size import MAX_REPORTS, is_full, thin
from router.domain.matching.candidate import MatchCandidate
from router.domain.matching.case_index import CaseIndex
from router.domain.matching.parameters import MergeParameters
from router.domain.model.case import Case, Departure
from router.domain.model.identity import INCIDENT_MARK, first_incident_id
from router.domain.model.outcome import CaseArchived
from router.domain.model.report import REPORTS_KEPT, Report
from router.domain.rules.city import City
from router.domain.rules.rule_sets import RuleLookup, RuleSetError
from router.domain.state.changing import Changing
from router.domain.state.interning import intern_case
from router.domain.state.log_clock import LogClock
from router.domain.state.provisional_cases import ProvisionalCases
from router.domain.state.sent_steps import SentSteps
from router.domain.state.timers import STALE, Timers, next_timer, window_end

ARCHIVED_AT_ONCE = 10
"""Cases that one event archives at most. In the long run each event opens at most one, so the state does not grow, and many cases
that are finished at once (after an upgrade, or a long silence) make no transaction large."""
_EARLIEST = datetime.min.replace(tzinfo=UTC) + IDS_KEPT
"""IDS_KEPT cannot be subtracted from an earlier instant."""


class PartitionState:
    """Cases that are not finished: their window is open, or something may still reach them. And the ids of their reports."""

    def __init__(self) -> None:
        self.case_by_report: dict[str, Case] = {}
        """Report id -> its case."""
        self._incidents: dict[str, tuple[str, ...]] = {}
        """Id of the first incident of a source id -> those of the later ones, the latest one last."""
        self.clock = LogClock()
        """Not shown by the cases: a restored state gets it from what was stored with the offset."""
        self.candidates: dict[str, MatchCandidate] = {}
        """Case id -> the case whose merge window is open."""
        self.index = CaseIndex()
        self.windows = Timers(window_end, self._matchable)
        """When the merge windows end."""
        self.ladders = Timers(next_timer, self._known)
        """When reminders and escalations come due."""
        self._closed: dict[str, Case] = {}
        """Case id -> the case whose window was closed."""
        self._ends: list[tuple[datetime, str]] = []
        """A heap of (when it is finished, case id) of these cases. An entry that disagrees with its case is stale and is skipped."""
        self.provisional = ProvisionalCases(self._known)
        """Cases with a deadline that moves when a calendar is published."""
        self.steps = SentSteps(self.ladders, self.provisional, lambda: self.clock, self._await_end)
        """Which steps of ladders were sent."""
        self.changing = Changing(
            self.candidates,
            self.index,
            (self.windows, self.ladders),
            self._await_end,
            (self.provisional.follow, self.steps.mark_waiting),
        )
        """The door through which a case changes. Windows that come due are closed by `close_windows`."""
        self.left: dict[tuple[str, str], Case] = {}
        """(report id, case id) -> a case of the state that the report left, so that it can return there."""

    @property
    def matchable_cases(self) -> int:
        """How many cases have an open merge window."""
        return len(self.candidates)

    def add(self, case: Case, merging: MergeParameters) -> None:
        """Add a case. It is matchable while its merge window is open."""
        self.ladders.set(case)
        self.provisional.follow(case)
        if case.window_closed_at is not None:
            self._await_end(case)
            return
        entry = self.candidates[case.id] = MatchCandidate.of(case, merging)
        entry.full = is_full(case)
        self.index.add(entry, merging)
        self.windows.set(case)

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
        cases = self.windows.take(until, most)
        if not cases:
            return cases
        try:
            merging = [rules.of(case.rule_set).merging for case in cases]
        except RuleSetError:
            for case in cases:
                self.windows.set(case)
            raise
        for case, parameters in zip(cases, merging, strict=True):
            self.index.remove(self.candidates.pop(case.id), parameters)
            case.window_closed_at = case.updated_at = at
            case.revision += 1
            self._await_end(case)
        return cases

    def take_provisional(self, version: str, rules: RuleLookup, *, most: int) -> list[tuple[Case, City]]:
        """Take the cases whose provisional deadlines may move by the calendar of a rule set, with their own rule sets and that calendar.

        Args:
            version: of the rule set.
            rules: the rule sets.
            most: how many cases to take at most.

        Raises:
            RuleSetError: a rule set is not at hand; nothing was changed.
        """
        cases = self.provisional.take(version, most)
        try:
            return [(case, replace(rules.of(case.rule_set), calendar=rules.of(version).calendar)) for case in cases]
        except RuleSetError:
            self.provisional.put_back(cases)
            raise

    def archive(self) -> Sequence[CaseArchived]:
        """Take the finished cases out of the state, and with them the ids of their reports: the earliest first, some at a time."""
        ends, now = self._ends, self.clock.now
        if not ends or now is None or ends[0][0] > now:
            return ()
        archived: list[CaseArchived] = []
        while ends and ends[0][0] <= now and len(archived) < ARCHIVED_AT_ONCE:
            end, id_ = heappop(ends)
            case = self._closed.get(id_)
            if case is not None and finished_at(case) == end:
                self.clock.forgot(case)
                self._forget(case)
                archived.append(CaseArchived(case, now))
        return archived

    def assume_forgotten(self) -> None:
        """Call it after a restore without a stored log time: cases may have been archived.

        They were finished before all others, and their windows ended at least IDS_KEPT before the latest report that a case has. Without the second
        bound a young partition would reject its new reports.
        """
        self.clock = LogClock()
        cases = [*self._closed.values(), *[entry.case for entry in self.candidates.values()]]
        if cases:
            received = max([one.received_at for case in cases for one in case.reports], default=_EARLIEST)
            ends = [end - IDS_KEPT for case in cases if (end := finished_at(case)) is not None]
            self.clock.forgotten_until = min(
                [max(received, _EARLIEST) - IDS_KEPT, *(ends or [case.opened_at for case in cases])]
            )

    def restore(self, case: Case, merging: MergeParameters) -> None:
        """Take a case as the changelog has it: in any order of cases, and those of one case in their order."""
        _complete(case)
        intern_case(case)
        earlier = self._known(case.id)
        if earlier is not None:
            if earlier.window_closed_at is not None and earlier.window_closed_at == case.window_closed_at:
                self._overwrite(earlier, case)
                return
            self._remove(earlier, merging)
        for report in case.reports:
            self.remember(report.id, case)
        self.remember_departures(case)
        self.add(case, merging)
        self._leave_out_stale()

    def _leave_out_stale(self) -> None:
        """A copy that follows its changelog takes nothing from its heaps, so stale entries would pile up in them."""
        matchable, closed = self.candidates, self._closed
        self.windows.leave_out_stale(len(matchable), lambda: [entry.case for entry in matchable.values()])
        self.ladders.leave_out_stale(
            len(matchable) + len(closed), lambda: [*[entry.case for entry in matchable.values()], *closed.values()]
        )
        if len(self._ends) > 2 * len(self._closed) + STALE:
            self._ends = [(end, case.id) for case in self._closed.values() if (end := finished_at(case)) is not None]
            heapify(self._ends)

    def case_of_task(self, task_id: str) -> Case | None:
        """The case that a task's id names, whether or not it has the task; None if the state has no such case."""
        return self._known(task_id.rpartition(".")[0])

    def case_of(self, case_id: str) -> Case | None:
        """The case with this id; None if the state has none."""
        return self._known(case_id)

    def _matchable(self, case_id: str) -> Case | None:
        entry = self.candidates.get(case_id)
        return None if entry is None else entry.case

    def _known(self, case_id: str) -> Case | None:
        entry = self.candidates.get(case_id)
        return self._closed.get(case_id) if entry is None else entry.case

    def _overwrite(self, earlier: Case, case: Case) -> None:
        """Change a case whose window is closed to what it is now."""
        departed, end, timer = earlier.departed, finished_at(earlier), next_timer(earlier)
        for field in case.__struct_fields__:
            setattr(earlier, field, getattr(case, field))
        for report in case.reports:
            self.remember(report.id, earlier)
        self.remember_departures(earlier, departed)
        if finished_at(earlier) != end:
            self._await_end(earlier)
        if next_timer(earlier) != timer:
            self.ladders.set(earlier)
        self.provisional.follow(earlier)

    def drop(self, case_id: str, merging: MergeParameters) -> None:
        """Remove a case that was deleted from the changelog, because it is archived."""
        case = self._known(case_id)
        if case is not None:
            self._remove(case, merging)

    def _remove(self, case: Case, merging: MergeParameters) -> None:
        self._forget(case)
        entry = self.candidates.pop(case.id, None)
        if entry is not None:
            self.index.remove(entry, merging)

    def remember(self, report_id: str, case: Case) -> None:
        """Remember in which case a report is, and which incident its source id names now."""
        self.case_by_report[report_id] = case
        if INCIDENT_MARK in report_id:
            first = first_incident_id(report_id)
            if first is not None:
                self._incidents[first] = tuple(sorted({*self._incidents.get(first, ()), report_id}))

    def remember_departures(self, case: Case, before: tuple[Departure, ...] = ()) -> None:
        """Remember which reports left the case.

        Args:
            case: as it is now.
            before: the departures that it had.
        """
        if case.departed is before:
            return
        for one in before:
            self.left.pop((one.report, case.id), None)
        for one in case.departed:
            self.left[one.report, case.id] = case

    def latest_incident(self, report_id: str) -> str:
        """The id of the latest incident that has the same source id, or the id itself."""
        return self._incidents.get(report_id, (report_id,))[-1] if self._incidents else report_id

    @staticmethod
    def is_within_reach(case: Case, report: Report) -> bool:
        """Whether an update reaches the case: until 30 days after its window was closed, as networks' records are kept."""
        return case.window_closed_at is None or report.received_at - case.window_closed_at < REPORTS_KEPT

    def next_due(self) -> datetime | None:
        """When the next case comes due, by its window or by the ladder of a task; None when none does."""
        window, ladder = self.windows.next(), self.ladders.next()
        if window is None or ladder is None:
            return window or ladder
        return min(window, ladder)

    def snapshot(self) -> dict[str, Any]:
        """The content of the state, for comparing two of them. Later events do not change it."""
        candidates = {id_: (copy(entry.case), *_content(entry)) for id_, entry in self.candidates.items()}
        closed = {id_: (finished_at(case), case.reports, case.assignments) for id_, case in self._closed.items()}
        return {
            "report ids": self.case_by_report.keys() | set(),
            "incidents": dict(self._incidents),
            "candidates": candidates,
            "window closed": closed,
            "index": self.index.listed(),
            "due": self.next_due(),
            "left": {key: case.id for key, case in self.left.items()},
        }

    def _await_end(self, case: Case) -> None:
        """Keep a case whose window was closed until it is finished."""
        self._closed[case.id] = case
        if (end := finished_at(case)) is not None:
            heappush(self._ends, (end, case.id))

    def _forget(self, case: Case) -> None:
        self._closed.pop(case.id, None)
        self.provisional.forget(case)
        for one in case.departed:
            self.left.pop((one.report, case.id), None)
        for report in case.reports:
            if self.case_by_report.get(report.id) is not case:
                continue  # after a loss of state two cases may have one report
            del self.case_by_report[report.id]
            first = first_incident_id(report.id) if INCIDENT_MARK in report.id else None
            if first is not None:
                left = tuple([one for one in self._incidents.pop(first) if one != report.id])
                if left:
                    self._incidents[first] = left


def _complete(case: Case) -> None:
    """Add what release 0.1.0 did not write: the revision, the partition key, and what each of several reports says.

    Its CloudEvents ids ended with the number of versions of the case's reports, so later revisions must be greater. A case that it
    let grow is thinned, so that the end of its window can be written.
    """
    if not case.revision:
        case.revision = sum([report.version for report in case.reports])
    if len(case.reports) > MAX_REPORTS:
        thin(case)
    complete_reports(case)
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
