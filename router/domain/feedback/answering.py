"""Feedback is folded: it is legal and changes tasks, or it changes nothing and its sender reads why.

Each is applied once or rejected once: a case remembers what it has decided about. Docs: docs/explanation/feedback.md.
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from router.domain.calendar.budget import is_countable
from router.domain.calendar.limits import read_limit
from router.domain.case.derived import state_of
from router.domain.case.dispatch import lifecycle_of
from router.domain.case.rerouting import open_again
from router.domain.case.task_record import in_team, task
from router.domain.catalogue.resolve import Catalogue
from router.domain.feedback.changes import LONGEST_SILENCE, changed, effective_at, silence_end
from router.domain.feedback.rejections import (
    bad_limit,
    bad_silence,
    foreign_task,
    has_task,
    id_reused,
    no_transfer,
    not_legal,
    too_late,
    too_many,
    unknown_department,
    unknown_milestone,
    unknown_task,
)
from router.domain.lifecycle.escalating import ChangedTasks, follow_tasks
from router.domain.lifecycle.journal import JournalCause, journal
from router.domain.lifecycle.lifecycles import Lifecycle
from router.domain.lifecycle.provisional import city_of
from router.domain.lifecycle.stages import is_live, is_planned, is_unheard, legal_for
from router.domain.model.case import Assignment, Case
from router.domain.model.feedback import SUPERVISION, WITH_DEPARTMENT, Answer, Feedback, FeedbackRejection
from router.domain.model.outcome import (
    CaseChanged,
    EscalationSent,
    Fact,
    FeedbackDecided,
    FeedbackRejected,
    Outcome,
    Output,
    TransitionMade,
    add_tasks,
    escalation_facts,
)
from router.domain.model.task import Task
from router.domain.rules.city import City
from router.domain.rules.rule_sets import RuleLookup
from router.domain.state.partition_state import PartitionState

MOST_ANSWERS = 64
"""Feedback of one sender about one case that is decided. A case takes ten in its lifecycle; the bound keeps a flood out of its record."""

_OPENS = frozenset({"reopen", "file"})
"""Kinds after which a closed or rejected case has tasks again."""


def take_feedback(state: PartitionState, feedback: Feedback, rules: RuleLookup) -> Outcome:
    """Fold feedback about a task.

    Raises:
        RuleSetError: the rule set of the case is not at hand; nothing was changed.
    """
    case = state.case_of_task(feedback.task)
    assignment = next((one for one in case.assignments if one.task == feedback.task), None) if case else None
    if case is None or assignment is None:
        return _rejected(feedback, unknown_task(feedback))
    city = city_of(case, rules)
    decided = _decided_already(case, assignment, feedback)
    if decided is not None:
        return decided
    rejection = _why_not(case, assignment, feedback, city)
    if rejection is None:
        return _apply(state, case, assignment, feedback, city)
    with state.changing(case, city.merging, moves=False):
        case.answers = (*case.answers, _answer(feedback, rejected=True))
        case.updated_at = max(case.updated_at, feedback.received_at)
    return _rejected(feedback, rejection, case)


def _decided_already(case: Case, assignment: Assignment, feedback: Feedback) -> Outcome | None:
    """The outcome of feedback that the case does not take up, and does not remember: foreign, known, or one too many."""
    if feedback.sender not in {SUPERVISION, assignment.department}:
        return _rejected(feedback, foreign_task(feedback, assignment))
    known = [one for one in case.answers if one.sender == feedback.sender]
    answer = next((one for one in known if one.id == feedback.id), None)
    if answer is None:
        return None if len(known) < MOST_ANSWERS else _rejected(feedback, too_many(feedback, MOST_ANSWERS))
    if answer.digest != feedback.digest:
        return _rejected(feedback, id_reused(feedback))
    return Outcome([], [FeedbackDecided(feedback.sender, feedback.kind, "redelivered")])


def _why_not(case: Case, assignment: Assignment, feedback: Feedback, city: City) -> FeedbackRejection | None:
    """Why the feedback cannot be applied; None if it can."""
    lifecycle = lifecycle_of(case, city.catalogue)
    if feedback.kind not in legal_for(assignment, feedback.sender, lifecycle):
        return not_legal(feedback, assignment, lifecycle)
    if feedback.kind in WITH_DEPARTMENT:
        return _why_no_receiver(case, assignment, feedback, city)
    if feedback.kind == "progress" and feedback.milestone is not None:
        known = any(one.id == feedback.milestone for one in assignment.milestones)
        return None if known else unknown_milestone(feedback, assignment, lifecycle)
    if feedback.kind == "silence" and silence_end(feedback, effective_at(feedback, assignment), city) is None:
        return bad_silence(feedback, assignment, lifecycle, LONGEST_SILENCE)
    if feedback.kind in {"ask-extension", "grant-extension"}:
        return _why_no_extension(assignment, feedback, city, lifecycle)
    return None


def _why_no_receiver(case: Case, assignment: Assignment, feedback: Feedback, city: City) -> FeedbackRejection | None:
    """Why the department that is named cannot get a task; None if it can."""
    lifecycle, target = lifecycle_of(case, city.catalogue), feedback.department
    if target is None or target not in city.catalogue.departments:
        return unknown_department(feedback, assignment, lifecycle)
    if feedback.kind == "ask-support":
        busy = any(is_live(one) and one.department == target for one in case.assignments)
        return has_task(feedback, assignment, lifecycle) if busy else None
    if feedback.kind == "transfer":
        pair = {assignment.department, target}
        allowed = len(pair) > 1 and any(pair <= {*together} for together in city.catalogue.transfers)
        return None if allowed else no_transfer(feedback, assignment, lifecycle)
    return None


def _why_no_extension(
    assignment: Assignment, feedback: Feedback, city: City, lifecycle: Lifecycle
) -> FeedbackRejection | None:
    """Why more time cannot be asked for or granted; None if it can."""
    limit = read_limit(feedback.limit or assignment.asked or "")
    if assignment.limit is None or limit is None or not is_countable(limit, city.calendar):
        return bad_limit(feedback, assignment, lifecycle)
    due = assignment.due_at
    if feedback.kind == "ask-extension" and due is not None and effective_at(feedback, assignment) >= due:
        return too_late(feedback, assignment, due, lifecycle)
    return None


def _apply(state: PartitionState, case: Case, assignment: Assignment, feedback: Feedback, city: City) -> Outcome:
    at, before = effective_at(feedback, assignment), case.assignments
    with state.changing(case, city.merging):
        if case.routed_for is not None and feedback.kind in _OPENS:
            open_again(case, city, at)
        else:
            case.assignments = changed(case, assignment, feedback, city, at)
        until = silence_end(feedback, at, city) if feedback.kind == "silence" else None
        case.answers = (*case.answers, _answer(feedback, at=at, until=until))
        change = ChangedTasks(city, at, feedback.received_at)
        escalations = follow_tasks(case, before, change, silenced=until is not None)
        case.updated_at = max(case.updated_at, feedback.received_at)
        _close_or_reopen(case, feedback, at)
        transitions = journal(case, before, JournalCause(feedback, at))
    records: list[Output] = [TransitionMade(one, case.partition_key) for one in transitions]
    records += map(EscalationSent, escalations)
    return _applied(case, before, feedback, city, records)


def _close_or_reopen(case: Case, feedback: Feedback, at: datetime) -> None:
    """A case is closed with its last task, or rejected, and nothing joins it any more: what is reported after that happened again."""
    if feedback.kind in _OPENS:
        case.closed_at = None
    elif not any(is_live(one) for one in case.assignments) and any(
        one.stage in {"closed", "rejected"} for one in case.assignments
    ):
        case.closed_at = at
        if case.window_closed_at is None:
            case.window_closed_at = feedback.received_at
    case.state = state_of(case)


def _answer(
    feedback: Feedback, *, rejected: bool = False, at: datetime | None = None, until: datetime | None = None
) -> Answer:
    return Answer(id=feedback.id, sender=feedback.sender, digest=feedback.digest, rejected=rejected, at=at, until=until)


def _applied(
    case: Case, before: Sequence[Assignment], feedback: Feedback, city: City, more: Sequence[Output]
) -> Outcome:
    records: list[Output] = [CaseChanged(case), *more]
    facts: list[Fact] = [FeedbackDecided(feedback.sender, feedback.kind, "applied"), *escalation_facts(more)]
    add_tasks(_changed_tasks(case, before, city.catalogue, feedback.received_at), records, facts)
    return Outcome(records, facts)


def _changed_tasks(case: Case, before: Sequence[Assignment], catalogue: Catalogue, at: datetime) -> list[Task]:
    """The tasks whose assignment is another now: their departments hear of it. If the team is another now, all that hold tasks do."""
    known = {one.task: one for one in before}
    team_changed = [one.task for one in before if in_team(one)] != [
        one.task for one in case.assignments if in_team(one)
    ]
    tasks: list[Task] = []
    for one in case.assignments:
        old = known.get(one.task)
        if is_planned(one) or one.stage == "rejected" or (old is not None and not is_live(old) and not is_live(one)):
            continue
        if old is None or (old is not one and is_unheard(old)):
            tasks.append(task(case, one, catalogue))
        elif (old is not one and not _same(old, one)) or (team_changed and is_live(one)):
            tasks.append(task(case, one, catalogue, "withdrawn" if one.withdrawn_at is not None else "updated", at))
    return tasks


def _same(old: Assignment, new: Assignment) -> bool:
    """Whether they differ only in when a reminder is sent, of which the department hears nothing."""
    return replace(old, timer_at=new.timer_at, ladder=new.ladder) == new


def _rejected(feedback: Feedback, rejection: FeedbackRejection, case: Case | None = None) -> Outcome:
    records: list[Output] = [FeedbackRejected(feedback, rejection)]
    if case is not None:
        records.insert(0, CaseChanged(case))
    return Outcome(records, [FeedbackDecided(feedback.sender, feedback.kind, rejection.code)])
