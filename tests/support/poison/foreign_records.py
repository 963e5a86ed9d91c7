"""Foreign records: records of another program on the router's own topics."""

import gzip
from typing import Any

import orjson

from tests.support.poison.record import Headers

TYPED = b"grid.report.received.v1"
REPORT: dict[str, Any] = {
    "id": "policing:S1",
    "network": "policing",
    "source_id": "S1",
    "matter": "exposed-rubbish",
    "source_code": "1",
    "occurred_at": "2026-11-24T01:00:00Z",
    "reported_at": "2026-11-24T01:00:00Z",
    "received_at": "2026-11-24T01:00:00Z",
    "location": {"cell": "410902001001001", "resolved_by": "code", "accuracy_m": 70.0},
    "provenance": {"topic": "reports.policing", "partition": 0, "offset": 0},
}
"""A report as the router writes it."""


def typed(kind: bytes | None = TYPED) -> Headers:
    """The headers of an event with this type."""
    return (("ce_specversion", b"1.0"), ("ce_type", kind))


def changed(**fields: Any) -> bytes:
    """The report with other fields; one given as ... is left out."""
    return orjson.dumps({name: value for name, value in (REPORT | fields).items() if value is not ...})


_DEEP = b"[" * 100_000 + b"]" * 100_000
EVENTS: dict[str, tuple[bytes | None, Headers, str]] = {
    "no value, no header": (None, (), "it has no value"),
    "no value": (None, typed(), "it has no value"),
    "no header": (changed(), (), "it has no header `ce_type`"),
    "a header without value": (changed(), typed(None), "it has no header `ce_type`"),
    "another type": (changed(), typed(b"grid.case.changed.v1"), "its header `ce_type` names 'grid.case.changed.v1'"),
    "a hostile type": (changed(), typed(b"\x1b[31m\xff"), "its header `ce_type` names '�[31m�'"),
    "no JSON": (b"{", typed(), "its value is not JSON"),
    "no UTF-8": (b'{"id":"\xff"}', typed(), "its value is not"),
    "deep": (b"[" * 100_000, typed(), "its value is not"),
    "deep in a field": (changed()[:-1] + b',"x":' + _DEEP + b"}", typed(), "its value has too many nested brackets"),
    "a list": (b"[]", typed(), "its value does not match its `ce_type`"),
    "no id": (changed(id=...), typed(), "its value does not match its `ce_type`"),
    "a number for a text": (changed(matter=7), typed(), "its value does not match its `ce_type`, at `matter`"),
    "a hostile status": (changed(status="\x1b[31m"), typed(), "its value does not match its `ce_type`, at `status`"),
    "a time without zone": (changed(received_at="2026-11-24T01:00:00"), typed(), "at `received_at`"),
    "a time in month 13": (changed(occurred_at="2026-13-01T00:00:00Z"), typed(), "at `occurred_at`"),
    "no cell": (changed(location={"resolved_by": "code", "accuracy_m": 1}), typed(), "at `location`"),
    "an unknown rule set": (
        changed(rule_set="never"),
        typed(),
        "it names the rule set 'never', which was never published",
    ),
    "a tick without time": (b"{}", typed(b"grid.clock.ticked.v1"), "its value does not match its `ce_type`"),
    "a tick without zone": (b'{"at":"2026-11-24T01:00:00"}', typed(b"grid.clock.ticked.v1"), "at `at`"),
}
"""Value, headers and a part of the reason by name; all are rejected as `not-an-event`."""
POISON_EVENT: dict[str, bytes] = {
    "received at the end of time": changed(id="policing:S3", received_at="9999-12-31T23:59:59Z"),
}
"""Events that can be decoded and not be folded."""
RULE_SET = b'{"version":"x","city":"puyang","published_at":"2026-11-24T01:00:00Z","texts":{},"x":' + _DEEP + b"}"
STATES = (None, b"", b"{", b"\xff", b"[]", b"[" * 100_000, b'{"x":' + _DEEP + b"}")
"""Foreign values on the topics of the router's state."""
RULE_SETS = (
    *STATES,
    gzip.compress(b"{}", mtime=0),
    gzip.compress(RULE_SET, mtime=0),
    gzip.compress(b"{}", mtime=0)[:9],
    b"\x1f\x8b\x08\x00" + b"\xff" * 60,
)
"""The same for rule sets, which are compressed: whole, cut, and corrupt."""
