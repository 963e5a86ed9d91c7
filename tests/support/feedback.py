"""Feedback about the tasks of tests."""

from hashlib import blake2b

from router.domain.model.feedback import Feedback, FeedbackKind
from router.domain.model.report import Provenance
from router.domain.model.task import Task
from tests.support.driver import hours


def feedback(
    kind: FeedbackKind,
    task: Task,
    at: float,
    sender: str | None = None,
    *,
    id: str | None = None,  # noqa: A002 - as the record names it
    reason: str = "",
    department: str | None = None,
    limit: str | None = None,
    unit: str | None = None,
    milestone: str | None = None,
    delivered: float | None = None,
) -> Feedback:
    """Feedback that its sender gave `at` hours after START.

    Args:
        kind: of it.
        task: about which it is.
        at: when it happened.
        sender: from whose topic it came; default: the task's department.
        id: the sender's; default: one for each kind and hour.
        reason: of the sender.
        department: that it names.
        limit: an extension.
        milestone: of the task that is done.
        unit: of the department that it names.
        delivered: when Kafka got it, in hours; default: at once.
    """
    sender = sender or task.department
    id_ = id or f"{kind}-{at}"
    content = f"{kind} {task.id} {at} {reason} {department} {limit}"
    return Feedback(
        id=id_,
        sender=sender,
        kind=kind,
        task=task.id,
        partition_key=task.partition_key,
        actor="w****1",
        occurred_at=hours(at),
        received_at=hours(at if delivered is None else delivered),
        digest=blake2b(content.encode(), digest_size=8).hexdigest(),
        provenance=Provenance(topic=f"feedback.{sender}", partition=0, offset=int(at * 100)),
        reason=reason,
        department=department,
        limit=limit,
        unit=unit,
        milestone=milestone,
    )
