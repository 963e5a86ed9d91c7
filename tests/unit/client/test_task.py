"""A task in the hands of its department: what can be said at which stage, and a method for every kind."""

import inspect
from typing import Any

import pytest
from msgspec.structs import replace

from router.client import Client
from router.client.answers import EncodedAnswer
from router.client.task import Conversation, DepartmentTask, StoredAnswer
from router.domain.lifecycle.lifecycles import CHECKED, TRANSITIONS, UNCHECKED
from router.domain.model.feedback import DEPARTMENT_KINDS, KINDS_OF_FEEDBACK, WITH_DEPARTMENT, WITH_REASON
from router.domain.model.task import Task
from router.wire.errors import InputError
from tests.unit.client.test_answers import NEEDED, TASK


class Department:
    """What was sent and acknowledged."""

    def __init__(self, actor: str | None = "hw-17") -> None:
        self.sent: list[EncodedAnswer] = []
        self.acknowledged = 0
        self.actor = actor

    def send(self, answer: EncodedAnswer) -> StoredAnswer:
        self.sent.append(answer)
        return StoredAnswer(
            id=answer.id, kind=answer.kind, task=answer.task, topic="feedback.sanitation", partition=0, offset=0
        )

    def stored(self) -> None:
        self.acknowledged += 1

    def task(self, task: Task = TASK) -> DepartmentTask:
        return DepartmentTask.of(task, Conversation(self.send, self.actor, self.stored))


METHODS = {kind: f"{kind.replace('-', '_')}{'_' * (kind == 'return')}" for kind in (*DEPARTMENT_KINDS, "reroute")}


@pytest.mark.parametrize("kind", METHODS)
def test_every_kind_of_a_department_has_a_method_that_asks_for_what_the_kind_needs(kind: Any) -> None:
    method = getattr(DepartmentTask, METHODS[kind])
    needed = {
        name
        for name, one in inspect.signature(method).parameters.items()
        if one.default is one.empty and one.kind is not one.VAR_KEYWORD
    } - {"self"}
    asked = {"reason"} if kind in WITH_REASON else set()
    asked |= {"department"} if kind in WITH_DEPARTMENT else set()
    asked |= {"limit"} if kind == "ask-extension" else set()
    assert needed == asked
    chinese = KINDS_OF_FEEDBACK[kind].partition("(")[2].partition(")")[0]
    assert chinese in method.__doc__ or kind == "reroute"


@pytest.mark.parametrize("kind", METHODS)
def test_a_method_says_its_kind(kind: Any) -> None:
    department = Department()
    stage = "accepted" if kind == "progress" else "dispatched"
    task = replace(TASK, role="assist" if kind == "answer" else "lead", arbitrates=kind == "reroute", stage=stage)
    more = NEEDED["transfer"] if kind == "reroute" else NEEDED.get(kind, {})
    assert getattr(department.task(task), METHODS[kind])(**more).kind == kind
    assert [one.kind for one in department.sent] == [kind]


def test_what_is_said_moves_the_stage() -> None:
    task = Department().task()
    task.accept()
    with pytest.raises(InputError, match=r"task C-1\.1: `accept` is not possible.*possible are progress, handled"):
        task.accept()
    task.handled()
    assert task.possible == ()


@pytest.mark.parametrize("lifecycle", [CHECKED, UNCHECKED])
def test_nothing_is_rejected_that_a_lifecycle_allows(lifecycle: Any) -> None:
    for stage, kind in lifecycle.table:
        if kind in DEPARTMENT_KINDS:
            task = replace(TASK, stage=stage, role="assist" if kind == "answer" else "lead")
            assert kind in Department().task(task).possible, (stage, kind)


def test_at_a_stage_that_no_city_leaves_nothing_is_sent() -> None:
    department = Department()
    for stage in {stage for _, stage in TRANSITIONS.items()} & {"closed", "returned", "withdrawn"}:
        with pytest.raises(InputError, match=f"it is {stage}"):
            department.task(replace(TASK, stage=stage)).handled()
    with pytest.raises(InputError, match="it is withdrawn"):
        department.task(replace(TASK, state="withdrawn")).progress()
    assert department.sent == []


@pytest.mark.parametrize("more", [{"final": True}, {"supervised_at": TASK.dispatched_at}])
def test_a_decided_task_cannot_be_returned(more: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="it is dispatched, and cannot be returned; possible are accept"):
        Department().task(replace(TASK, **more)).return_("not ours")


def test_an_unknown_stage_rejects_nothing() -> None:
    later: Any = "paused"
    assert Department().task(replace(TASK, stage=later)).handled().kind == "handled"


def test_an_answer_names_an_actor() -> None:
    with pytest.raises(InputError, match="field `actor`: no actor is named"):
        Department(actor=None).task().accept()
    department = Department(actor=None)
    department.task().accept(actor="hw-18")
    assert b'"hw-18"' in department.sent[0].value


def test_progress_may_name_a_milestone() -> None:
    department = Department()
    department.task(replace(TASK, stage="accepted")).progress(milestone="on-site")
    assert b'"milestone":"on-site"' in department.sent[0].value


def test_acknowledging_is_explicit() -> None:
    department = Department()
    task = department.task()
    task.accept()
    assert department.acknowledged == 0
    task.acknowledge()
    assert department.acknowledged == 1


def test_a_task_shows_no_character_that_a_terminal_obeys() -> None:
    shown = repr(Department().task(replace(TASK, description="\x1b]0;x\x07\u202eevil")))
    assert shown.isprintable()


def test_a_stored_task_can_be_answered_later() -> None:
    task = Department().task()
    with Client("127.0.0.1:1", actor="hw-17") as client:
        again = client.task(task.json())
        assert replace(again, conversation=task.conversation) == task
        with pytest.raises(InputError, match="the stored value: it is no task"):
            client.task("[]")
