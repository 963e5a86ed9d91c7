"""Which steps of ladders were sent: the log time says it, so that no case is written for a step.

A tick sends every step whose time has passed. So a step before the latest tick was sent, and one behind it was not. Two things are not in
the log time, and the case says them: steps that tasks got when a tick had passed them already wait for the next one, and steps
that one tick sends ahead of the log time, because more was due than it takes. Docs: docs/adr/0041-steps-by-log-time.md.
"""

from collections.abc import Callable

from msgspec.structs import replace

from router.domain.case.archiving import finished_at
from router.domain.lifecycle.escalating import DueSteps, due_steps
from router.domain.lifecycle.ladder import timer_of
from router.domain.lifecycle.provisional import city_of
from router.domain.model.case import Case, LadderPlace
from router.domain.model.report import Tick
from router.domain.rules.city import City
from router.domain.rules.rule_sets import RuleLookup, RuleSetError
from router.domain.state.log_clock import LogClock
from router.domain.state.provisional_cases import ProvisionalCases
from router.domain.state.timers import Timers, next_timer


class SentSteps:
    """The steps of the cases of one partition.

    Args:
        timers: when they come due.
        provisional: the cases that move when a calendar is published.
        clock: the log time.
        ends: takes a case whose window is closed, when the instant has moved at which it is finished.
    """

    def __init__(
        self,
        timers: Timers,
        provisional: ProvisionalCases,
        clock: Callable[[], LogClock],
        ends: Callable[[Case], None],
    ) -> None:
        self._timers, self._provisional, self._clock, self._ends = timers, provisional, clock, ends

    def take_due(self, tick: Tick, rules: RuleLookup, *, most: int) -> list[tuple[Case, City]]:
        """Take the cases of which a step has come due, with their rule sets: the earliest first. A change sets their timers again.

        Args:
            tick: what is due then or earlier.
            rules: the rule sets of the cases.
            most: how many cases to take at most.

        Raises:
            RuleSetError: the rule set of one of the cases is not at hand; nothing was changed.
        """
        cases = self._timers.take(tick.at, most)
        try:
            return [(case, city_of(case, rules)) for case in cases]
        except RuleSetError:
            self.put_back(cases)
            raise

    def put_back(self, cases: list[Case]) -> None:
        """Give back cases that were taken."""
        for case in cases:
            self._timers.set(case)

    def note(self, tick: Tick, last: Case | None) -> None:
        """Note how far ticks have come, before the tick changes a case.

        Args:
            tick: the present one.
            last: the last case that was taken, if more may be due than the tick takes.
        """
        at = None if last is None else next_timer(last)
        if last is None or at is None:
            self._clock().escalated(tick.at)
        else:
            self._clock().escalated(at, last.id)

    def follow(self, case: Case, due: DueSteps) -> bool:
        """Remember the steps of a case that a tick sends, if the log time says that they were sent. That is no change of the case.

        Returns:
            Whether it does. Otherwise nothing was changed.
        """
        until = self._clock().escalated_of(case.id)
        for one in case.assignments:
            if one.step_waits:
                return False
        for _, step in due.steps:
            at = timer_of(case, step)
            if until is None or at is None or at > until:
                return False
        self._come_on(case, due)
        return True

    def _come_on(self, case: Case, due: DueSteps) -> None:
        end = finished_at(case)
        case.assignments = due.assignments
        self._timers.set(case)
        self._provisional.follow(case)
        if case.window_closed_at is not None and finished_at(case) != end:
            self._ends(case)

    def mark_waiting(self, case: Case) -> None:
        """Mark the steps of a case that ticks have passed already. Call it when its tasks have changed."""
        until = self._clock().escalated_of(case.id)
        if until is None:
            return
        for number, one in enumerate(case.assignments):
            waits = one.timer_at is not None and one.timer_at <= until
            if waits is not one.step_waits:
                place = LadderPlace(round=one.round, waits=waits, timer_provisional=one.timer_provisional)
                marked = replace(one, ladder=None if place == LadderPlace() else place)
                case.assignments = (*case.assignments[:number], marked, *case.assignments[number + 1 :])

    def restore(self, rules: RuleLookup) -> None:
        """Call it after a restore with a stored log time: steps were sent of which the changelog says nothing.

        Args:
            rules: the rule sets of the cases.

        Raises:
            RuleSetError: the rule set of one of the cases is not at hand. A second call goes on.
        """
        until = self._clock().escalated_until
        left = [] if until is None else self._timers.take(until)
        try:
            while left:
                case = left[-1]
                until = self._clock().escalated_of(case.id)
                if until is not None:
                    self._come_on(case, due_steps(case, city_of(case, rules), until, waiting=False))
                left.pop()
        finally:
            self.put_back(left)
