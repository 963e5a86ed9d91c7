"""Rejected feedback as its sender may read it: the records of `feedback.rejected.<sender>`.

A record names the rejected record and why it was rejected, without its text. Its size is bounded, whatever was sent.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256

from msgspec import Struct
from msgspec.json import Decoder

from router.domain.feedback.reading import feedback_id_of
from router.domain.intake.normalise import LAST_MS
from router.domain.model.feedback import Feedback, FeedbackKind, FeedbackRejection
from router.domain.model.rejection import Rejection
from router.domain.model.source_record import SourceRecord
from router.wire.rejections import LONGEST_REASON, encoded_rejection

KIND = "grid.feedback.rejected.v1"
FEEDBACK = "feedback"
"""In the place of the network, in dead letters and metrics: no network sent the record."""
UNREADABLE_KIND = "unreadable"
"""Value of the label `kind` for a record that is no feedback."""
Encoded = tuple[bytes | None, bytes, list[tuple[str, bytes]]]


class RejectedFeedback(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why one record of feedback changed nothing, which record it was, and what its sender could say now."""

    code: str
    """The reason for programs; later versions may add codes."""
    reason: str
    """The reason in one sentence: what is wrong, where, and what to do."""
    topic: str
    """Topic of the rejected record."""
    partition: int
    """Partition of the rejected record."""
    offset: int
    """Offset of the rejected record."""
    rejected_at: datetime
    """Kafka's time of the rejected record, UTC."""
    feedback_id: str | None = None
    """The sender's own id; absent: it cannot be read."""
    kind: FeedbackKind | None = None
    """What was said; absent: it cannot be read."""
    task: str | None = None
    """About which task; absent: it cannot be read."""
    legal: tuple[FeedbackKind, ...] = ()
    """What the sender could say about the task now; absent: nothing, or the router did not get so far."""
    size: int | None = None
    """Bytes of a value that cannot be read; absent: it can, or the record has none."""
    sha256: str | None = None
    """SHA-256 of this value, for a comparison with what was sent; absent as `size` is."""


_decode = Decoder(RejectedFeedback).decode


def encode_rejected_feedback(
    feedback: Feedback, rejection: FeedbackRejection | Rejection, legal: Sequence[FeedbackKind] = ()
) -> Encoded:
    """A record of `feedback.rejected.<sender>` for feedback that was read, keyed by its task."""
    source = feedback.provenance
    found = RejectedFeedback(
        code=rejection.code,
        reason=rejection.reason[:LONGEST_REASON],
        topic=source.topic,
        partition=source.partition,
        offset=source.offset,
        rejected_at=feedback.received_at,
        feedback_id=feedback.id,
        kind=feedback.kind,
        task=feedback.task,
        legal=tuple(legal),
    )
    return encoded_rejection(KIND, found, feedback.task.encode())


def encode_unreadable_feedback(record: SourceRecord, rejection: Rejection) -> Encoded:
    """A record of `feedback.rejected.<sender>` for a record that is no feedback, keyed like it."""
    value = record.value
    found = RejectedFeedback(
        code=rejection.code,
        reason=rejection.reason[:LONGEST_REASON],
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        rejected_at=datetime.fromtimestamp(min(max(record.timestamp, 0), LAST_MS) / 1000, UTC),
        feedback_id=feedback_id_of(value, record.headers),
        size=None if value is None else len(value),
        sha256=None if value is None else sha256(value).hexdigest(),
    )
    return encoded_rejection(KIND, found, record.key)


def decode_rejected_feedback(value: bytes) -> RejectedFeedback:
    """A record of `feedback.rejected.<sender>`. Raises msgspec.MsgspecError."""
    return _decode(value)
