"""The stage of a task, what is legal at it, and what the case's state is then.

The lifecycle of the task's workflow is the only place that says what is legal. The documentation, the rejections and the tests are made from
it. Docs: docs/explanation/feedback.md.
"""

from collections.abc import Iterable, Mapping

from router.domain.lifecycle.lifecycles import ALWAYS, ENDED, OF_ROLE, PLANNED, TRANSITIONS, Lifecycle
from router.domain.model.case import Assignment, Case, CaseState
from router.domain.model.feedback import (
    DEPARTMENT_KINDS,
    SUPERVISION,
    SUPERVISION_KINDS,
    FeedbackKind,
)
from router.domain.model.transition import TaskStage

_DECISIONS = frozenset({"grant-extension", "reject-extension"})
"""Legal only when more time was asked for."""
_STATES: Mapping[TaskStage, CaseState] = {
    "verifying": "verifying",
    "filing": "filing",
    "dispatched": "dispatched",
    "accepted": "accepted",
    "suspended": "suspended",
}
"""Stage of the lead -> state of the case, where it is not `handling`."""
LIVE_STATES: frozenset[CaseState] = frozenset(
    {"verifying", "filing", "dispatched", "accepted", "handling", "suspended", "checking"}
)
"""States of a case in which something is left to do: for departments, or before they get their tasks."""


def is_live(assignment: Assignment) -> bool:
    """Whether the department has something to do, or will have when the case is filed."""
    return assignment.withdrawn_at is None and assignment.stage not in ENDED


def is_planned(assignment: Assignment) -> bool:
    """Whether the department has not heard of its task yet: the case is not filed."""
    return assignment.stage in PLANNED and assignment.withdrawn_at is None


def is_unheard(assignment: Assignment) -> bool:
    """Whether the department has never heard of its task: its case was not filed, or a correction led elsewhere before it was."""
    return assignment.stage in PLANNED or assignment.stage == "rejected"


def stage_of(assignment: Assignment) -> TaskStage:
    """The stage of a task. Earlier releases wrote only when it was withdrawn."""
    if assignment.withdrawn_at is not None and assignment.stage not in ENDED:
        return "withdrawn"
    return assignment.stage


def is_final(assignment: Assignment) -> bool:
    """Whether the department cannot return the task: its receiver was decided, or a supervisor has an eye on it."""
    return assignment.final or assignment.supervised_at is not None


def next_stage(assignment: Assignment, kind: FeedbackKind, lifecycle: Lifecycle) -> TaskStage | None:
    """The stage after this feedback; None if it is not legal.

    A task that has come to a stage which the lifecycle does not have goes on by the standard: its rules changed under way.

    Args:
        assignment: as it is.
        kind: of the feedback.
        lifecycle: of the workflow.
    """
    stage = stage_of(assignment)
    if stage in {"closed", "rejected"} and assignment.withdrawn_at is not None:
        return None  # the case was routed again since
    if kind == "return" and is_final(assignment):
        return None
    if OF_ROLE.get(kind, assignment.role) != assignment.role:
        return None
    if kind in _DECISIONS and assignment.asked is None:
        return None
    own = stage in lifecycle.stages and kind not in ALWAYS and not (kind == "reroute" and assignment.arbitrates)
    after = (lifecycle.table if own else TRANSITIONS).get((stage, kind))
    if kind == "resume" and after is not None and assignment.resumes is not None:
        return assignment.resumes
    return "closed" if after == "handled" and assignment.role != "lead" else after


def legal_for(assignment: Assignment, sender: str, lifecycle: Lifecycle) -> tuple[FeedbackKind, ...]:
    """What a sender could say about the task now: a department about its own, supervision about any. An authority that arbitrates decides
    about its own as a supervisor does.
    """
    if sender not in {SUPERVISION, assignment.department}:
        return ()
    kinds = SUPERVISION_KINDS if sender == SUPERVISION else DEPARTMENT_KINDS
    if assignment.arbitrates and sender != SUPERVISION:
        kinds = (*kinds, "reroute")
    return tuple([kind for kind in kinds if next_stage(assignment, kind, lifecycle) is not None])


def state_of_tasks(assignments: Iterable[Assignment]) -> CaseState:
    """The state that a case has by its tasks, of which some are live: that of the lead, whose work ends with that of all."""
    live = [one for one in assignments if is_live(one)]
    lead = next((one for one in live if one.role == "lead"), None)
    if lead is None:
        return "handling" if live else "dispatched"
    if lead.stage == "handled":
        return "checking" if len(live) == 1 else "handling"
    return _STATES.get(lead.stage, "handling")


def has_ended(case: Case) -> bool:
    """Whether departments have nothing to do: the case is closed or empty."""
    return case.state not in LIVE_STATES
