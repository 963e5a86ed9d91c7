"""Feedback is folded: it is legal and changes tasks, or it changes nothing and its sender reads why.

Each is applied once or rejected once: a case remembers what it has decided about. Docs: docs/explanation/feedback.md.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from router.domain.case.derived import state_of
from router.domain.case.dispatch import new_assignment, task, withdrawn, workflow_of
from router.domain.catalogue.model import Receiver
from router.domain.feedback.returns import assigned_to, next_receiver
from router.domain.intake.rejections import printable
from router.domain.lifecycle.journal import JournalCause, journal
from router.domain.lifecycle.stages import is_checked, is_live, legal_for, next_stage, stage_of
from router.domain.model.case import Assignment, Case
from router.domain.model.feedback import SUPERVISION, Answer, Feedback, FeedbackCode, FeedbackRejection
from router.domain.model.outcome import (
    CaseChanged,
    Fact,
    FeedbackDecided,
    FeedbackRejected,
    Outcome,
    Output,
    TransitionMade,
    add_tasks,
)
from router.domain.model.task import Task
from router.domain.model.transition import TaskStage
from router.domain.rules.city import City
from router.domain.rules.rule_sets import RuleLookup
from router.domain.state.partition_state import PartitionState

MOST_ANSWERS = 64
"""Feedback of one sender about one case that is decided. A case takes ten in its life; the bound keeps a flood out of its record."""
LATE = timedelta(hours=12)
"""What was handled in time and delivered later, because a phone was offline, is judged by when it happened. After more than that it is
judged by when it was received."""


def take_feedback(state: PartitionState, feedback: Feedback, rules: RuleLookup) -> Outcome:
    """Fold feedback about a task.

    Raises:
        RuleSetError: the rule set of the case is not at hand; nothing was changed.
    """
    case = state.case_of_task(feedback.task)
    assignment = next((one for one in case.assignments if one.task == feedback.task), None) if case else None
    if case is None or assignment is None:
        return _rejected(feedback, _unknown_task(feedback))
    city = rules.of(case.rule_set)
    decided = _decided_already(case, assignment, feedback)
    if decided is not None:
        return decided
    rejection = _why_not(assignment, feedback, city)
    if rejection is None:
        return _apply(state, case, assignment, feedback, city)
    with state.changing(case, city.merging, moves=False):
        case.answers = (*case.answers, _answer(feedback, rejected=True))
        case.updated_at = max(case.updated_at, feedback.received_at)
    return _rejected(feedback, rejection, case)


def _decided_already(case: Case, assignment: Assignment, feedback: Feedback) -> Outcome | None:
    """The outcome of feedback that the case does not take up, and does not remember: foreign, known, or one too many."""
    if feedback.sender not in {SUPERVISION, assignment.department}:
        return _rejected(feedback, _foreign_task(feedback, assignment))
    known = [one for one in case.answers if one.sender == feedback.sender]
    answer = next((one for one in known if one.id == feedback.id), None)
    if answer is None:
        return None if len(known) < MOST_ANSWERS else _rejected(feedback, _too_many(feedback))
    if answer.digest != feedback.digest:
        return _rejected(feedback, _id_reused(feedback))
    return Outcome([], [FeedbackDecided(feedback.sender, feedback.kind, "redelivered")])


def _why_not(assignment: Assignment, feedback: Feedback, city: City) -> FeedbackRejection | None:
    """Why the feedback cannot be applied; None if it can."""
    if feedback.kind not in legal_for(assignment, feedback.sender):
        return _not_legal(feedback, assignment)
    target = feedback.department
    if feedback.kind == "reroute" and (target is None or target not in city.catalogue.departments):
        return _unknown_department(feedback, assignment)
    return None


def _apply(state: PartitionState, case: Case, assignment: Assignment, feedback: Feedback, city: City) -> Outcome:
    at, before = effective_at(feedback, assignment), case.assignments
    with state.changing(case, city.merging):
        case.assignments = _APPLIERS.get(feedback.kind, _answered)(case, assignment, feedback, city, at)
        case.answers = (*case.answers, _answer(feedback, at=at))
        case.updated_at = max(case.updated_at, feedback.received_at)
        _close_or_reopen(case, feedback, at)
        transitions = journal(case, before, JournalCause(feedback, at))
    return _applied(case, before, feedback, city, [TransitionMade(one, case.partition_key) for one in transitions])


def _close_or_reopen(case: Case, feedback: Feedback, at: datetime) -> None:
    """A case is closed with its last task, and nothing joins it any more: what is reported after that happened again."""
    if feedback.kind == "reopen":
        case.closed_at = None
    elif not any(is_live(one) for one in case.assignments) and any(one.stage == "closed" for one in case.assignments):
        case.closed_at = at
        if case.window_closed_at is None:
            case.window_closed_at = feedback.received_at
    case.state = state_of(case)


def effective_at(feedback: Feedback, assignment: Assignment) -> datetime:
    """When the feedback takes effect: when it happened, unless it was delivered too late, and never before the stage began."""
    happened = feedback.occurred_at if feedback.received_at - feedback.occurred_at <= LATE else feedback.received_at
    since = assignment.stage_at or assignment.dispatched_at
    return happened if since is None else max(happened, since)


Applier = Callable[[Case, Assignment, Feedback, City, datetime], tuple[Assignment, ...]]


def _answered(case: Case, one: Assignment, feedback: Feedback, city: City, at: datetime) -> tuple[Assignment, ...]:
    """The task goes on to its next stage."""
    return _with(case, one, replace(one, stage=_next(case, one, feedback, city), stage_at=at))


def _returned(case: Case, one: Assignment, feedback: Feedback, city: City, at: datetime) -> tuple[Assignment, ...]:
    """The task ends, and another department gets one with a limit of its own."""
    after = next_receiver(case, one, feedback, city.catalogue)
    new = new_assignment(case.id, len(case.assignments) + 1, after.assigned, at, city.calendar)
    new = replace(new, dispatched_at=at, final=after.final, why=after.why)
    return (*_with(case, one, replace(one, withdrawn_at=at, stage="returned", stage_at=at)), new)


def _rerouted(case: Case, one: Assignment, feedback: Feedback, city: City, at: datetime) -> tuple[Assignment, ...]:
    """A supervisor decides whose the task is."""
    department = feedback.department or one.department
    assigned = assigned_to(
        case, Receiver(department=department, unit=feedback.unit), one.role, SUPERVISION, city.catalogue
    )
    new = new_assignment(case.id, len(case.assignments) + 1, assigned, at, city.calendar)
    new = replace(new, dispatched_at=at, final=True, why=f"a supervisor decided: {feedback.reason}")
    return (*_with(case, one, withdrawn(one, at)), new)


def _closed(case: Case, _: Assignment, __: Feedback, ___: City, at: datetime) -> tuple[Assignment, ...]:
    """Every task of the case is closed."""
    return tuple([replace(one, stage="closed", stage_at=at) if is_live(one) else one for one in case.assignments])


def _reopened(case: Case, _: Assignment, __: Feedback, ___: City, at: datetime) -> tuple[Assignment, ...]:
    """Every task that was closed is worked on again."""
    return tuple(
        [replace(one, stage="handling", stage_at=at) if stage_of(one) == "closed" else one for one in case.assignments]
    )


_APPLIERS: dict[str, Applier] = {
    "return": _returned,
    "reroute": _rerouted,
    "close": _closed,
    "reopen": _reopened,
}
"""What feedback changes beyond the stage of its own task."""


def _with(case: Case, old: Assignment, new: Assignment) -> tuple[Assignment, ...]:
    return tuple([new if one is old else one for one in case.assignments])


def _next(case: Case, one: Assignment, feedback: Feedback, city: City) -> TaskStage:
    workflow = city.catalogue.workflows.get(workflow_of(case, city.catalogue) or "")
    stage = next_stage(one, feedback.kind, checked=is_checked(one, workflow))
    assert stage is not None  # noqa: S101 - it is legal
    return stage


def _answer(feedback: Feedback, *, rejected: bool = False, at: datetime | None = None) -> Answer:
    return Answer(id=feedback.id, sender=feedback.sender, digest=feedback.digest, rejected=rejected, at=at)


def _applied(
    case: Case, before: Sequence[Assignment], feedback: Feedback, city: City, transitions: Sequence[TransitionMade]
) -> Outcome:
    records: list[Output] = [CaseChanged(case), *transitions]
    facts: list[Fact] = [FeedbackDecided(feedback.sender, feedback.kind, "applied")]
    add_tasks(_changed_tasks(case, before, workflow_of(case, city.catalogue), feedback.received_at), records, facts)
    return Outcome(records, facts)


def _changed_tasks(case: Case, before: Sequence[Assignment], workflow: str | None, at: datetime) -> list[Task]:
    """The tasks whose assignment is another now: their departments hear of it."""
    known = {one.task: one for one in before}
    tasks: list[Task] = []
    for one in case.assignments:
        old = known.get(one.task)
        if old is None:
            tasks.append(task(case, one, workflow))
        elif old is not one:
            tasks.append(task(case, one, workflow, "withdrawn" if one.withdrawn_at is not None else "updated", at))
    return tasks


def _rejected(feedback: Feedback, rejection: FeedbackRejection, case: Case | None = None) -> Outcome:
    records: list[Output] = [FeedbackRejected(feedback, rejection)]
    if case is not None:
        records.insert(0, CaseChanged(case))
    return Outcome(records, [FeedbackDecided(feedback.sender, feedback.kind, rejection.code)])


def _rejection(
    code: FeedbackCode, reason: str, feedback: Feedback | None = None, assignment: Assignment | None = None
) -> FeedbackRejection:
    legal = legal_for(assignment, feedback.sender) if feedback is not None and assignment is not None else ()
    return FeedbackRejection(code=code, reason=reason, legal=legal)


def _unknown_task(feedback: Feedback) -> FeedbackRejection:
    reason = (
        f"no case here has the task {printable(feedback.task, 80)!r}: write id and partition key of the task as `tasks.*` has them; "
        "of an archived case nothing changes any more."
    )
    return _rejection("unknown-task", reason)


def _foreign_task(feedback: Feedback, assignment: Assignment) -> FeedbackRejection:
    reason = (
        f"task {assignment.task} is of the department {assignment.department}, and this came on the topic of "
        f"{feedback.sender}: each department answers about its own tasks, on its own topic."
    )
    return _rejection("foreign-task", reason)


def _id_reused(feedback: Feedback) -> FeedbackRejection:
    reason = (
        f"{feedback.sender} has sent other content under the id {printable(feedback.id, 80)!r} about this case: "
        "give each feedback an id of its own."
    )
    return _rejection("id-reused", reason)


def _too_many(feedback: Feedback) -> FeedbackRejection:
    reason = (
        f"{feedback.sender} has sent {MOST_ANSWERS} feedbacks about this case, more than a life needs: "
        "a supervisor closes the case, or gives the task to another department."
    )
    return _rejection("too-many", reason)


def _not_legal(feedback: Feedback, assignment: Assignment) -> FeedbackRejection:
    legal = legal_for(assignment, feedback.sender)
    final = ", and it cannot be returned" if feedback.kind == "return" and assignment.final else ""
    now = f"possible now: {', '.join(legal)}" if legal else f"nothing is possible for {feedback.sender} now"
    reason = f"`{feedback.kind}` is not possible: task {assignment.task} is {stage_of(assignment)}{final}; {now}."
    return _rejection("not-legal", reason, feedback, assignment)


def _unknown_department(feedback: Feedback, assignment: Assignment) -> FeedbackRejection:
    named = printable(feedback.department or "", 80)
    reason = (
        f"`{feedback.kind}` names the department {named!r}, which the catalogue does not have: name one of "
        "departments.yaml in `department`."
    )
    return _rejection("unknown-department", reason, feedback, assignment)
