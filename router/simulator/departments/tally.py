"""What became of tasks and answers in a simulated time, counted from the router's own records."""

from collections import Counter
from datetime import datetime
from typing import Any

from msgspec import Struct

from router.domain.model.report import Provenance
from router.domain.model.task import Task
from router.domain.model.transition import TaskStage
from router.wire.codec import decode_task, decode_transition
from router.wire.rejected_feedback_value import decode_rejected_feedback
from router.wire.topic_names import Names

ENDED: frozenset[TaskStage] = frozenset({"returned", "withdrawn", "closed", "rejected"})


class _TaskNow(Struct):
    """A task as its last record has it."""

    case: str
    stage: TaskStage
    due_at: datetime | None
    handled_at: datetime | None = None
    """When it was handled first."""


class LifeFigures(Struct, frozen=True, kw_only=True):
    """The figures of a simulated time."""

    cases: int
    """Cases of which departments got tasks."""
    closed: int
    """Cases of which every task has ended, and one was closed."""
    tasks: int
    handled: int
    in_time: int
    """Tasks with a limit that were handled before it ended, of `limited`."""
    limited: int
    """Tasks with a limit that were handled."""
    overdue: int
    """Tasks that are not handled, and whose limit has ended."""
    returns: int
    returned_twice: int
    """Cases with more than one return."""
    applied: int
    """Answers that changed a task."""
    by_kind: dict[str, int]
    """The same by kind."""
    rejected: dict[str, int]
    """Rejected answers by code."""


class LifeTally:
    """Counts records as they are read.

    Args:
        names: topic names of the deployment.
    """

    def __init__(self, names: Names) -> None:
        self._names = names
        self._tasks: dict[str, _TaskNow] = {}
        self._kinds, self._codes, self._returns = Counter[str](), Counter[str](), Counter[str]()
        self._last: dict[int, Provenance] = {}
        """Partition -> what caused its last transition. All transitions of one cause come one after the other."""

    def note(self, record: Any) -> Task | None:
        """Take a record of tasks, transitions or rejected feedback; a task that is dispatched is returned."""
        if record.topic == self._names.transitions:
            self._note_transition(record)
        elif record.topic.startswith(self._names.rejected_feedback("")):
            self._codes[decode_rejected_feedback(record.value).code] += 1
        else:
            return self._note_task(decode_task(record.value))
        return None

    def _note_task(self, task: Task) -> Task | None:
        known = self._tasks.get(task.id)
        if known is None:
            self._tasks[task.id] = _TaskNow(task.case, task.stage, task.due_at)
            return task
        known.stage, known.due_at = task.stage, task.due_at
        return None

    def _note_transition(self, record: Any) -> None:
        one = decode_transition(record.value)
        if one.kind is None:
            return
        if self._last.get(record.partition) != one.provenance:
            self._kinds[one.kind] += 1
            self._last[record.partition] = one.provenance
        if one.to == "returned":
            self._returns[one.case] += 1
        if one.kind == "handled":
            known = self._tasks.setdefault(one.task, _TaskNow(one.case, one.to, None))
            known.handled_at = known.handled_at or one.at

    @property
    def tasks(self) -> int:
        """Tasks so far."""
        return len(self._tasks)

    def figures(self, until: datetime) -> LifeFigures:
        """The figures at an instant, at which all was read."""
        stages: dict[str, set[TaskStage]] = {}
        for one in self._tasks.values():
            stages.setdefault(one.case, set()).add(one.stage)
        handled = [one for one in self._tasks.values() if one.handled_at is not None]
        limited = [(one.handled_at, one.due_at) for one in handled if one.handled_at and one.due_at]
        waiting = [one for one in self._tasks.values() if one.handled_at is None and one.stage not in ENDED]
        return LifeFigures(
            cases=len(stages),
            closed=sum("closed" in of and of <= ENDED for of in stages.values()),
            tasks=len(self._tasks),
            handled=len(handled),
            in_time=sum(at <= due for at, due in limited),
            limited=len(limited),
            overdue=sum(one.due_at is not None and one.due_at < until for one in waiting),
            returns=sum(self._returns.values()),
            returned_twice=sum(number > 1 for number in self._returns.values()),
            applied=self._kinds.total(),
            by_kind=dict(self._kinds.most_common()),
            rejected=dict(self._codes.most_common()),
        )
