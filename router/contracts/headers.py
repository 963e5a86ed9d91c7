"""JSON Schemas of record headers: CloudEvents 1.0 in Kafka's binary content mode, reports, and dead letters.

Kafka's header values are bytes; the schemas describe them as UTF-8 text.
"""

from collections.abc import Iterable
from typing import Any

from router.contracts.schemas import schema_text
from router.domain.intake.normalise import RECEIVED_AT, REDRIVEN
from router.domain.model.rejection import REJECTION_CODES
from router.wire.codec import DEAD_LETTER
from router.wire.record_kinds import CELL, KINDS, TEXT, TRACE, EventAttributes, RecordKind
from router.wire.repairs import REDRIVEN_BY

REPORT_HEADERS = "headers/report.v1.json"
FEEDBACK_HEADERS = "headers/feedback.v1.json"
_TEXT = dict(TEXT)
_TIME: dict[str, Any] = {"type": "string", "format": "date-time"}
_NUMBER: dict[str, Any] = {"type": "string", "pattern": "^[0-9]+$"}
_SOURCES: dict[str, dict[str, Any]] = {
    "network": {"type": "string", "pattern": "^/networks/[a-z][a-z0-9-]*$"},
    "sender": {"type": "string", "pattern": "^/feedback/[a-z][a-z0-9-]*$"},
    "router": {"type": "string", "const": "/grid-router"},
}


def header_schemas(kinds: Iterable[RecordKind] = KINDS.values()) -> dict[str, str]:
    """Path -> text of the schema of the headers of every published kind of record, of a network's reports, and of feedback."""
    made = {REPORT_HEADERS: _report_headers(), FEEDBACK_HEADERS: _feedback_headers()}
    for kind in kinds:
        if kind.header_path:
            made[kind.header_path] = _event_headers(kind, kind.event) if kind.event else _dead_letter_headers()
    return {path: schema_text(path, schema) for path, schema in made.items()}


def _report_headers() -> dict[str, Any]:
    received = "When an intake received it, RFC 3339 with zone; without it, Kafka's timestamp of the record."
    charset = "E.g. `application/json; charset=GB18030`; without it the value is UTF-8."
    return {
        "title": "Headers of a network's report",
        "description": "All optional: a network may send records without headers.",
        "type": "object",
        "properties": {
            RECEIVED_AT: _TIME | {"description": received},
            "content-type": _TEXT | {"description": charset},
            REDRIVEN: _TEXT | {"description": "Id of the dead letter that was redriven as this record."},
            REDRIVEN_BY: _TEXT | {"description": "Who redrove it."},
            **{name: dict(schema) for name, schema in TRACE.items()},
        },
    }


def _feedback_headers() -> dict[str, Any]:
    received = "Only while history is replayed: when it was received then, RFC 3339 with zone."
    return {
        "title": "Headers of feedback",
        "description": "All optional: a sender may send records without headers.",
        "type": "object",
        "properties": {
            RECEIVED_AT: _TIME | {"description": received},
            "content-type": _TEXT | {"description": "Without it the value is JSON in UTF-8."},
            REDRIVEN: _TEXT | {"description": "Id of the dead letter that was redriven as this record."},
            REDRIVEN_BY: _TEXT | {"description": "Who redrove it."},
            **{name: dict(schema) for name, schema in TRACE.items()},
        },
    }


def _event_headers(kind: RecordKind, event: EventAttributes) -> dict[str, Any]:
    """The attributes of a CloudEvent, all required, and the kind's own optional headers."""
    required = {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_type": {"type": "string", "const": kind.name},
        "ce_source": _SOURCES[event.source],
        "ce_id": _TEXT | {"description": "Unique with `ce_source`: two records with both equal are the same event."},
        **({"ce_subject": dict(CELL)} if event.has_subject else {}),
        "ce_time": _TIME | {"description": event.time},
        "content-type": {"type": "string", "const": "application/json"},
    }
    return {
        "title": f"Headers of {kind.name}",
        "description": "CloudEvents 1.0 attributes in Kafka's binary content mode.",
        "type": "object",
        "properties": required | {name: dict(schema) for name, schema in kind.headers.items()},
        "required": list(required),
    }


def _dead_letter_headers() -> dict[str, Any]:
    required: dict[str, dict[str, Any]] = {
        "code": {"type": "string", "enum": list(REJECTION_CODES), "description": "Why, for programs."},
        "reason": _TEXT | {"description": "Why, in one sentence with the hint."},
        "network": _TEXT | {"description": "Network of the rejected record."},
        "topic": _TEXT | {"description": "Topic of the rejected record."},
        "partition": _NUMBER | {"description": "Partition of the rejected record."},
        "offset": _NUMBER | {"description": "Offset of the rejected record."},
        "at": _TIME | {"description": "Kafka timestamp of the rejected record, UTC."},
    }
    omitted = "Size and hash of a rejected value of more than 6 MiB, which this record omits. The last header."
    return {
        "title": "Headers of a dead letter",
        "description": "Key, value and headers are those of the rejected record, byte for byte. These seven follow "
        "its own headers: of two headers with one name, the last one counts.",
        "type": "object",
        "properties": {
            DEAD_LETTER + name: schema
            for name, schema in (required | {"omitted": _TEXT | {"description": omitted}}).items()
        },
        "required": [DEAD_LETTER + name for name in required],
    }
