"""Records on the wire: CloudEvents 1.0 in Kafka's binary mode, and dead letters that keep what they reject."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import msgspec
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from router.domain.model.rejection import Rejection
from router.domain.model.report import Location, Provenance, Report, Tick
from router.domain.model.source_record import PlainRecord
from router.domain.model.task import Task
from router.wire.codec import (
    decode_event,
    decode_task,
    encode_dead_letter,
    encode_report,
    encode_task,
    encode_tick,
    read_dead_letter,
)

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
REPORT = Report(
    id="policing:J1",
    network="policing",
    source_id="J1",
    matter="graffiti",
    source_code="040201",
    occurred_at=NOON,
    reported_at=NOON,
    received_at=NOON,
    location=Location(cell="410902003001007", resolved_by="point", accuracy_m=15.0, lon=115.03, lat=35.76),
    provenance=Provenance(topic="reports.policing", partition=1, offset=42),
    extensions={"unknownField": "kept"},
)
TASK = Task(
    id="C-1.1",
    case="C-1",
    department="ocb",
    role="lead",
    matter="graffiti",
    cell="410902003001007",
    rule="graffiti-citywide",
    catalogue="abc",
    reason="because",
    dispatched_at=NOON,
    due_at=None,
    unit="410902003",
)


def as_cloudevent(headers: list[tuple[str, bytes]], key: bytes, value: bytes) -> CloudEvent:
    """Read a record with the reference SDK, as a consumer of the topic would."""
    message = KafkaMessage(headers=dict(headers), key=key, value=value)
    return from_binary(message, JSONFormat(), CloudEvent)


def test_the_reference_sdk_reads_a_report() -> None:
    key, value, headers = encode_report(REPORT)
    event = as_cloudevent(headers, key, value)
    assert key == b"410902003001007"
    assert event.get_id() == "policing:J1"
    assert event.get_source() == "/networks/policing"
    assert event.get_type() == "grid.report.received.v1"
    assert event.get_subject() == "410902003001007"
    assert event.get_time() == NOON
    assert event.get_data()["extensions"] == {"unknownField": "kept"}


def test_a_report_survives_encoding_and_decoding() -> None:
    _, value, headers = encode_report(REPORT)
    assert decode_event(headers, value) == REPORT


def test_a_redriven_event_says_so() -> None:
    _, value, headers = encode_report(REPORT)
    redriven = decode_event([*headers, ("grid-redriven", b"grid.events/0/7"), ("grid-redriven-by", b"li.wei")], value)
    assert isinstance(redriven, Report)
    assert (redriven.redriven, decode_event(headers, value)) == (True, REPORT)


def test_a_tick_survives_encoding_and_equal_ticks_have_equal_ids() -> None:
    _, value, headers = encode_tick(Tick(at=NOON), 3)
    assert decode_event(headers, value) == Tick(at=NOON)
    assert dict(headers)["ce_id"] == dict(encode_tick(Tick(at=NOON), 3)[2])["ce_id"]
    assert dict(headers)["ce_id"] != dict(encode_tick(Tick(at=NOON), 2)[2])["ce_id"]


@pytest.mark.parametrize(
    ("headers", "value"),
    [([], b"{}"), ([("ce_type", b"other")], b"{}"), ([("ce_type", b"grid.report.received.v1")], b"{}")],
)
def test_a_value_that_is_no_event_is_rejected(headers: list[tuple[str, bytes]], value: bytes) -> None:
    with pytest.raises((ValueError, msgspec.MsgspecError)):
        decode_event(headers, value)


def test_a_task_names_its_unit_in_a_header() -> None:
    key, value, headers = encode_task(TASK)
    assert key == b"C-1"
    assert dict(headers)["unit"] == b"410902003"
    assert as_cloudevent(headers, key, value).get_id() == "C-1.1"
    assert decode_task(value) == TASK


def test_a_dead_letter_keeps_the_record_and_says_why() -> None:
    original = PlainRecord(
        topic="reports.policing",
        partition=2,
        offset=7,
        timestamp=1_700_000_000_000,
        key=b"k",
        value=b"\xff\x00{",
        headers=[("trace", b"1"), ("trace", b"2")],
    )
    dead_letter = read_dead_letter(
        *encode_dead_letter(original, Rejection(code="not-json", reason="no JSON."), "policing")
    )
    assert (dead_letter.key, dead_letter.value, dead_letter.headers) == (
        b"k",
        b"\xff\x00{",
        (("trace", b"1"), ("trace", b"2")),
    )
    assert (dead_letter.code, dead_letter.reason, dead_letter.network) == ("not-json", "no JSON.", "policing")
    assert dead_letter.id == "reports.policing/2/7"
    assert dead_letter.at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def test_a_dead_letter_names_an_omitted_value_by_size_and_hash() -> None:
    original = PlainRecord(
        topic="reports.hotline", partition=0, offset=1, timestamp=2**62, key=b"k", value=b"x" * (6 << 20), headers=[]
    )
    rejection = Rejection(code="too-large", reason="too large.")
    assert encode_dead_letter(original, rejection, "hotline")[1] == original.value
    larger = msgspec.structs.replace(original, value=b"x" * ((6 << 20) + 1), headers=[("a", b"b")])
    dead_letter = read_dead_letter(*encode_dead_letter(larger, rejection, "hotline"))
    assert (dead_letter.value, dead_letter.headers, dead_letter.offset) == (None, (("a", b"b"),), 1)
    assert dead_letter.omitted == f"6291457 bytes, sha256 {sha256(larger.value or b'').hexdigest()}"


@pytest.mark.parametrize(
    ("key", "headers", "value", "kept", "omitted"),
    [
        (b"k" * (3 << 20), [], b"{", True, None),
        (None, [("h", b"v" * 1000)] * 4000, None, True, None),
        (b"k" * (8 << 20), [("h", b"v")], b"{", False, "key and 1 headers, 8388620 bytes"),
        (None, [("\\xff" * (3 << 20), None)], None, False, "key and 1 headers, 12582922 bytes"),
        (b"k" * (2 << 20), [], b"x" * (6 << 20), True, "6291456 bytes, sha256 "),
        (b"k" * (8 << 20), [], b"x" * (7 << 20), False, "key and 0 headers, 8388608 bytes; 7340032 bytes, sha256 "),
    ],
)
def test_every_dead_letter_fits_into_its_topic(
    key: bytes | None, headers: Any, value: bytes | None, kept: bool, omitted: str | None
) -> None:
    original = PlainRecord(
        topic="reports.hotline", partition=0, offset=1, timestamp=0, key=key, value=value, headers=headers
    )
    written = encode_dead_letter(original, Rejection(code="schema", reason="no."), "hotline")
    size = sum(len(part or b"") for part in written[:2]) + sum(len(n) + len(v or b"") + 10 for n, v in written[2])
    assert size < (8 << 20) - 1024
    dead_letter = read_dead_letter(*written)
    assert (dead_letter.key, list(dead_letter.headers)) == ((key, headers) if kept else (None, []))
    assert dead_letter.omitted is omitted is None or str(dead_letter.omitted).startswith(str(omitted))
    assert dead_letter.offset == 1


def test_a_rejected_record_cannot_pose_as_another() -> None:
    forged = [("grid-dead-letter-offset", b"999"), ("grid-dead-letter-topic", b"elsewhere")]
    original = PlainRecord(
        topic="reports.hotline", partition=0, offset=1, timestamp=0, key=None, value=None, headers=forged
    )
    dead_letter = read_dead_letter(*encode_dead_letter(original, Rejection(code="empty", reason="empty."), "hotline"))
    assert (dead_letter.topic, dead_letter.offset, dead_letter.headers) == ("reports.hotline", 1, tuple(forged))


def test_a_foreign_record_among_dead_letters_is_recognised() -> None:
    with pytest.raises(ValueError, match="not a dead letter"):
        read_dead_letter(b"k", b"v", [])
