"""Records <-> reports, cases, tasks, ticks and dead letters.

Values are JSON. Reports, feedback, tasks, cases, transitions, escalations and ticks are CloudEvents 1.0 in Kafka's binary content mode: each attribute is
a header `ce_<name>`, `content-type` is the type of the data, and the value is the data alone. A dead letter keeps key,
value and headers of the rejected record, and adds headers that say why it was rejected and where it came from.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Literal, cast

import msgspec
from msgspec import Struct
from msgspec.json import Decoder, Encoder
from msgspec.structs import replace

from router.domain.intake.dedup import DedupEntry
from router.domain.intake.normalise import LAST_MS, REDRIVEN
from router.domain.model.case import Case
from router.domain.model.erasure import Erasure
from router.domain.model.escalation import Escalation
from router.domain.model.feedback import Feedback
from router.domain.model.rejection import Rejection
from router.domain.model.report import Report, Tick
from router.domain.model.source_record import SourceRecord, UnreadableBatch
from router.domain.model.task import Task
from router.domain.model.transition import Transition
from router.wire.record_kinds import KINDS, kinds_on
from router.wire.topic_names import Names

Headers = Sequence[tuple[str, bytes]]
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""Exceptions of decoding a malformed value: also a text in it that is not UTF-8, and brackets that nest too deeply."""

DEAD_LETTER = "grid-dead-letter-"
"""Prefix of the headers of a dead letter."""
DIGEST = "sha256"
"""Precedes the digest of an omitted value."""
EVENT_HEADERS = 7
"""Headers of an event that the normalise stage wrote."""
OMITTED = f"{DEAD_LETTER}omitted"
KEPT_BYTES = 6 << 20
"""A dead letter omits a larger value and names its size and hash, because its topic takes records of 8 MiB."""
KEPT_AROUND_BYTES = 1 << 20
"""Limit of key and headers beside the largest value; larger ones are kept only if the whole record fits."""

_encode: Callable[[object], bytes] = Encoder().encode
_decode_case = Decoder(Case).decode
_decode_task = Decoder(Task).decode
_decode_transition = Decoder(Transition).decode
_decode_escalation = Decoder(Escalation).decode
_decode_dedup_entry = Decoder(DedupEntry).decode
_EVENT_DECODERS: dict[bytes | None, Callable[[bytes], Any]] = {
    kind.ce_type[1]: Decoder(kind.struct).decode for kind in kinds_on(Names().events)
}
"""CloudEvents type -> decoder of a record of the grid stream."""

_CONTENT_TYPE = ("content-type", b"application/json")
_SPEC_VERSION = ("ce_specversion", b"1.0")
_REPORT_TYPE = KINDS["grid.report.received.v1"].ce_type
_UPDATE_TYPE = KINDS["grid.report.updated.v1"].ce_type
_TICK_TYPE = KINDS["grid.clock.ticked.v1"].ce_type
_CASE_TYPE = KINDS["grid.case.changed.v1"].ce_type
_ARCHIVED_TYPE = KINDS["grid.case.archived.v1"].ce_type
_FEEDBACK_TYPE = KINDS["grid.feedback.received.v1"].ce_type
_TRANSITION_TYPE = KINDS["grid.task.transitioned.v1"].ce_type
_ERASURE_TYPE = KINDS["grid.erasure.requested.v1"].ce_type
_ESCALATION_TYPE = KINDS["grid.escalation.sent.v1"].ce_type
_TASK_TYPES = {kind.task_state: kind.ce_type for kind in KINDS.values() if kind.task_state}
_ROUTER = ("ce_source", b"/grid-router")
_NETWORK_SOURCES: dict[str, tuple[str, bytes]] = {}

Encoded = tuple[bytes, bytes, list[tuple[str, bytes]]]
"""Key, value, headers of one Kafka record."""


class DeadLetter(Struct, frozen=True, kw_only=True):
    """A rejected record: the reason, its origin, and its key, value and headers."""

    code: str
    reason: str
    network: str
    topic: str
    partition: int
    offset: int
    at: datetime
    """The Kafka timestamp of the rejected record."""
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    omitted: str | None = None
    """Size and hash of a value that was too large to keep, or the offsets of a batch that was not unpacked; the source topic has it."""

    @property
    def id(self) -> str:
        """`<topic>/<partition>/<offset>` of the rejected record: unique, and the way to find it."""
        return f"{self.topic}/{self.partition}/{self.offset}"


def _instant(at: datetime) -> bytes:
    """RFC 3339 as in the data, e.g. `2018-01-01T08:00:09Z`; five times faster than `isoformat`."""
    return _encode(at)[1:-1]


def encode_report(report: Report, partition_key: str | None = None) -> Encoded:
    """One record of `grid.events`, keyed by cell.

    Args:
        report: a first version, or an update.
        partition_key: the key of an update: the cell of the first version, whose partition has the report's case.
    """
    network = report.network
    source = _NETWORK_SOURCES.get(network)
    if source is None:
        source = _NETWORK_SOURCES[network] = ("ce_source", f"/networks/{network}".encode())
    cell = report.location.cell.encode()
    headers = [
        _SPEC_VERSION,
        _REPORT_TYPE if report.version == 1 else _UPDATE_TYPE,
        source,
        ("ce_id", (report.id if report.version == 1 else f"{report.id}/{report.version}").encode()),
        ("ce_subject", cell),
        ("ce_time", _instant(report.occurred_at)),
        _CONTENT_TYPE,
    ]
    return cell if partition_key is None else partition_key.encode(), _encode(report), headers


def encode_dedup_entry(source_id: str, entry: DedupEntry) -> tuple[bytes, bytes]:
    """Key and value of one record of `grid.dedup.<network>`."""
    return source_id.encode(), _encode(entry)


def decode_dedup_entry(value: bytes) -> DedupEntry:
    """A record of `grid.dedup.<network>`. Raises one of UNREADABLE."""
    return _decode_dedup_entry(value)


def encode_tick(tick: Tick, partition: int) -> Encoded:
    """A tick on `grid.events`; its id is made of partition and instant, so that equal ticks have equal ids."""
    at = _instant(tick.at)
    headers = [
        _SPEC_VERSION,
        _TICK_TYPE,
        _ROUTER,
        ("ce_id", b"tick-%d-" % partition + at),
        ("ce_time", at),
        _CONTENT_TYPE,
    ]
    return b"tick", _encode(tick), headers


def encode_case(case: Case) -> Encoded:
    """One record of `grid.cases`, keyed by case id; its CloudEvents id is `<case>.<revision>`."""
    key = case.id.encode()
    headers = [
        _SPEC_VERSION,
        _CASE_TYPE,
        _ROUTER,
        ("ce_id", b"%s.%d" % (key, case.revision)),
        ("ce_subject", case.cell.encode()),
        ("ce_time", _instant(case.updated_at)),
        _CONTENT_TYPE,
    ]
    return key, _encode(case), headers


def encode_archived(case: Case, at: datetime) -> Encoded:
    """One record of `grid.archive`: the last state of a case, archived at this instant."""
    key = case.id.encode()
    headers = [
        _SPEC_VERSION,
        _ARCHIVED_TYPE,
        _ROUTER,
        ("ce_id", b"%s.%d.archived" % (key, case.revision)),
        ("ce_subject", case.cell.encode()),
        ("ce_time", _instant(at)),
        _CONTENT_TYPE,
    ]
    return key, _encode(case), headers


def encode_tombstone(case: Case) -> tuple[bytes, None, list[tuple[str, bytes]]]:
    """The record that takes an archived case out of `grid.cases`. The header says that the router wrote it."""
    return case.id.encode(), None, [_ARCHIVED_TYPE]


def encode_task(task: Task) -> Encoded:
    """One record of `tasks.<department>`, keyed by case id; the header `unit` names a small receiver.

    A task is dispatched once, so the CloudEvents id of that record is the task's own. Later records have `<task>/<revision>`.
    """
    at = _instant(task.updated_at or task.dispatched_at)
    headers = [
        _SPEC_VERSION,
        _TASK_TYPES[task.state],
        _ROUTER,
        ("ce_id", task.id.encode() if task.state == "dispatched" else b"%s/%d" % (task.id.encode(), task.revision)),
        ("ce_subject", task.cell.encode()),
        ("ce_time", at),
        _CONTENT_TYPE,
    ]
    if task.unit is not None:
        headers.append(("unit", task.unit.encode()))
    return task.case.encode(), _encode(task), headers


def encode_feedback(feedback: Feedback) -> Encoded:
    """One record of `grid.events`, keyed by the partition key of the task."""
    key = feedback.partition_key.encode()
    headers = [
        _SPEC_VERSION,
        _FEEDBACK_TYPE,
        ("ce_source", f"/feedback/{feedback.sender}".encode()),
        ("ce_id", f"{feedback.sender}:{feedback.id}".encode()),
        ("ce_subject", key),
        ("ce_time", _instant(feedback.occurred_at)),
        _CONTENT_TYPE,
    ]
    return key, _encode(feedback), headers


def encode_erasure(erasure: Erasure) -> Encoded:
    """One record of `grid.events`, keyed by the partition key of the case."""
    key = erasure.partition_key.encode()
    headers = [
        _SPEC_VERSION,
        _ERASURE_TYPE,
        _ROUTER,
        ("ce_id", erasure.id.encode()),
        ("ce_subject", key),
        ("ce_time", _instant(erasure.at)),
        _CONTENT_TYPE,
    ]
    return key, _encode(erasure), headers


def encode_transition(transition: Transition, partition_key: str) -> Encoded:
    """One record of `grid.transitions`; its key and its CloudEvents id are `<case>/<number>`.

    One whose words were erased has another CloudEvents id, because it is another record: `<case>/<number>/erased`.
    """
    key = b"%s/%d" % (transition.case.encode(), transition.number)
    headers = [
        _SPEC_VERSION,
        _TRANSITION_TYPE,
        _ROUTER,
        ("ce_id", key + b"/erased" if transition.erased else key),
        ("ce_subject", partition_key.encode()),
        ("ce_time", _instant(transition.at)),
        _CONTENT_TYPE,
    ]
    return key, _encode(transition), headers


def encode_escalation(escalation: Escalation) -> Encoded:
    """One record of `grid.escalations`, keyed by case id; its CloudEvents id is its own id."""
    headers = [
        _SPEC_VERSION,
        _ESCALATION_TYPE,
        _ROUTER,
        ("ce_id", escalation.id.encode()),
        ("ce_subject", escalation.partition_key.encode()),
        ("ce_time", _instant(escalation.at)),
        _CONTENT_TYPE,
    ]
    return escalation.case.encode(), _encode(escalation), headers


def decode_event(headers: Headers, value: bytes) -> Report | Tick | Feedback | Erasure:
    """A record of `grid.events`.

    Raises:
        UNREADABLE: the value does not match its `ce_type`.
        ValueError: its `ce_type` is missing or unknown.
    """
    kind = _type_of(headers)
    decode = _EVENT_DECODERS.get(kind)
    if decode is None:
        raise ValueError(f"unknown ce_type {kind!r} on the event stream")
    event: Report | Tick | Feedback | Erasure = decode(value)
    if len(headers) > EVENT_HEADERS and isinstance(event, Report) and any(name == REDRIVEN for name, _ in headers):
        return replace(event, redriven=True)  # a dead letter of the merge stage came back as it was
    return event


def _type_of(headers: Headers) -> bytes | None:
    for name, content in headers:
        if name == "ce_type":
            return content
    return None


def is_tick(headers: Headers) -> bool:
    """Whether the headers of a record of `grid.events` declare a tick."""
    return _type_of(headers) == _TICK_TYPE[1]


def decode_case(value: bytes) -> Case:
    """A record of `grid.cases`. Raises one of UNREADABLE."""
    return _decode_case(value)


def is_case(headers: Headers) -> bool:
    """Whether the headers of a record of `grid.cases` declare a case."""
    return _type_of(headers) == _CASE_TYPE[1]


def is_row(headers: Headers, value: bytes | None) -> bool:
    """Whether a record of `grid.cases` is one of the router's: a case, or the tombstone of an archived one."""
    return _type_of(headers) == (_ARCHIVED_TYPE if value is None else _CASE_TYPE)[1]


def decode_task(value: bytes) -> Task:
    """A record of `tasks.<department>`. Raises one of UNREADABLE."""
    return _decode_task(value)


def decode_escalation(value: bytes) -> Escalation:
    """A record of `grid.escalations`. Raises one of UNREADABLE."""
    return _decode_escalation(value)


def decode_transition(value: bytes) -> Transition:
    """A record of `grid.transitions`. Raises one of UNREADABLE."""
    return _decode_transition(value)


def encode_dead_letter(
    record: SourceRecord, rejection: Rejection, network: str
) -> tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]:
    """The rejected record, unchanged, with headers that say why it was rejected and which record it was."""
    added: dict[Literal["code", "reason", "network", "topic", "partition", "offset", "at"], str] = {
        "code": rejection.code,
        "reason": rejection.reason,
        "network": network,
        "topic": record.topic,
        "partition": str(record.partition),
        "offset": str(record.offset),
        "at": datetime.fromtimestamp(min(max(record.timestamp, 0), LAST_MS) / 1000, UTC).isoformat(),
    }
    extra = [(DEAD_LETTER + name, text.encode()) for name, text in added.items()]
    key, value = record.key, record.value
    headers = cast(Headers, record.headers)  # aiokafka writes a header without a value, too
    around, most = _bytes_around(record), KEPT_BYTES + KEPT_AROUND_BYTES
    omitted: list[str] = []
    if isinstance(record, UnreadableBatch):
        omitted.append(record.span)
    if around > most:
        omitted.append(f"key and {len(headers)} headers, {around} bytes")
        key, headers, around = None, (), 0
    if value is not None and (len(value) > KEPT_BYTES or len(value) + around > most):
        omitted.append(f"{len(value)} bytes, {DIGEST} {sha256(value).hexdigest()}")
        value = None
    if omitted:
        extra.append((OMITTED, "; ".join(omitted).encode()))
    return key, value, [*headers, *extra]


def _bytes_around(record: SourceRecord) -> int:
    """Size of key and headers as Kafka writes them; a name that was not UTF-8 is longer than in the source."""
    headers = sum([len(name.encode()) + len(content or b"") + 10 for name, content in record.headers])
    return len(record.key or b"") + headers


def read_dead_letter(key: bytes | None, value: bytes | None, headers: Headers) -> DeadLetter:
    """A record of `grid.dead-letters`.

    The added headers are the last seven, followed by `omitted` if there is one. A hostile record with such headers of
    its own can therefore not pose as another record.

    Raises:
        ValueError: the added headers are missing: a foreign record.
    """
    omitted = bool(headers) and headers[-1][0] == OMITTED
    cut = len(headers) - (8 if omitted else 7)
    added = {name.removeprefix(DEAD_LETTER): content.decode() for name, content in headers[max(cut, 0) :]}
    try:
        return DeadLetter(
            code=added["code"],
            reason=added["reason"],
            network=added["network"],
            topic=added["topic"],
            partition=int(added["partition"]),
            offset=int(added["offset"]),
            at=datetime.fromisoformat(added["at"]),
            key=key,
            value=value,
            headers=tuple(headers[:cut]),
            omitted=added.get("omitted"),
        )
    except KeyError as missing:
        raise ValueError(f"not a dead letter: header {DEAD_LETTER}{missing.args[0]} is missing") from missing
