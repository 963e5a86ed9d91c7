"""What departments answered by a city's recorded history: each request that was closed, each response that was cleared.

A file says of a request when it was closed, not of a case. So the departments of a case answer when the request that opened it was
closed. A request that joined another's case was closed with that case.
"""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct
from msgspec.json import Encoder

from router.domain.case.opening import case_id
from router.domain.model.feedback import FeedbackKind
from router.domain.model.task import Task
from router.simulator.departments.plan import PlannedAnswer
from router.simulator.messages import rfc3339
from router.simulator.recorded.history import History, utc
from router.simulator.recorded.hotline_history import ID, HotlineHistory
from router.simulator.recorded.police_history import PoliceHistory

CLOSED = ("Closed", "Cancelled")
"""Statuses of a request of which nothing is left to do. One that was referred out is answered by others."""
ACTOR = "recorded"
_encode = Encoder().encode


class Closing(Struct, frozen=True):
    """When and how a recorded report ended."""

    at: datetime
    """UTC."""
    said: str
    """Its last status, or what officers found."""


Closings = Mapping[str, Closing]
"""Id of the case that a report opens -> how the report ended."""


def closings_of(history: History) -> Closings:
    """The closings of every report of a history that has one."""
    if isinstance(history, HotlineHistory):
        return _of_requests(history)
    return _of_responses(history) if isinstance(history, PoliceHistory) else {}


def _of_requests(history: HotlineHistory) -> Closings:
    found = {}
    for row in history.rows:
        at = row.dates.get("ClosedDate") or row.dates.get("UpdatedDate")
        if row.fields["Status"] in CLOSED and at is not None:
            id_ = case_id(f"{history.network}:{row.fields[ID]}", row.created)
            found[id_] = Closing(utc(at, history.zone), row.fields["Status"])
    return found


def _of_responses(history: PoliceHistory) -> Closings:
    found = {}
    for row in history.rows:
        last, zone = row.versions[-1], history.zone
        if last.cleared is not None:
            id_ = case_id(f"{history.network}:{row.id}", utc(row.versions[0].at, zone))
            found[id_] = Closing(utc(last.cleared, zone), str(last.said.get("cljg", "")))
    return found


def recorded_answers(task: Task, closings: Closings) -> list[PlannedAnswer]:
    """What is answered to a task: the lead has handled it, an assistant has given its answer, when its case's report was closed.

    Args:
        task: as it was dispatched.
        closings: of the history.

    Returns:
        Nothing, if the file does not say how the report ended, or the case was opened by none of its reports.
    """
    closing = closings.get(task.case)
    if closing is None:
        return []
    at = max(closing.at, task.dispatched_at)
    kind: FeedbackKind = "handled" if task.role == "lead" else "answer"
    said = {
        "id": f"{task.id}-{kind}",
        "task": task.id,
        "partition_key": task.partition_key,
        "kind": kind,
        "actor": ACTOR,
        "occurred_at": rfc3339(at),
        "reason": closing.said or "closed",
    }
    return [
        PlannedAnswer(
            delivered_at=at,
            sender=task.department,
            id=f"{task.id}-{kind}",
            task=task.id,
            value=_encode(said),
            label="usual",
            kind=kind,
        )
    ]
