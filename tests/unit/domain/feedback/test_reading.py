"""Records of the topics of feedback: what is read, each rejection with its sentence, and which contents are the same."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.domain.feedback.reading import MAX_BYTES, feedback_id_of, read_feedback
from router.domain.model.feedback import KINDS_OF_FEEDBACK, WITH_REASON, Feedback
from router.domain.model.rejection import Rejection
from router.domain.model.report import Media, Provenance
from router.domain.model.source_record import PlainRecord, UnreadableBatch
from tests.support.schemas import schema_accepts

SCHEMA = "feedback/feedback.v1.json"
AS_DESCRIBED = "send it as schemas/feedback/feedback.v1.json describes"
RECEIVED = datetime(2026, 11, 24, 2, 6, tzinfo=UTC)
EVIDENCE = {"url": "https://photos.example.org/1.jpg", "sha256": "a" * 64}
SAID: dict[str, Any] = {
    "id": "HW-1",
    "task": "C-1.1",
    "partition_key": "410902001001001",
    "kind": "accept",
    "actor": "officer-17",
    "occurred_at": "2026-11-24T10:05:00+08:00",
}


def read(value: Any = None, *, history: bool = False, headers: Any = (), **fields: Any) -> Feedback | Rejection:
    """Read a value, or the message above with other fields."""
    said = json.dumps({**SAID, **fields}).encode() if value is None else value
    record = PlainRecord(
        topic="feedback.sanitation",
        partition=1,
        offset=17,
        timestamp=int(RECEIVED.timestamp() * 1000),
        key=b"C-1.1",
        value=said,
        headers=headers,
    )
    return read_feedback(record, "sanitation", history=history)


def taken(value: Any = None, **fields: Any) -> Feedback:
    found = read(value, **fields)
    assert isinstance(found, Feedback), found
    return found


def rejected(value: Any = None, **fields: Any) -> tuple[str, str]:
    found = read(value, **fields)
    assert isinstance(found, Rejection), found
    return found.code, found.reason


def test_every_field_is_read_and_the_sender_is_that_of_the_topic() -> None:
    found = taken(
        kind="return", reason="不是我们的", department="parks", unit="north", limit="24h", evidence=[EVIDENCE]
    )
    assert found == Feedback(
        id="HW-1",
        sender="sanitation",
        kind="return",
        task="C-1.1",
        partition_key="410902001001001",
        actor="officer-17",
        occurred_at=RECEIVED - timedelta(minutes=1),
        received_at=RECEIVED,
        digest=found.digest,
        provenance=Provenance(topic="feedback.sanitation", partition=1, offset=17),
        reason="不是我们的",
        department="parks",
        unit="north",
        limit="24h",
        evidence=(Media(**EVIDENCE),),
    )


@pytest.mark.parametrize("kind", KINDS_OF_FEEDBACK)
def test_each_kind_is_read_and_needs_a_reason_where_one_is_due(kind: str) -> None:
    assert taken(kind=kind, reason="why", department="parks", limit="2wd").kind == kind
    if kind in WITH_REASON:
        for reason in ({}, {"reason": ""}, {"reason": "  "}):
            assert rejected(kind=kind, department="parks", limit="2wd", **reason) == (
                "schema",
                f"field `reason`: missing, and `{kind}` needs it; say why, {AS_DESCRIBED}.",
            )


@pytest.mark.parametrize(
    ("fields", "code", "sentence"),
    [
        ({"kind": "reroute", "reason": "x"}, "schema", "field `department`: missing, and `reroute` needs it; name the department"),
        ({"kind": "ask-extension", "reason": "x"}, "schema", "field `limit`: missing, and `ask-extension` needs it; say how much"),
        ({"kind": "ask-extension", "limit": "2 days"}, "schema", "field `limit`: not in the required form, a number of hours or"),
        ({"kind": "Accept"}, "schema", "field `kind`: not one of 'accept', 'return', 'progress', 'handled', 'ask-extension'"),
        ({"id": ""}, "bad-id", "field `id`: not in the required form, 1 to 64 printable ASCII characters without spaces"),
        ({"id": "x" * 65}, "bad-id", "field `id`: not in the required form, 1 to 64 printable"),
        ({"id": "a b"}, "bad-id", "field `id`: not in the required form"),
        ({"id": 7}, "bad-id", "field `id`: not a text in quotes"),
        ({"task": "x" * 129}, "schema", "field `task`: not in the required form, 1 to 128 printable ASCII characters"),
        ({"partition_key": "4109020010010"}, "schema", "field `partition_key`: not in the required form, 15 digits"),
        ({"partition_key": "４10902001001001"}, "schema", "field `partition_key`: not in the required form, 15 digits"),
        ({"actor": "张三"}, "schema", "field `actor`: not in the required form, 1 to 64 letters, digits and"),
        ({"actor": "x" * 65}, "schema", "field `actor`: not in the required form, 1 to 64 letters"),
        ({"actor": "13812345678"}, "personal-data", "field `actor`: looks like an identity or phone number; send a masked"),
        ({"occurred_at": "2026-02-30T10:05:00+08:00"}, "bad-time", "field `occurred_at`: not a real time of the years 1970"),
        ({"occurred_at": "2026-11-24T10:05:00"}, "bad-time", "field `occurred_at`: not a real time of the years 1970"),
        ({"reason": "x" * 501}, "schema", "field `reason`: more than 500 characters"),
        ({"evidence": [EVIDENCE] * 6}, "schema", "field `evidence`: more than 5 entries"),
        ({"evidence": [EVIDENCE | {"sha256": "A" * 64}]}, "schema", "field `evidence.0.sha256`: not in the required form, 64"),
        ({"evidence": [EVIDENCE | {"name": "x"}]}, "schema", "field `evidence.0.name`: not a field of the schema"),
        ({"department": "Parks & Co"}, "schema", "field `department`: not in the required form, 1 to 48 lower-case letters"),
        ({"sender": "parks"}, "schema", "field `sender`: not a field of the schema"),
        ({"\x1b[2J" + "x" * 60: 1}, "schema", "field `�[2J" + "x" * 36 + "…`: not a field of the schema"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named_with_what_to_do(fields: dict[str, Any], code: str, sentence: str) -> None:
    found, reason = rejected(**fields)
    assert (found, reason[: len(sentence)]) == (code, sentence)
    assert reason.endswith(f"{AS_DESCRIBED}.")


@pytest.mark.parametrize("missing", SAID)
def test_each_field_that_is_needed_is_missed(missing: str) -> None:
    said = json.dumps({name: value for name, value in SAID.items() if name != missing}).encode()
    code = "bad-id" if missing == "id" else "schema"
    assert rejected(said) == (code, f"field `{missing}`: missing; {AS_DESCRIBED}.")


@pytest.mark.parametrize(
    ("value", "code", "sentence"),
    [
        (b"", "empty", "the record has no value; send the feedback as a JSON object."),
        (b"{", "not-json", "the value is not JSON (it ends inside an object at line 1 column 1)"),
        (b"<xml/>", "not-json", "the value is XML, not JSON"),
        (b"\xb4\xf2", "not-utf8", "the value is not UTF-8 text (byte 0)"),
        (b"[" * 1000, "not-json", "the value is not JSON (more than 200 nested brackets"),
        (b"[]", "schema", "the message is a JSON array, not a JSON object"),
        (b"x" * (MAX_BYTES + 1), "too-large", "the value has 65537 bytes, more than 65536"),
        (b'{"id": "\\ud800"}', "not-json", "the value is not JSON (half of a surrogate pair"),
    ],
)
def test_a_value_that_is_no_message_is_rejected(value: bytes, code: str, sentence: str) -> None:
    found, reason = rejected(value)
    assert (found, reason[: len(sentence)]) == (code, sentence)


def test_a_batch_that_was_not_unpacked_is_rejected() -> None:
    batch = UnreadableBatch(topic="feedback.x", partition=0, offset=9, first_offset=3, timestamp=0, why="is cut")
    found = read_feedback(batch, "x")
    assert isinstance(found, Rejection)
    assert found.code == "unreadable-batch"


def test_a_clock_that_is_ahead_is_cut_to_the_receipt_and_marked() -> None:
    late, ahead = taken(), taken(occurred_at="2026-11-24T10:06:00.001+08:00")
    assert (ahead.occurred_at, ahead.clock_ahead) == (RECEIVED, True)
    assert not late.clock_ahead
    exact = taken(occurred_at="2026-11-24T02:06:00Z")
    assert (exact.occurred_at, exact.clock_ahead) == (RECEIVED, False)


def test_what_happened_more_than_thirty_days_ago_is_rejected() -> None:
    limit = RECEIVED - timedelta(days=30)
    assert taken(occurred_at=limit.isoformat()).occurred_at == limit
    code, reason = rejected(occurred_at=(limit - timedelta(seconds=1)).isoformat())
    assert code == "bad-time"
    assert reason == (
        "field `occurred_at`: 2026-10-25T02:05:59+00:00 is more than 30 days before Kafka's time of the record "
        "(2026-11-24T02:06:00+00:00); send when it happened, and have a supervisor close what is older."
    )


def test_only_a_replay_of_history_takes_the_received_time_of_a_header() -> None:
    """A live sender could date with it what comes too late."""
    headers = [("grid-received-at", b"2018-01-01T08:00:00Z")]
    old = "2018-01-01T07:59:00Z"
    assert taken(headers=headers).received_at == RECEIVED
    assert rejected(headers=headers, occurred_at=old)[0] == "bad-time"
    assert taken(headers=headers, occurred_at=old, history=True).received_at == datetime(2018, 1, 1, 8, tzinfo=UTC)


def test_the_same_content_has_the_same_digest_however_it_is_written() -> None:
    first = taken()
    same = [
        json.dumps(dict(reversed(SAID.items())), indent=2).encode(),
        json.dumps(SAID | {"occurred_at": "2026-11-24T02:05:00Z", "reason": "", "evidence": [], "unit": None}).encode(),
        json.dumps(SAID).replace("officer", "\\u006fffice" + "r").encode(),
    ]
    assert {taken(value).digest for value in same} == {first.digest}


@given(
    st.sampled_from(
        ["task", "partition_key", "kind", "actor", "occurred_at", "reason", "department", "unit", "limit", "evidence"]
    )
)
def test_other_content_has_another_digest(field: str) -> None:
    """Also of a time that is cut: a clock that is ahead says two things."""
    other = {
        "task": "C-2.1",
        "partition_key": "410902001001002",
        "kind": "progress",
        "actor": "officer-18",
        "occurred_at": "2026-11-24T10:05:01+08:00",
        "limit": "24h",
        "evidence": [EVIDENCE],
    }
    assert taken(**{field: other.get(field, "other")}).digest != taken().digest
    ahead = [taken(occurred_at=f"2026-11-24T10:0{minute}:00+08:00") for minute in (7, 8)]
    assert ahead[0].occurred_at == ahead[1].occurred_at
    assert ahead[0].digest != ahead[1].digest


@pytest.mark.parametrize("declared", [True, False])
def test_a_cloud_event_in_structured_mode_is_read(declared: bool) -> None:
    envelope = {"specversion": "1.0", "id": "event-1", "source": "/oa", "type": "task.answered", "data": SAID}
    headers = [("content-type", b"application/cloudevents+json")] if declared else []
    value = json.dumps(envelope).encode()
    assert taken(value, headers=headers) == taken()
    wrong = json.dumps(envelope | {"data": {**SAID, "kind": "gone"}}).encode()
    assert rejected(wrong, headers=headers)[1].startswith("field `kind`: not one of")
    assert feedback_id_of(value, headers) == "HW-1"


def test_the_headers_of_binary_mode_say_nothing() -> None:
    headers = [("ce_id", b"another"), ("ce_source", b"/x"), ("content-type", b"application/json")]
    assert taken(headers=headers) == taken()


@pytest.mark.parametrize(
    ("value", "id_"),
    [
        (b'{"id": "a b"}', "a b"),
        (b'{"id": 7}', None),
        (b'{"id": "' + b"x" * 65 + b'"}', None),
        (b"[1]", None),
        (b"no json", None),
        (b"x" * (MAX_BYTES + 1), None),
        (None, None),
    ],
)
def test_the_id_of_a_rejected_value_is_found_if_there_is_one(value: bytes | None, id_: str | None) -> None:
    assert feedback_id_of(value) == id_


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_rejected(value: bytes) -> None:
    assert isinstance(read(value), Rejection)


@given(
    st.fixed_dictionaries(
        {
            name: st.one_of(st.just(value), st.text(max_size=70), st.none(), st.integers())
            for name, value in SAID.items()
        }
    )
)
def test_what_the_router_reads_the_schema_accepts(said: dict[str, Any]) -> None:
    """The schema accepts more: it does not say which kind needs which field, nor which times exist."""
    if isinstance(read(json.dumps(said).encode()), Feedback):
        assert schema_accepts(SCHEMA, said)


def test_personal_numbers_in_a_reason_are_masked_and_the_digest_is_of_what_was_sent() -> None:
    one = read(kind="return", reason="the owner, 13812345678, says no")
    other = read(kind="return", reason="the owner, 13812345679, says no")
    assert isinstance(one, Feedback)
    assert isinstance(other, Feedback)
    assert one.reason == other.reason == "the owner, 138********, says no"
    assert one.masked == ("phone-number",)
    assert one.digest != other.digest
