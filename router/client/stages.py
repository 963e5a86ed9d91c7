"""What a department can say about a task, as far as the record of the task says: the table of the lifecycles, and no other.

The city may have lifecycles of its own, which no record names. So this names only what no city allows, and the router decides.
"""

from collections.abc import Iterable
from typing import get_args

from router.domain.lifecycle.lifecycles import ALLOWED, lifecycle
from router.domain.lifecycle.stages import legal_for
from router.domain.model.case import Assignment
from router.domain.model.feedback import DEPARTMENT_KINDS, FeedbackKind
from router.domain.model.task import Task
from router.domain.model.transition import TaskStage

ANY_CITY = lifecycle("any city", {step: stages[0] for step, stages in ALLOWED.items()})
"""Everything that some city allows."""
STAGES: frozenset[str] = frozenset(get_args(TaskStage))


def first_stages(task: Task) -> frozenset[TaskStage]:
    """The stage of a task, or none: a later release may have more."""
    stage: TaskStage = "withdrawn" if task.state == "withdrawn" else task.stage
    return frozenset({stage} if stage in STAGES else ())


def later_stages(stages: Iterable[TaskStage], kind: FeedbackKind) -> frozenset[TaskStage]:
    """The stages at which a task may be after something was said about it."""
    return frozenset(after for stage in stages for after in ALLOWED.get((stage, kind), ()))


def can_say(task: Task, stages: frozenset[TaskStage]) -> tuple[FeedbackKind, ...]:
    """What the department of a task could say at one of these stages in some city. Of an unknown stage: everything."""
    kinds: tuple[FeedbackKind, ...] = (*DEPARTMENT_KINDS, "reroute") if task.arbitrates else DEPARTMENT_KINDS
    if not stages:
        return kinds
    legal = {kind for stage in stages for kind in legal_for(_at(task, stage), task.department, ANY_CITY)}
    return tuple(kind for kind in kinds if kind in legal)


def _at(task: Task, stage: TaskStage) -> Assignment:
    return Assignment(
        task=task.id,
        department=task.department,
        role=task.role,
        rule=task.rule,
        due_at=task.due_at,
        stage=stage,
        final=task.final,
        arbitrates=task.arbitrates,
        supervised_at=task.supervised_at,
    )
