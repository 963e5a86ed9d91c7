"""Rejections on `grid.events`: the sentence says what is wrong with a record that is not an event."""

import json

import msgspec
import pytest

from router.domain.intake.event_rejections import undecodable, unpublished_rule_set
from router.domain.model.rejection import Rejection
from router.domain.model.source_record import PlainRecord, RecordHeaders
from router.wire.codec import UNREADABLE, decode_event, encode_report
from tests.support.records import ALARM, report

_, VALUE, HEADERS = encode_report(report("policing", ALARM))
NO_CELL = json.loads(VALUE)
NO_CELL["location"]["cell"] = 7
HINT = "only the router may write this topic, find out which program wrote the record."


def rejection(value: bytes | None, headers: RecordHeaders) -> Rejection:
    """How the merge processor rejects a record."""
    record = PlainRecord(
        topic="grid.events", partition=0, offset=1, timestamp=0, key=None, value=value, headers=headers
    )
    with pytest.raises((*UNREADABLE, ValueError, TypeError)) as raised:
        decode_event(record.headers, record.value)  # type: ignore[arg-type]
    return undecodable(record, raised.value)


@pytest.mark.parametrize(
    ("value", "headers", "cause"),
    [
        (None, HEADERS, "it has no value"),
        (VALUE, [], "it has no header `ce_type`"),
        (VALUE, [("ce_type", b"grid.\x1b[31m")], "its header `ce_type` names 'grid.�[31m'"),
        (b"{", HEADERS, "its value is not JSON"),
        (b'{"id":"\xff"}', HEADERS, "its value is not UTF-8 text"),
        (b"[]", HEADERS, "its value does not match its `ce_type`"),
        (json.dumps(NO_CELL).encode(), HEADERS, "its value does not match its `ce_type`, at `location.cell`"),
    ],
)
def test_a_record_that_is_no_event_is_rejected_with_its_cause(
    value: bytes | None, headers: RecordHeaders, cause: str
) -> None:
    rejected = rejection(value, headers)
    assert rejected.code == "not-an-event"
    assert rejected.reason == f"not an event of the grid stream: {cause}; {HINT}"


def test_too_many_nested_brackets_are_named() -> None:
    record = PlainRecord(topic="t", partition=0, offset=1, timestamp=0, key=None, value=b"[", headers=[])
    assert "has too many nested brackets" in undecodable(record, RecursionError()).reason
    assert "is not JSON" in undecodable(record, msgspec.DecodeError("x")).reason


def test_a_rule_set_that_was_never_published_is_named() -> None:
    rejected = unpublished_rule_set("2031\x07")
    assert (rejected.code, "the rule set '2031�', which was never published" in rejected.reason) == (
        "not-an-event",
        True,
    )
