"""What the codec writes is what the schemas of records and of their headers say."""

import json
from datetime import UTC, datetime

import jsonschema_rs
import msgspec
import pytest

from router.domain.model.case import Assignment, Case, CaseReport, Suggestion
from router.domain.model.rejection import REJECTION_CODES, Rejection, RejectionCode
from router.domain.model.report import Location, Media, Provenance, Report, Tick
from router.domain.model.source_record import PlainRecord
from router.domain.model.task import Task
from router.wire import codec
from tests.support.schemas import ASYNCAPI, SCHEMAS, schema_accepts

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
FULL = Report(
    id="policing:J1",
    network="policing",
    source_id="J1",
    matter="graffiti",
    source_code="040201",
    occurred_at=NOON,
    reported_at=NOON.replace(microsecond=250_000),
    received_at=NOON,
    location=Location(
        cell="410902003001007",
        resolved_by="nearest",
        accuracy_m=15.0,
        lon=115.03,
        lat=35.76,
        source_grid="410902003000",
        doubt="cell 410902003001006 was retired on 2025-06-30",
    ),
    provenance=Provenance(topic="reports.policing", partition=1, offset=42),
    status="Exercise",
    urgency="Immediate",
    severity="Severe",
    certainty="Observed",
    source_code_version="2013",
    component_id="4109020103000042",
    description="一堆垃圾",
    reporter="138****5678",
    media=(Media(url="https://photos.example.org/a.jpg", sha256="0f" * 32),),
    extensions={"unknownField": [1, None, {"a": "b"}]},
)
SPARE = Report(
    id="hotline:1",
    network="hotline",
    source_id="1",
    matter="graffiti",
    source_code="Graffiti Removal",
    occurred_at=NOON,
    reported_at=NOON,
    received_at=NOON,
    location=Location(cell="060371002014021", resolved_by="fallback", accuracy_m=5000),
    provenance=Provenance(topic="reports.hotline", partition=0, offset=0),
)
CASE = Case(
    id="c-1",
    cell="410902003001007",
    matter="graffiti",
    opened_at=NOON,
    updated_at=NOON,
    occurred_at=NOON,
    window_until=NOON,
    accuracy_m=15,
    reports=(
        CaseReport(
            id="policing:J1",
            network="policing",
            matter="graffiti",
            cell="410902003001007",
            occurred_at=NOON,
            received_at=NOON,
            provenance=FULL.provenance,
            joined="near",
            score=0.75,
            distance_m=12.5,
            apart_s=60,
        ),
    ),
    assignments=(Assignment(task="c-1.1", department="ocb", role="lead", rule="fallback", due_at=None, unit="east"),),
    reason="because",
    catalogue="abc",
    suggestions=(Suggestion(case="c-2", score=0.4, reason="perhaps"),),
    window_closed_at=NOON,
)
TASK = Task(
    id="c-1.1",
    case="c-1",
    department="ocb",
    role="lead",
    matter="graffiti",
    cell="410902003001007",
    rule="graffiti-citywide",
    catalogue="abc",
    reason="because",
    dispatched_at=NOON,
    due_at=NOON,
    unit="410902003",
)
RECORDS = [
    ("grid.report.received.v1", codec.encode_report(FULL)),
    ("grid.report.received.v1", codec.encode_report(SPARE)),
    ("grid.clock.ticked.v1", codec.encode_tick(Tick(at=NOON), 3)),
    ("grid.case.changed.v1", codec.encode_case(CASE)),
    ("grid.task.dispatched.v1", codec.encode_task(TASK)),
]


@pytest.mark.parametrize(("kind", "record"), RECORDS)
def test_encoded_records_are_valid_by_their_schemas(kind: str, record: codec.Encoded) -> None:
    key, value, headers = record
    assert schema_accepts(f"events/{kind}.json", json.loads(value))
    assert schema_accepts(f"headers/{kind}.json", {name: content.decode() for name, content in headers})
    key_schema = ASYNCAPI["components"]["messages"][kind]["bindings"]["kafka"]["key"]
    assert jsonschema_rs.is_valid(key_schema, key.decode())


@pytest.mark.parametrize(("kind", "record"), RECORDS)
def test_no_record_is_valid_as_another_kind(kind: str, record: codec.Encoded) -> None:
    _, value, headers = record
    for other in {one for one, _ in RECORDS} - {kind}:
        assert not schema_accepts(f"events/{other}.json", json.loads(value))
        assert not schema_accepts(f"headers/{other}.json", {name: content.decode() for name, content in headers})


@pytest.mark.parametrize(("kind", "record"), RECORDS)
def test_a_record_with_a_value_of_another_type_is_rejected(kind: str, record: codec.Encoded) -> None:
    decode = {
        "grid.report.received.v1": lambda value: codec.decode_event([("ce_type", kind.encode())], value),
        "grid.clock.ticked.v1": lambda value: codec.decode_event([("ce_type", kind.encode())], value),
        "grid.case.changed.v1": codec.decode_case,
        "grid.task.dispatched.v1": codec.decode_task,
    }[kind]
    good = json.loads(record[1])
    decode(record[1])
    for name in good:
        wrong = good | {name: {"not": "expected"} if not isinstance(good[name], dict) else 7}
        assert not schema_accepts(f"events/{kind}.json", wrong), name
        with pytest.raises(msgspec.MsgspecError):
            decode(json.dumps(wrong).encode())


@pytest.mark.parametrize("text", ["2026-11-24T12:00:00", "2026-11-24 12:00", "noon", "2026-02-30T12:00:00Z"])
def test_a_time_without_zone_is_rejected(text: str) -> None:
    assert schema_accepts("events/grid.clock.ticked.v1.json", {"at": "2026-11-24T12:00:00Z"})
    assert not schema_accepts("events/grid.clock.ticked.v1.json", {"at": text})


def test_every_header_is_required_and_others_are_free() -> None:
    headers = {name: content.decode() for name, content in codec.encode_report(FULL)[2]}
    path = "headers/grid.report.received.v1.json"
    for name in headers:
        assert not schema_accepts(path, {other: text for other, text in headers.items() if other != name}), name
    assert schema_accepts(path, headers | {"traceparent": "00-1-2-01"})


@pytest.mark.parametrize("code", REJECTION_CODES)
def test_a_dead_letter_has_the_headers_of_its_schema(code: RejectionCode) -> None:
    rejected = PlainRecord(
        topic="reports.policing", partition=2, offset=7, timestamp=1, key=None, value=b"\xff", headers=[("a", b"b")]
    )
    _, _, headers = codec.encode_dead_letter(rejected, Rejection(code=code, reason="why; hint."), "policing")
    said = {name: content.decode() for name, content in headers}
    path = "headers/dead-letter.v1.json"
    assert set(said) == {"a", *SCHEMAS[path]["required"]}
    assert schema_accepts(path, said)
    assert not schema_accepts(path, said | {"grid-dead-letter-code": "because"})
    assert not schema_accepts(path, said | {"grid-dead-letter-offset": "-1"})
