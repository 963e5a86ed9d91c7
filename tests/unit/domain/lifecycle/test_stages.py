"""The table of stages, every entry and every gap."""

from typing import get_args

import pytest
from msgspec.structs import replace

from router.domain.catalogue.model import LifecycleNode, StageNode
from router.domain.lifecycle.lifecycles import ALLOWED, CHECKED, ENDED, PLANNED, TRANSITIONS, UNCHECKED, lifecycle
from router.domain.lifecycle.stages import (
    LIVE_STATES,
    is_live,
    legal_for,
    next_stage,
    stage_of,
    state_of_tasks,
)
from router.domain.model.case import Assignment, CaseState
from router.domain.model.feedback import (
    DEPARTMENT_KINDS,
    KINDS_OF_FEEDBACK,
    SUPERVISION,
    SUPERVISION_KINDS,
    FeedbackKind,
)
from router.domain.model.transition import TaskStage
from tests.support.driver import hours

STAGES: tuple[TaskStage, ...] = get_args(TaskStage)
STAY = ("ask-extension", "grant-extension", "reject-extension", "ask-support", "supervise", "silence")
"""Feedback after which a department that works on a task is at the same stage."""
LEGAL: dict[str, dict[str, str]] = {
    "verifying": {"verified": "filing", "file": "dispatched", "reject": "rejected", "silence": "verifying"},
    "filing": {"file": "dispatched", "reject": "rejected", "silence": "filing"},
    "dispatched": {
        "accept": "accepted", "return": "returned", "handled": "handled", "suspend": "suspended", "reroute": "withdrawn",
        "close": "closed", "answer": "closed", "transfer": "withdrawn", **dict.fromkeys(STAY, "dispatched"),
    },
    "accepted": {
        "progress": "handling", "handled": "handled", "suspend": "suspended", "reroute": "withdrawn", "close": "closed",
        "answer": "closed", "transfer": "withdrawn", **dict.fromkeys(STAY, "accepted"),
    },
    "handling": {
        "progress": "handling", "handled": "handled", "suspend": "suspended", "reroute": "withdrawn", "close": "closed",
        "answer": "closed", "transfer": "withdrawn", **dict.fromkeys(STAY, "handling"),
    },
    "suspended": {
        "supervise": "suspended", "resume": "handling", "reroute": "withdrawn", "close": "closed", "silence": "suspended",
    },
    "handled": {
        "check-passed": "closed", "check-failed": "handling", "reroute": "withdrawn", "close": "closed", "silence": "handled",
    },
    "returned": {},
    "withdrawn": {},
    "closed": {"reopen": "handling"},
    "rejected": {"file": "dispatched"},
}  # fmt: skip


WHOLE = lifecycle("whole", TRANSITIONS)
"""With verifying and filing."""


def assignment(stage: TaskStage, role: str = "lead", *, final: bool = False, department: str = "parks") -> Assignment:
    withdrawn = hours(1) if stage in {"returned", "withdrawn"} else None
    return Assignment(
        task="C-1.1", department=department, role=role, rule="r", due_at=None, stage=stage, final=final, withdrawn_at=withdrawn, asked="1d"  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("kind", KINDS_OF_FEEDBACK)
def test_each_feedback_at_each_stage(stage: TaskStage, kind: str) -> None:
    role = "assist" if kind == "answer" else "lead"
    assert next_stage(assignment(stage, role), kind, WHOLE) == LEGAL[stage].get(kind)  # type: ignore[arg-type]
    assert next_stage(assignment(stage, role), kind, CHECKED) == LEGAL[stage].get(kind)  # type: ignore[arg-type]


def test_the_table_has_no_other_entry() -> None:
    assert {(a, k): b for a, kinds in LEGAL.items() for k, b in kinds.items()} == dict(TRANSITIONS)
    assert {*DEPARTMENT_KINDS, *SUPERVISION_KINDS} == {*KINDS_OF_FEEDBACK}


def test_from_every_stage_at_which_a_department_works_the_task_can_be_closed() -> None:
    for stage in set(STAGES) - ENDED - set(PLANNED):
        assert TRANSITIONS[stage, "close"] == "closed"
    for stage in PLANNED:
        assert TRANSITIONS[stage, "reject"] == "rejected"


def test_what_is_not_checked_is_closed_when_it_is_handled() -> None:
    assert next_stage(assignment("accepted"), "handled", UNCHECKED) == "closed"
    assert next_stage(assignment("accepted"), "handled", CHECKED) == "handled"
    assert next_stage(assignment("accepted"), "progress", UNCHECKED) == "handling"


def test_what_was_decided_cannot_be_returned() -> None:
    final = assignment("dispatched", final=True)
    assert next_stage(final, "return", CHECKED) is None
    assert legal_for(final, "parks", CHECKED) == ("accept", "handled", "ask-extension", "ask-support", "transfer")
    assert "return" in legal_for(assignment("dispatched"), "parks", CHECKED)
    assert "return" not in legal_for(replace(assignment("dispatched"), supervised_at=hours(1)), "parks", CHECKED)


def test_the_lead_asks_for_support_and_an_assistant_answers() -> None:
    lead, assist = (
        legal_for(assignment("accepted"), "parks", CHECKED),
        legal_for(assignment("accepted", "assist"), "parks", CHECKED),
    )
    assert ("ask-support" in lead, "answer" in lead) == (True, False)
    assert ("ask-support" in assist, "answer" in assist) == (False, True)


def test_the_authority_that_arbitrates_decides_as_a_supervisor_does() -> None:
    """Also where the lifecycle lets no supervisor give a task to another department."""
    one = replace(assignment("dispatched", final=True), arbitrates=True)
    three = lifecycle("three", {("dispatched", "handled"): "closed"})
    assert legal_for(one, "parks", three) == ("handled", "reroute")
    assert next_stage(one, "reroute", three) == "withdrawn"
    assert "reroute" not in legal_for(assignment("dispatched"), "parks", CHECKED)


def test_a_department_answers_about_its_own_task_and_supervision_about_any() -> None:
    one = assignment("handled")
    assert legal_for(one, "roads", CHECKED) == ()
    assert legal_for(one, "parks", CHECKED) == ()
    assert legal_for(one, SUPERVISION, CHECKED) == ("check-passed", "check-failed", "reroute", "close", "silence")
    assert legal_for(assignment("closed"), SUPERVISION, CHECKED) == ("reopen",)
    assert legal_for(assignment("withdrawn"), SUPERVISION, CHECKED) == ()


def test_more_time_is_granted_only_when_it_was_asked_for() -> None:
    one = replace(assignment("accepted"), asked=None)
    assert next_stage(one, "grant-extension", CHECKED) is None
    assert next_stage(one, "reject-extension", CHECKED) is None
    assert next_stage(one, "ask-extension", CHECKED) == "accepted"


@pytest.mark.parametrize("before", ["dispatched", "accepted", "handling"])
def test_a_resumed_task_goes_on_at_the_stage_that_it_had(before: TaskStage) -> None:
    assert next_stage(replace(assignment("suspended"), resumes=before), "resume", CHECKED) == before


def test_a_withdrawn_task_of_an_earlier_release_is_withdrawn() -> None:
    old = Assignment(task="C-1.1", department="p", role="lead", rule="r", due_at=None, withdrawn_at=hours(1))
    assert stage_of(old) == "withdrawn"
    assert not is_live(old)


def test_what_a_city_may_choose_begins_with_the_standard() -> None:
    """A lifecycle without a stage between dispatch and work, or without a check; nothing else differs from the standard."""
    others = {
        ("verifying", "verified"): ("filing", "dispatched"),
        ("dispatched", "accept"): ("accepted", "handling"),
        ("dispatched", "progress"): ("handling",),
        **{(stage, "handled"): ("handled", "closed") for stage in ("dispatched", "accepted", "handling")},
    }
    assert dict(ALLOWED) == {step: (after,) for step, after in TRANSITIONS.items()} | others


@pytest.mark.parametrize("kind", KINDS_OF_FEEDBACK)
def test_a_task_whose_stage_its_lifecycle_lacks_goes_on_by_the_standard(kind: FeedbackKind) -> None:
    """Its rules changed under way: it must not be stuck."""
    three = lifecycle("three", {("dispatched", "accept"): "handling", ("handling", "handled"): "closed"})
    for stage in ("accepted", "suspended", "handled", "closed"):
        role = "assist" if kind == "answer" else "lead"
        assert next_stage(assignment(stage, role), kind, three) == LEGAL[stage].get(kind)
    assert next_stage(assignment("dispatched"), "accept", three) == "handling"
    assert next_stage(assignment("handling"), "suspend", three) is None


def test_every_lifecycle_knows_a_silence() -> None:
    three = lifecycle("three", {("dispatched", "accept"): "handling", ("handling", "handled"): "closed"})
    assert "silence" in legal_for(assignment("handling"), SUPERVISION, three)
    assert "silence" not in legal_for(assignment("handling"), "parks", three)


def test_tasks_begin_at_the_first_stage_before_the_dispatch_that_their_lifecycle_has() -> None:
    tables = {
        "verifying": dict(TRANSITIONS),
        "filing": {step: after for step, after in TRANSITIONS.items() if step[0] != "verifying"},
        "dispatched": dict(CHECKED.table),
    }
    assert {stage: lifecycle("x", table).begin for stage, table in tables.items()} == {stage: stage for stage in tables}
    assert UNCHECKED.begin == "dispatched"


def test_before_the_dispatch_nothing_is_possible_for_the_department() -> None:
    for stage in PLANNED:
        assert legal_for(assignment(stage), "parks", WHOLE) == ()
    assert legal_for(assignment("filing"), SUPERVISION, WHOLE) == ("file", "reject", "silence")


def test_the_work_of_an_assistant_is_not_checked() -> None:
    assert next_stage(assignment("accepted", "assist"), "handled", CHECKED) == "closed"


def test_the_schema_of_a_lifecycle_knows_every_stage_and_kind() -> None:
    stages = {stage: StageNode(on={k: b for (a, k), b in TRANSITIONS.items() if a == stage}) for stage in STAGES}  # type: ignore[arg-type]
    assert LifecycleNode.model_validate({"name": {"en": "x"}, "stages": {s: n.model_dump() for s, n in stages.items()}})


@pytest.mark.parametrize(
    ("lead", "assist", "state"),
    [
        ("verifying", "verifying", "verifying"),
        ("filing", None, "filing"),
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
