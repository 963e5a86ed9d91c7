"""What a department says: the bytes are what the router's first stage reads, and the id follows from what is said."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from msgspec.structs import replace

from router.client.answers import answer_about
from router.domain.feedback.reading import read_feedback
from router.domain.model.feedback import DEPARTMENT_KINDS, Feedback
from router.domain.model.report import Media
from router.domain.model.source_record import PlainRecord
from router.domain.model.task import Task
from router.wire.errors import InputError

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
PHOTO = Media(url="https://photos.example/1.jpg", sha256="a" * 64)
TASK = Task(
    id="C-1.1",
    case="C-1",
    department="sanitation",
    role="lead",
    matter="exposed-rubbish",
    cell="410902001001001",
    rule="sanitation",
    catalogue="v",
    reason="",
    dispatched_at=NOW,
    due_at=NOW + timedelta(hours=8),
    revision=3,
    partition_key="410902001001001",
)
NEEDED: dict[str, dict[str, Any]] = {
    "return": {"reason": "not ours"},
    "ask-extension": {"reason": "rain", "limit": "2wd"},
    "ask-support": {"reason": "a crane", "department": "fire"},
    "answer": {"reason": "done"},
    "transfer": {"reason": "theirs", "department": "courts"},
}


def said(kind: Any = "accept", task: Task = TASK, now: datetime = NOW, **more: Any) -> Any:
    return answer_about(task, kind, now, **{"actor": "hw-17", **more})


def as_read(value: bytes) -> Feedback:
    at = int((NOW + timedelta(minutes=1)).timestamp() * 1000)
    record = PlainRecord(
        topic="feedback.sanitation", partition=0, offset=0, timestamp=at, key=b"C-1.1", value=value, headers=[]
    )
    read = read_feedback(record, "sanitation")
    assert isinstance(read, Feedback), read
    return read


@pytest.mark.parametrize("kind", DEPARTMENT_KINDS)
def test_the_router_reads_every_kind(kind: Any) -> None:
    one = said(kind, **NEEDED.get(kind, {}), evidence=[PHOTO])
    read = as_read(one.value)
    assert (read.kind, read.id, read.task, read.partition_key) == (kind, one.id, "C-1.1", TASK.partition_key)
    assert (read.actor, read.occurred_at, read.evidence) == ("hw-17", NOW, (PHOTO,))
    assert {name: getattr(read, name) for name in NEEDED.get(kind, {})} == NEEDED.get(kind, {})


def test_the_same_words_about_the_same_record_have_one_id_at_any_time() -> None:
    """A handler that runs again after a crash says the same later: it must count once."""
    assert said(now=NOW + timedelta(hours=1)).id == said().id
    assert said("handled", evidence=[PHOTO]).id == said("handled", evidence=[PHOTO]).id


@pytest.mark.parametrize(
    "other",
    [
        said("progress"),
        said(task=replace(TASK, id="C-1.2")),
        said(task=replace(TASK, revision=4)),  # the task came back, and is handled again in the same words
        said(reason="x"),
        said(actor="hw-18"),
        said(evidence=[PHOTO]),
        said(occurred_at=NOW),
        said(occurred_at=NOW + timedelta(seconds=1)),
    ],
)
def test_other_words_have_another_id(other: Any) -> None:
    assert other.id != said().id


def test_one_id_with_a_time_of_the_department_has_one_digest() -> None:
    """With its own time, a second attempt is a second delivery: the router says nothing at all about it."""
    first = said(occurred_at=NOW)
    again = said(occurred_at=NOW, now=NOW + timedelta(hours=3))
    assert first == again
    assert as_read(first.value).digest == as_read(again.value).digest


def test_an_id_of_the_department_is_kept() -> None:
    assert said(id="HW-2026-17").id == "HW-2026-17"


@pytest.mark.parametrize(
    ("kind", "given", "sentence"),
    [
        ("return", {}, "field `reason`: missing, and `return` needs it; say why."),
        ("transfer", {"reason": "x"}, "field `department`: missing, and `transfer` needs it; name the department"),
        ("ask-extension", {"reason": "x"}, "field `limit`: missing, and `ask-extension` needs it; say how much time"),
        ("accept", {"actor": "13812345678"}, "field `actor`: looks like an identity or phone number"),
        ("accept", {"actor": "Li Lei"}, "field `actor`: not in the required form, 1 to 64 letters"),
        ("accept", {"reason": "x" * 501}, "field `reason`: more than 500 characters"),
        ("accept", {"id": "two words"}, "field `id`: not in the required form, 1 to 64 printable ASCII"),
        ("accept", {"resaon": "x"}, "field `resaon`: not a field of the schema"),
        ("handled", {"evidence": [Media(url="ftp://x", sha256="a" * 64)]}, "field `evidence.0.url`: not in the"),
        ("accept", {"occurred_at": datetime(2026, 11, 30, 9)}, "field `occurred_at`: a time without a zone"),  # noqa: DTZ001
    ],
)
def test_what_the_router_would_reject_is_rejected_with_its_sentence(
    kind: Any, given: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InputError) as rejected:
        said(kind, **given)
    assert sentence in str(rejected.value)


def test_a_time_of_another_zone_is_the_same_instant() -> None:
    local = NOW.astimezone(timezone(timedelta(hours=8)))
    assert as_read(said(occurred_at=local).value).occurred_at == NOW


def test_a_task_of_release_0_1_0_cannot_be_answered() -> None:
    with pytest.raises(InputError, match=r"task C-1\.1: release 0\.1\.0"):
        said(task=replace(TASK, partition_key=""))
