"""Records of this release and of a later one."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from router.client.patience import FIRST_S, LONGEST_S, delay_s
from router.client.records import rejected_of, task_of
from router.domain.model.report import Media
from router.domain.model.task import BilingualName, TeamMember
from router.wire.codec import encode_task
from router.wire.record_kinds import KINDS
from tests.support.repository import ROOT
from tests.unit.client.test_answers import TASK


def record(value: bytes | None, kind: str = "grid.task.dispatched.v1") -> Any:
    return SimpleNamespace(
        topic="tasks.x", partition=1, offset=2, value=value, headers=[("unit", b"u"), ("ce_type", kind.encode())]
    )


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS.values() if kind.task_state])
def test_every_kind_of_task_is_read(kind: str) -> None:
    task = replace(TASK, state=KINDS[kind].task_state, media=(Media(url="u", sha256="s"),), withheld=("point",))
    assert task_of(record(encode_task(task)[1], kind)) == task


def test_the_samples_of_the_schemas_are_read() -> None:
    sample = ROOT / "schemas" / "samples" / "events" / "grid.task.dispatched.v1.json"
    assert task_of(record(sample.read_bytes())).id == json.loads(sample.read_bytes())["id"]  # type: ignore[union-attr]
    rejected = ROOT / "schemas" / "samples" / "events" / "grid.feedback.rejected.v1.json"
    found = rejected_of(record(rejected.read_bytes(), "grid.feedback.rejected.v1"))
    assert found is not None
    assert found.code == json.loads(rejected.read_bytes())["code"]


def test_words_and_fields_of_a_later_release_are_kept_and_ignored() -> None:
    team = [{"department": "fire", "role": "watch", "name": {"en": "Fire", "zh": "消防"}, "new": 1}]
    value = json.loads(encode_task(TASK)[1]) | {
        "team": team,
        "stage": "paused",
        "state": "frozen",
        "withheld": ["smell"],
        "new": {"a": 1},
    }
    task = task_of(record(json.dumps(value).encode()))
    assert task is not None
    assert (task.stage, task.state, task.withheld) == ("paused", "frozen", ("smell",))
    assert task.team == (TeamMember("fire", "watch", name=BilingualName("Fire", "消防")),)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [None, b"", b"{", b'{"id": 5}', b"[" * 100_000, b'{"id": "\xff"}'])
def test_what_cannot_be_read_is_skipped(value: bytes | None, caplog: pytest.LogCaptureFixture) -> None:
    assert task_of(record(value)) is None
    assert "tasks.x/1/2" in caplog.text


def test_other_kinds_say_nothing() -> None:
    value = encode_task(TASK)[1]
    assert task_of(record(value, "grid.task.sung.v1")) is None
    assert rejected_of(record(value)) is None


def test_waiting_grows_and_is_bounded() -> None:
    waits = [delay_s(failures) for failures in range(1, 40)]
    assert waits[0] == FIRST_S
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_S
