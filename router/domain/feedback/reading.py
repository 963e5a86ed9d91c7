"""A record of a feedback topic becomes feedback, or a rejection that says what is wrong, where, and what to do.

What the record says is checked here; whether it is legal now, and whether it was said before, the fold decides.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import blake2b

from msgspec.json import Encoder
from pydantic import ValidationError
from pydantic_core import from_json

from router.domain.feedback.message import FeedbackMessage, missing_field
from router.domain.intake.cloudevents import event_data, report_text
from router.domain.intake.masking import in_order
from router.domain.intake.normalise import kafka_time_of, received_at
from router.domain.intake.rejections import invalid_message, too_large, unreadable_batch
from router.domain.model.feedback import Feedback
from router.domain.model.rejection import Rejection
from router.domain.model.report import Media, Provenance
from router.domain.model.source_record import SourceRecord, UnreadableBatch
from router.domain.networks.schema.fields import media
from router.domain.privacy.detector import mask_text

MAX_BYTES = 64 << 10
"""Most bytes of a value: evidence comes by reference."""
OLDEST = timedelta(days=30)
"""A sender whose clock is right delivers before that, also after a holiday without a network."""
DIGEST_BYTES = 16
LONGEST_ID = 64
SCHEMA = "schemas/feedback/feedback.v1.json"
_HINT = f"send it as {SCHEMA} describes"
_encode = Encoder().encode
Headers = Sequence[tuple[str, bytes | None]]


def read_feedback(record: SourceRecord, sender: str, *, history: bool = False) -> Feedback | Rejection:
    """Read one record.

    Args:
        record: of the sender's topic.
        sender: the department whose topic it is, or `supervision`.
        history: whether history is replayed. Only then the header `grid-received-at` counts: with it a live sender could date
            what comes too late.
    """
    message = _message(record)
    if isinstance(message, Rejection):
        return message
    received = received_at(record, history=True) if history else kafka_time_of(record)
    if received - message.occurred_at > OLDEST:
        return _too_old(message, received.isoformat())
    return _feedback(message, record, sender, received)


def _message(record: SourceRecord) -> FeedbackMessage | Rejection:
    value = record.value
    if not value:
        return unreadable_batch(record) if isinstance(record, UnreadableBatch) else _empty()
    if len(value) > MAX_BYTES:
        return too_large(len(value), MAX_BYTES)
    text = report_text(value, record.headers)
    if isinstance(text, Rejection):
        return text
    try:
        return _checked(FeedbackMessage.model_validate_json(text))
    except ValidationError as error:
        data = event_data(text)
        if data is None:
            return invalid_message(FeedbackMessage, "id", _HINT, text, error)
    return data if isinstance(data, Rejection) else _inside(data)


def _inside(data: bytes) -> FeedbackMessage | Rejection:
    """What was in an envelope."""
    try:
        return _checked(FeedbackMessage.model_validate_json(data))
    except ValidationError as error:
        return invalid_message(FeedbackMessage, "id", _HINT, data, error)


def _checked(message: FeedbackMessage) -> FeedbackMessage | Rejection:
    """What JSON Schema does not say of a message: which kind needs which field."""
    absent = missing_field(message)
    if absent is None:
        return message
    return Rejection(code="schema", reason=f"{absent}, {_HINT}.")


def _feedback(message: FeedbackMessage, record: SourceRecord, sender: str, received: datetime) -> Feedback:
    evidence, (reason, found) = media(list(message.evidence)), mask_text(message.reason)
    return Feedback(
        id=message.id,
        sender=sender,
        kind=message.kind,
        task=message.task,
        partition_key=message.partition_key,
        actor=message.actor,
        occurred_at=min(message.occurred_at, received),
        received_at=received,
        digest=_digest(message, evidence),
        provenance=Provenance(topic=record.topic, partition=record.partition, offset=record.offset),
        reason=reason,
        department=message.department,
        unit=message.unit,
        limit=message.limit,
        milestone=message.milestone,
        evidence=evidence,
        clock_ahead=message.occurred_at > received,
        masked=in_order(found),
    )


def _digest(one: FeedbackMessage, evidence: tuple[Media, ...]) -> str:
    """Of what was said, as it was read: order of keys, blanks, escapes, and the zone of a time say nothing."""
    place = (one.task, one.partition_key, one.department, one.unit)
    said: tuple[object, ...] = (one.kind, one.actor, one.occurred_at, one.reason, one.limit, place, evidence)
    if one.milestone is not None:  # an answer without one has the digest that earlier releases gave it
        said = (*said, one.milestone)
    return blake2b(_encode(said), digest_size=DIGEST_BYTES).hexdigest()


def feedback_id_of(value: bytes | None, headers: Headers = ()) -> str | None:
    """The id in a rejected value, so that its sender finds it; None if it has none that is an id."""
    if not value or len(value) > MAX_BYTES:
        return None
    text = report_text(value, headers)
    if isinstance(text, Rejection):
        return None
    data = event_data(text)
    try:
        said = from_json(text if data is None or isinstance(data, Rejection) else data)
    except ValueError:
        return None
    found = said.get("id") if isinstance(said, dict) else None
    return found if isinstance(found, str) and 0 < len(found) <= LONGEST_ID else None


def _empty() -> Rejection:
    return Rejection(code="empty", reason="the record has no value; send the feedback as a JSON object.")


def _too_old(message: FeedbackMessage, received: str) -> Rejection:
    reason = (
        f"field `occurred_at`: {message.occurred_at.isoformat()} is more than {OLDEST.days} days before Kafka's time of the record "
        f"({received}); send when it happened, and have a supervisor close what is older."
    )
    return Rejection(code="bad-time", reason=reason)
