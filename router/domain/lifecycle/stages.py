"""The stages of a task, which feedback leads from one to another, and what the case's state is then.

The table is the only place that says what is legal. The documentation, the rejections and the tests are made from it.
Docs: docs/explanation/feedback.md.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from router.domain.catalogue.model import WorkflowNode
from router.domain.model.case import Assignment, Case, CaseState
from router.domain.model.feedback import (
    DEPARTMENT_KINDS,
    SUPERVISION,
    SUPERVISION_KINDS,
    FeedbackKind,
)
from router.domain.model.transition import TaskStage

RUNNING: tuple[TaskStage, ...] = ("dispatched", "accepted", "handling")
"""Stages at which the department's time runs."""
_ABOUT_TIME: tuple[FeedbackKind, ...] = ("ask-extension", "grant-extension", "reject-extension")
TRANSITIONS: Mapping[tuple[TaskStage, FeedbackKind], TaskStage] = MappingProxyType(
    {
        ("dispatched", "accept"): "accepted",
        ("dispatched", "return"): "returned",
        ("dispatched", "handled"): "handled",
        ("accepted", "progress"): "handling",
        ("accepted", "handled"): "handled",
        ("handling", "progress"): "handling",
        ("handling", "handled"): "handled",
        ("handled", "check-passed"): "closed",
        ("handled", "check-failed"): "handling",
        ("dispatched", "reroute"): "withdrawn",
        ("accepted", "reroute"): "withdrawn",
        ("handling", "reroute"): "withdrawn",
        ("handled", "reroute"): "withdrawn",
        ("dispatched", "close"): "closed",
        ("accepted", "close"): "closed",
        ("handling", "close"): "closed",
        ("handled", "close"): "closed",
        ("dispatched", "suspend"): "suspended",
        ("accepted", "suspend"): "suspended",
        ("handling", "suspend"): "suspended",
        ("suspended", "resume"): "handling",
        ("suspended", "reroute"): "withdrawn",
        ("suspended", "close"): "closed",
        ("closed", "reopen"): "handling",
        **{(stage, kind): stage for stage in RUNNING for kind in _ABOUT_TIME},
    }
)
"""(stage, feedback) -> the stage that follows. What is not here is not legal. `resume` leads to the stage before, if that is another."""
_DECISIONS = frozenset({"grant-extension", "reject-extension"})
"""Legal only when more time was asked for."""
ENDED: frozenset[TaskStage] = frozenset({"returned", "withdrawn", "closed"})
"""Stages at which the department has nothing to do."""
_STATES: Mapping[TaskStage, CaseState] = {"dispatched": "dispatched", "accepted": "accepted", "suspended": "suspended"}
"""Stage of the lead -> state of the case, where it is not `handling`."""
LIVE_STATES: frozenset[CaseState] = frozenset({"dispatched", "accepted", "handling", "suspended", "checking"})
"""States of a case in which departments have something to do."""


def is_live(assignment: Assignment) -> bool:
    """Whether the department has something to do."""
    return assignment.withdrawn_at is None and assignment.stage not in ENDED


def stage_of(assignment: Assignment) -> TaskStage:
    """The stage of a task. Earlier releases wrote only when it was withdrawn."""
    if assignment.withdrawn_at is not None and assignment.stage not in ENDED:
        return "withdrawn"
    return assignment.stage


def next_stage(assignment: Assignment, kind: FeedbackKind, *, checked: bool) -> TaskStage | None:
    """The stage after this feedback; None if it is not legal.

    Args:
        assignment: as it is.
        kind: of the feedback.
        checked: whether an inspector looks at what is handled. If not, it is closed at once.
    """
    stage = stage_of(assignment)
    if kind == "return" and assignment.final:
        return None
    if kind in _DECISIONS and assignment.asked is None:
        return None
    if kind == "resume" and stage == "suspended" and assignment.resumes is not None:
        return assignment.resumes
    after = TRANSITIONS.get((stage, kind))
    return "closed" if after == "handled" and not checked else after


def legal_for(assignment: Assignment, sender: str) -> tuple[FeedbackKind, ...]:
    """What a sender could say about the task now: a department about its own, supervision about any."""
    if sender not in {SUPERVISION, assignment.department}:
        return ()
    kinds = SUPERVISION_KINDS if sender == SUPERVISION else DEPARTMENT_KINDS
    return tuple([kind for kind in kinds if next_stage(assignment, kind, checked=True) is not None])


def is_checked(assignment: Assignment, workflow: WorkflowNode | None) -> bool:
    """Whether an inspector looks at what the department has handled: the work of the lead, if the workflow requires the step
    `checking`. An assistant answers to the lead.
    """
    step = workflow.steps.get("checking") if workflow is not None else None
    return assignment.role == "lead" and step is not None and step.required


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
