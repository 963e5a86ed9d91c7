"""The table of stages, every entry and every gap."""

from typing import get_args

import pytest
from msgspec.structs import replace

from router.domain.catalogue.model import Name, StepText, WorkflowNode
from router.domain.lifecycle.stages import (
    ENDED,
    LIVE_STATES,
    TRANSITIONS,
    is_checked,
    is_live,
    legal_for,
    next_stage,
    stage_of,
    state_of_tasks,
)
from router.domain.model.case import Assignment, CaseState
from router.domain.model.feedback import DEPARTMENT_KINDS, KINDS_OF_FEEDBACK, SUPERVISION, SUPERVISION_KINDS
from router.domain.model.transition import TaskStage
from tests.support.driver import hours

STAGES: tuple[TaskStage, ...] = get_args(TaskStage)
TIME = ("ask-extension", "grant-extension", "reject-extension")
LEGAL: dict[str, dict[str, str]] = {
    "dispatched": {
        "accept": "accepted", "return": "returned", "handled": "handled", "suspend": "suspended", "reroute": "withdrawn",
        "close": "closed", **dict.fromkeys(TIME, "dispatched"),
    },
    "accepted": {
        "progress": "handling", "handled": "handled", "suspend": "suspended", "reroute": "withdrawn", "close": "closed",
        **dict.fromkeys(TIME, "accepted"),
    },
    "handling": {
        "progress": "handling", "handled": "handled", "suspend": "suspended", "reroute": "withdrawn", "close": "closed",
        **dict.fromkeys(TIME, "handling"),
    },
    "suspended": {"resume": "handling", "reroute": "withdrawn", "close": "closed"},
    "handled": {"check-passed": "closed", "check-failed": "handling", "reroute": "withdrawn", "close": "closed"},
    "returned": {},
    "withdrawn": {},
    "closed": {"reopen": "handling"},
}  # fmt: skip


def assignment(stage: TaskStage, role: str = "lead", *, final: bool = False, department: str = "parks") -> Assignment:
    withdrawn = hours(1) if stage in {"returned", "withdrawn"} else None
    return Assignment(
        task="C-1.1", department=department, role=role, rule="r", due_at=None, stage=stage, final=final, withdrawn_at=withdrawn, asked="1d"  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("kind", KINDS_OF_FEEDBACK)
def test_each_feedback_at_each_stage(stage: TaskStage, kind: str) -> None:
    assert next_stage(assignment(stage), kind, checked=True) == LEGAL[stage].get(kind)  # type: ignore[arg-type]


def test_the_table_has_no_other_entry() -> None:
    assert {(a, k): b for a, kinds in LEGAL.items() for k, b in kinds.items()} == dict(TRANSITIONS)
    assert {*DEPARTMENT_KINDS, *SUPERVISION_KINDS} == {*KINDS_OF_FEEDBACK}


def test_from_every_stage_at_which_a_department_works_the_task_can_be_closed() -> None:
    for stage in set(STAGES) - ENDED:
        assert TRANSITIONS[stage, "close"] == "closed"


def test_what_is_not_checked_is_closed_when_it_is_handled() -> None:
    assert next_stage(assignment("accepted"), "handled", checked=False) == "closed"
    assert next_stage(assignment("accepted"), "handled", checked=True) == "handled"
    assert next_stage(assignment("accepted"), "progress", checked=False) == "handling"


def test_what_was_decided_cannot_be_returned() -> None:
    final = assignment("dispatched", final=True)
    assert next_stage(final, "return", checked=True) is None
    assert legal_for(final, "parks") == ("accept", "handled", "ask-extension")
    assert legal_for(assignment("dispatched"), "parks") == ("accept", "return", "handled", "ask-extension")


def test_a_department_answers_about_its_own_task_and_supervision_about_any() -> None:
    one = assignment("handled")
    assert legal_for(one, "roads") == ()
    assert legal_for(one, "parks") == ()
    assert legal_for(one, SUPERVISION) == ("check-passed", "check-failed", "reroute", "close")
    assert legal_for(assignment("closed"), SUPERVISION) == ("reopen",)
    assert legal_for(assignment("withdrawn"), SUPERVISION) == ()


def test_more_time_is_granted_only_when_it_was_asked_for() -> None:
    one = replace(assignment("accepted"), asked=None)
    assert next_stage(one, "grant-extension", checked=True) is None
    assert next_stage(one, "reject-extension", checked=True) is None
    assert next_stage(one, "ask-extension", checked=True) == "accepted"


@pytest.mark.parametrize("before", ["dispatched", "accepted", "handling"])
def test_a_resumed_task_goes_on_at_the_stage_that_it_had(before: TaskStage) -> None:
    assert next_stage(replace(assignment("suspended"), resumes=before), "resume", checked=True) == before


def test_a_withdrawn_task_of_an_earlier_release_is_withdrawn() -> None:
    old = Assignment(task="C-1.1", department="p", role="lead", rule="r", due_at=None, withdrawn_at=hours(1))
    assert stage_of(old) == "withdrawn"
    assert not is_live(old)


def test_an_inspector_checks_the_lead_where_the_workflow_requires_it() -> None:
    step = StepText(text=Name(en="Looked at"))
    checked = WorkflowNode(name=Name(en="w"), steps={"checking": step})
    optional = WorkflowNode(name=Name(en="w"), steps={"checking": StepText(text=Name(en="x"), required=False)})
    lead, assist = assignment("accepted"), assignment("accepted", "assist")
    assert is_checked(lead, checked)
    assert not is_checked(assist, checked)
    assert not is_checked(lead, optional)
    assert not is_checked(lead, WorkflowNode(name=Name(en="w"), steps={}))
    assert not is_checked(lead, None)


@pytest.mark.parametrize(
    ("lead", "assist", "state"),
    [
        ("dispatched", None, "dispatched"),
        ("accepted", None, "accepted"),
        ("handling", None, "handling"),
        ("handled", None, "checking"),
        ("handled", "accepted", "handling"),
        ("handled", "closed", "checking"),
        ("suspended", "accepted", "suspended"),
        ("dispatched", "closed", "dispatched"),
        ("closed", "handling", "handling"),
        ("withdrawn", "accepted", "handling"),
        ("withdrawn", None, "dispatched"),
    ],
)
def test_the_state_of_a_case_follows_its_lead(lead: TaskStage, assist: TaskStage | None, state: CaseState) -> None:
    tasks = [assignment(lead), *([assignment(assist, "assist")] if assist else [])]
    assert state_of_tasks(tasks) == state
    assert state in LIVE_STATES
