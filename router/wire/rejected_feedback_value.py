"""Rejected feedback as its sender may read it: the values of `feedback.rejected.<sender>`.

One names the rejected record and why it was rejected, without its text.
"""

from datetime import datetime

from msgspec import Struct
from msgspec.json import Decoder

from router.domain.model.feedback import FeedbackKind

KIND = "grid.feedback.rejected.v1"


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


def decode_rejected_feedback(value: bytes) -> RejectedFeedback:
    """A record of `feedback.rejected.<sender>`. Raises msgspec.MsgspecError."""
    return _decode(value)
