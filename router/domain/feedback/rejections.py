"""Sentences for feedback that changes nothing: what is wrong, and what to do."""

from datetime import datetime, timedelta

from router.domain.intake.rejections import printable
from router.domain.lifecycle.lifecycles import Lifecycle
from router.domain.lifecycle.stages import is_final, legal_for, stage_of
from router.domain.model.case import Assignment
from router.domain.model.feedback import Feedback, FeedbackCode, FeedbackKind, FeedbackRejection


def _rejection(code: FeedbackCode, reason: str, legal: tuple[FeedbackKind, ...] = ()) -> FeedbackRejection:
    return FeedbackRejection(code=code, reason=reason, legal=legal)


def unknown_task(feedback: Feedback) -> FeedbackRejection:
    """No case of the partition has the task."""
    reason = (
        f"no case here has the task {printable(feedback.task, 80)!r}: write id and partition key of the task as `tasks.*` has them; "
        "of an archived case nothing changes any more."
    )
    return _rejection("unknown-task", reason)


def foreign_task(feedback: Feedback, assignment: Assignment) -> FeedbackRejection:
    """The task is of another department."""
    reason = (
        f"task {assignment.task} is of the department {assignment.department}, and this came on the topic of "
        f"{feedback.sender}: each department answers about its own tasks, on its own topic."
    )
    return _rejection("foreign-task", reason)


def id_reused(feedback: Feedback) -> FeedbackRejection:
    """Other content has the same id."""
    reason = (
        f"{feedback.sender} has sent other content under the id {printable(feedback.id, 80)!r} about this case: "
        "give each feedback an id of its own."
    )
    return _rejection("id-reused", reason)


def too_many(feedback: Feedback, most: int) -> FeedbackRejection:
    """The sender has sent as much as a case keeps."""
    reason = (
        f"{feedback.sender} has sent {most} feedbacks about this case, more than a life needs: "
        "a supervisor closes the case, or gives the task to another department."
    )
    return _rejection("too-many", reason)


def not_legal(feedback: Feedback, assignment: Assignment, lifecycle: Lifecycle) -> FeedbackRejection:
    """The stage of the task does not allow it."""
    legal = legal_for(assignment, feedback.sender, lifecycle)
    final = ", and it cannot be returned" if feedback.kind == "return" and is_final(assignment) else ""
    now = f"possible now: {', '.join(legal)}" if legal else f"nothing is possible for {feedback.sender} now"
    reason = f"`{feedback.kind}` is not possible: task {assignment.task} is {stage_of(assignment)}{final}; {now}."
    return _rejection("not-legal", reason, legal)


def unknown_department(feedback: Feedback, assignment: Assignment, lifecycle: Lifecycle) -> FeedbackRejection:
    """The department that it names does not exist."""
    named = printable(feedback.department or "", 80)
    reason = (
        f"`{feedback.kind}` names the department {named!r}, which the catalogue does not have: name one of "
        "departments.yaml in `department`."
    )
    return _rejection("unknown-department", reason, legal_for(assignment, feedback.sender, lifecycle))


def has_task(feedback: Feedback, assignment: Assignment, lifecycle: Lifecycle) -> FeedbackRejection:
    """The department that shall help works on the case already."""
    reason = (
        f"{feedback.department} has a task of this case already: it answers about that one, and no other is needed."
    )
    return _rejection("has-task", reason, legal_for(assignment, feedback.sender, lifecycle))


def no_transfer(feedback: Feedback, assignment: Assignment, lifecycle: Lifecycle) -> FeedbackRejection:
    """The two departments may not hand tasks to each other."""
    reason = (
        f"{assignment.department} cannot hand a task to {feedback.department}: duties.yaml has no set of `transfers` with both; "
        "return the task, and name the department."
    )
    return _rejection("no-transfer", reason, legal_for(assignment, feedback.sender, lifecycle))


def too_late(feedback: Feedback, assignment: Assignment, due: datetime, lifecycle: Lifecycle) -> FeedbackRejection:
    """The limit has ended."""
    reason = (
        f"the limit of task {assignment.task} ended at {due.isoformat()}: more time is asked for before that; "
        "say what was done, or what holds it up (`progress`)."
    )
    return _rejection("too-late", reason, legal_for(assignment, feedback.sender, lifecycle))


def unknown_milestone(feedback: Feedback, assignment: Assignment, lifecycle: Lifecycle) -> FeedbackRejection:
    """The task has no such milestone."""
    names = ", ".join([one.id for one in assignment.milestones])
    hint = f"name one of {names}, or none" if names else "leave `milestone` out"
    reason = f"task {assignment.task} has no milestone {printable(feedback.milestone or '', 48)!r}: {hint}."
    return _rejection("unknown-milestone", reason, legal_for(assignment, feedback.sender, lifecycle))


def bad_silence(
    feedback: Feedback, assignment: Assignment, lifecycle: Lifecycle, longest: timedelta
) -> FeedbackRejection:
    """The silence cannot be counted, or is too long."""
    reason = (
        f"{printable(feedback.limit or '', 20)!r} is no time for which the case can be silenced: name one of at most {longest.days} days in "
        "`limit`, e.g. 24h, or 2wd if the city has a calendar; 0h ends a silence."
    )
    return _rejection("bad-limit", reason, legal_for(assignment, feedback.sender, lifecycle))


def bad_limit(feedback: Feedback, assignment: Assignment, lifecycle: Lifecycle) -> FeedbackRejection:
    """The extension cannot be counted."""
    if assignment.limit is None:
        reason = f"task {assignment.task} has no limit, so it needs no extension."
    else:
        named = printable(feedback.limit or "", 20)
        reason = f"{named!r} is no limit that the city can count: name one in `limit`, e.g. 24h, or 2wd if the city has a calendar."
    return _rejection("bad-limit", reason, legal_for(assignment, feedback.sender, lifecycle))
