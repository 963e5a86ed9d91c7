"""Makes the records of `feedback.rejected.<sender>`. Their size is bounded, whatever was sent."""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256

from router.domain.feedback.reading import feedback_id_of
from router.domain.intake.normalise import LAST_MS
from router.domain.model.feedback import Feedback, FeedbackKind, FeedbackRejection
from router.domain.model.rejection import Rejection
from router.domain.model.source_record import SourceRecord
from router.wire.rejected_feedback_value import KIND, RejectedFeedback
from router.wire.rejections import LONGEST_REASON, encoded_rejection

FEEDBACK = "feedback"
"""In the place of the network, in dead letters and metrics: no network sent the record."""
UNREADABLE_KIND = "unreadable"
"""Value of the label `kind` for a record that is no feedback."""
Encoded = tuple[bytes | None, bytes, list[tuple[str, bytes]]]


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
