"""A rejection as its network may read it: `rejections.<network>` has what `grid.dead-letters` says, without any value.

All networks share `grid.dead-letters`, which holds their records byte for byte. A record here names the rejected record and
why it was rejected, so a network needs to read nothing of the others. Its size is bounded, whatever was sent.
"""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from msgspec import Struct
from msgspec.json import Decoder, Encoder

from router.domain.intake.normalise import LAST_MS
from router.domain.intake.source_ids import LONGEST, source_id_of
from router.domain.model.rejection import Rejection
from router.domain.model.report import Report
from router.domain.model.source_record import SourceRecord
from router.domain.networks.schema.network import Network

KIND = "grid.record.rejected.v1"
LONGEST_KEY, LONGEST_REASON = 256, 2000
"""Bytes of a key, characters of a reason. A longer key is left out, a longer reason is cut."""


class RecordRejected(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why the router rejected one record of a network, and which record it was. The record itself is not repeated."""

    code: str
    """The reason for programs; later versions may add codes."""
    reason: str
    """The reason in one sentence: what is wrong, where, and what to send instead."""
    topic: str
    """Topic of the rejected record."""
    partition: int
    """Partition of the rejected record."""
    offset: int
    """Offset of the rejected record."""
    rejected_at: datetime
    """Kafka's time of the rejected record, UTC; its received time, if its case did not take it."""
    report_id: str | None = None
    """The source's own id in the rejected value; absent: it cannot be read."""
    size: int | None = None
    """Bytes of the rejected value; absent: it had none, or its case did not take it."""
    sha256: str | None = None
    """SHA-256 of the rejected value, for a comparison with what was sent; absent as `size` is."""


_encode = Encoder().encode
_decode = Decoder(RecordRejected).decode


def encode_rejection(
    record: SourceRecord, rejection: Rejection, network: Network
) -> tuple[bytes | None, bytes, list[tuple[str, bytes]]]:
    """One record of `rejections.<network>`, keyed like the rejected record."""
    value = record.value
    found = RecordRejected(
        code=rejection.code,
        reason=rejection.reason[:LONGEST_REASON],
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        rejected_at=datetime.fromtimestamp(min(max(record.timestamp, 0), LAST_MS) / 1000, UTC),
        report_id=source_id_of(network, value, record.headers),
        size=None if value is None else len(value),
        sha256=None if value is None else sha256(value).hexdigest(),
    )
    return encoded_rejection(KIND, found, record.key)


def encode_report_rejection(
    report: Report, rejection: Rejection
) -> tuple[bytes | None, bytes, list[tuple[str, bytes]]]:
    """One record of `rejections.<network>` for a report that its case did not take. It names the network's record."""
    source, key = report.provenance, report.source_id.encode()
    found = RecordRejected(
        code=rejection.code,
        reason=rejection.reason[:LONGEST_REASON],
        topic=source.topic,
        partition=source.partition,
        offset=source.offset,
        rejected_at=report.received_at,
        report_id=report.source_id if len(report.source_id) <= LONGEST else None,
    )
    return encoded_rejection(KIND, found, key)


def encoded_rejection(kind: str, found: Any, key: bytes | None) -> tuple[bytes | None, bytes, list[tuple[str, bytes]]]:
    """The record of a rejection, which is a CloudEvent of this kind about the rejected record. A longer key is left out."""
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_type", kind.encode()),
        ("ce_source", b"/grid-router"),
        ("ce_id", f"{found.topic}/{found.partition}/{found.offset}".encode()),
        ("ce_time", _encode(found.rejected_at)[1:-1]),
        ("content-type", b"application/json"),
    ]
    return key if key is not None and len(key) <= LONGEST_KEY else None, _encode(found), headers


def decode_rejection(value: bytes) -> RecordRejected:
    """A record of `rejections.<network>`. Raises msgspec.MsgspecError."""
    return _decode(value)
