"""The one entry to the core: a state and an event give records to write and facts to count.

The fold is pure and deterministic. Time comes from the records, never from a clock.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from router.domain.case.erasure import take_erasure
from router.domain.case.joining import case_to_join, join_case
from router.domain.case.known_reports import may_be_forgotten, take_known_report
from router.domain.case.opening import open_case
from router.domain.case.task_record import task
from router.domain.feedback.answering import take_feedback
from router.domain.instants import us
from router.domain.intake.event_rejections import forgotten
from router.domain.lifecycle.escalating import due_steps, escalations_of
from router.domain.lifecycle.journal import JournalCause, journal
from router.domain.lifecycle.provisional import move_deadlines
from router.domain.lifecycle.stages import is_planned
from router.domain.matching.scoring import correlate
from router.domain.model.case import Case
from router.domain.model.erasure import Erasure
from router.domain.model.feedback import Feedback
from router.domain.model.outcome import (
    NOTHING_DUE,
    CaseChanged,
    EscalationSent,
    Fact,
    Outcome,
    Output,
    TickFolded,
    TransitionMade,
    add_tasks,
    escalation_facts,
    outcome,
    rejected,
    then_archived,
    with_archived,
)
from router.domain.model.report import Report, Tick
from router.domain.model.task import Task
from router.domain.rules.city import City
from router.domain.rules.rule_sets import RuleLookup, RuleSetError
from router.domain.state.partition_state import PartitionState
from router.domain.state.timers import next_timer

GRACE = timedelta(hours=1)
"""A report received this long after the end of a window closes the window, if no tick has. In a backlog the tick waits behind
other records, and windows that ended long ago would pile up. An hour, because networks' reports are not quite in order of receipt."""
CLOSED_AT_ONCE = 2
"""Windows that one report closes at most. A report opens one at most, so ended windows do not pile up. A broker's clock that jumps by 45
days for some reports closes a few windows too early, and not all of them. Ticks follow another clock, and close every window that ended."""
LADDERS_AT_ONCE = 1_000
"""Cases of which one tick sends what is due at most, so that no transaction grows without bound after an outage. The state is still due
then, so the next tick follows at once."""
MOVED_AT_ONCE = 2_000
"""Cases whose provisional deadlines one tick moves at most, for the same reason."""
Event = Report | Tick | Feedback | Erasure
_EARLIEST = datetime.min.replace(tzinfo=UTC) + GRACE
"""GRACE cannot be subtracted from an earlier instant."""


def fold(state: PartitionState, event: Event, rules: RuleLookup) -> Outcome:
    """Fold the next event of the partition's log.

    Args:
        state: of the partition; changed in place.
        event: a report, feedback, a request to erase data, or a tick that says what time it is.
        rules: the rule sets. A report is decided by its own, and a case that comes due by the case's own.

    Raises:
        RuleSetError: a rule set is not at hand; nothing was changed.
        RejectedEventError: the case of the report cannot take it; nothing was changed.
    """
    return HANDLERS[type(event)](state, event, rules)


def _fold_report(state: PartitionState, report: Report, rules: RuleLookup) -> Outcome:
    """Add the report to the case that it belongs to, or open one. Windows that ended long ago are closed first."""
    city = rules.of(report.rule_set)
    known_id = state.latest_incident(report.id)
    if known_id in state.case_by_report:
        decided = take_known_report(state, known_id, report, city)
        if isinstance(decided, Outcome):
            return decided
        report = decided
    elif may_be_forgotten(state.clock, report):
        return rejected(forgotten(report.id))
    merging, occurred_us, received_us = city.merging, us(report.occurred_at), us(report.received_at)
    received_at = report.received_at
    ended = received_at - GRACE if received_at > _EARLIEST else received_at
    due = state.windows.is_due(ended)
    closed = state.close_windows(ended, received_at, rules, most=CLOSED_AT_ONCE) if due else []
    state.clock.received_at = received_at
    archived = state.archive()
    matches = correlate(report, state.index, merging, occurred_us, received_us)
    match = case_to_join(matches, merging)
    if match is None:
        case, tasks = open_case(state, report, matches, city)
        made = [TransitionMade(one, case.partition_key) for one in journal(case, (), JournalCause(report, received_at))]
        return with_archived(outcome("opened", [*closed, case], tasks, made), archived)
    case, tasks = join_case(state, report, occurred_us, match, city)
    return with_archived(outcome(match.joined, [*closed, case], tasks), archived)


def _fold_tick(state: PartitionState, tick: Tick, rules: RuleLookup) -> Outcome:
    """Let provisional deadlines follow the calendar in effect, close every window that has ended, send what is due on the ladders of
    tasks, and archive cases that are finished. A tick that comes early or twice does none of it.
    """
    moving = state.take_provisional(tick.rule_set, rules, most=MOVED_AT_ONCE) if tick.rule_set else []
    due: list[tuple[Case, City]] = []
    try:
        if state.ladders.is_due(tick.at):
            due = state.steps.take_due(tick, rules, most=LADDERS_AT_ONCE)
        closed = state.close_windows(tick.at, tick.at, rules)
    except RuleSetError:
        state.provisional.put_back([case for case, _ in moving])
        state.steps.put_back([case for case, _ in due])
        raise
    state.clock.ticked_at = tick.at
    state.steps.note(tick, due[-1][0] if len(due) == LADDERS_AT_ONCE else None)
    changed = {case.id: case for case in closed}
    more: list[Output] = []
    tasks: list[Task] = []
    for case, city in moving:
        more += _move(state, case, city, tick, tasks)
        changed[case.id] = case
    for case, city in due:
        escalations, written = _escalate(state, case, city, tick)
        more += escalations
        if written:
            changed[case.id] = case
    if not changed and not more:
        return with_archived(NOTHING_DUE, state.archive())
    records: list[Output] = [*map(CaseChanged, changed.values()), *more]
    facts: list[Fact] = [TickFolded(len(closed)), *escalation_facts(more)]
    add_tasks(tasks, records, facts)
    # a case may take the last step of its ladder and be finished at one tick: its archived state is the last word
    return then_archived(Outcome(records, facts), state.archive())


def _escalate(state: PartitionState, case: Case, city: City, tick: Tick) -> tuple[list[EscalationSent], bool]:
    """Send what is due on the ladders of a case.

    The case is written only if the log time does not say that it was sent.

    Returns:
        What is sent, and whether the case is written.
    """
    at = next_timer(case)
    if at is None or at > tick.at:
        return [], False  # its deadline has moved just now
    due = due_steps(case, city, tick.at)
    made = escalations_of(case, due, city, tick.at)
    escalations = [EscalationSent(one, step.misses_limit) for one, (_, step) in zip(made, due.steps, strict=True)]
    if state.steps.follow(case, due):
        return escalations, False
    with state.changing(case, city.merging, moves=False):
        case.assignments = due.assignments
        case.updated_at = max(case.updated_at, tick.at)
    return escalations, True


def _move(state: PartitionState, case: Case, city: City, tick: Tick, tasks: list[Task]) -> list[Output]:
    """Let the provisional deadlines of a case follow a calendar. Appends the tasks of which the departments hear."""
    before = case.assignments
    with state.changing(case, city.merging, moves=False):
        transitions, escalations = move_deadlines(case, city, tick.rule_set, tick.at)
        case.updated_at = max(case.updated_at, tick.at)
        shown = {one.task: (one.due_at, one.due_provisional, one.milestones) for one in before}
        moved = [
            one
            for one in case.assignments
            if not is_planned(one) and shown[one.task] != (one.due_at, one.due_provisional, one.milestones)
        ]
    tasks += [task(case, one, city.catalogue, "updated", tick.at) for one in moved]
    return [*[TransitionMade(one, case.partition_key) for one in transitions], *map(EscalationSent, escalations)]


def _fold_feedback(state: PartitionState, feedback: Feedback, rules: RuleLookup) -> Outcome:
    """Apply or reject what a department or supervision says about a task."""
    return take_feedback(state, feedback, rules)


Handler = Callable[[PartitionState, Any, RuleLookup], Outcome]
HANDLERS: dict[type[Event], Handler] = {
    Report: _fold_report,
    Tick: _fold_tick,
    Feedback: _fold_feedback,
    Erasure: take_erasure,
}
"""What folds an event, by the type of the event."""
