"""The record that a redrive sends: the rejected record's own topic, partition, key and headers, and two headers of its own."""

from datetime import UTC
from hashlib import sha256

from kafka import KafkaConsumer, TopicPartition
from msgspec.structs import replace

from router.dead_letters.actions import ActionFailure
from router.dead_letters.redrive_producer import OutgoingRecord
from router.domain.intake.charset import CONTENT_TYPE, UTF8, charset
from router.domain.intake.normalise import LAST_MS, RECEIVED_AT, REDRIVEN, received_at
from router.domain.intake.rejections import printable
from router.domain.intake.source_ids import report_id_of
from router.domain.model.source_record import PlainRecord
from router.domain.networks.registry import NETWORKS
from router.kafka.topic_reader import Bounds, bounds_since, read_range
from router.wire.codec import DIGEST, DeadLetter
from router.wire.declared_topics import Topic
from router.wire.partitioning import partition_for_key
from router.wire.rejected_feedback import FEEDBACK
from router.wire.repairs import REDRIVEN_BY
from router.wire.topic_names import Names

LARGEST_RECORD_BYTES = Topic(name="", key="", partitions=1).largest_bytes - 1024
"""What a network's topic and `grid.events` accept, less the header of a batch."""


def foreign_topic(dead_letter: DeadLetter, names: Names) -> ActionFailure | None:
    """Why a redrive must not write to the topic of a dead letter; None when it may."""
    if dead_letter.topic == names.events or (
        dead_letter.network in NETWORKS and dead_letter.topic == names.reports(dead_letter.network)
    ):
        return None
    if dead_letter.network == FEEDBACK and names.sender_of(dead_letter.topic) is not None:
        return None
    reason = f"it names the topic {printable(dead_letter.topic, 80)}, which is not its network's; do not redrive it, and find out what wrote it."
    return ActionFailure(code="foreign-topic", reason=reason)


def original(consumer: KafkaConsumer, dead_letter: DeadLetter) -> bytes | ActionFailure | None:
    """The rejected value. A value that was omitted for its size is read from its own topic, if that still has it."""
    if dead_letter.omitted is None:
        return dead_letter.value
    if DIGEST not in dead_letter.omitted:
        reason = "it stands for a compressed batch whose records were not read; ask its sender to send them again in smaller batches."
        return ActionFailure(code="original-gone", reason=reason)
    tp = TopicPartition(dead_letter.topic, dead_letter.partition)
    if dead_letter.topic in consumer.topics():
        bounds = bounds_since(consumer, dead_letter.topic).get(tp)
        if bounds is not None and bounds.start <= dead_letter.offset < bounds.end:
            one = Bounds(start=dead_letter.offset, end=dead_letter.offset + 1)
            record = next(read_range(consumer, {tp: one}), None)
            value = None if record is None else record.value
            if value is not None and dead_letter.omitted.endswith(sha256(value).hexdigest()):
                return bytes(value)
    reason = (
        "the value was omitted for its size and its topic no longer has it; give a new one with `repair --value FILE`."
    )
    return ActionFailure(code="original-gone", reason=reason)


def outgoing(
    dead_letter: DeadLetter, value: bytes | None, actor: str, *, repaired: bool, partitions: int
) -> OutgoingRecord:
    """The rejected record with this value. A report with a wrong key gets the right one, and goes to the partition of that key.

    Args:
        dead_letter: the rejected record.
        value: to send.
        actor: who sends it.
        repaired: whether the value is a new one, which is always UTF-8.
        partitions: of the topic.
    """
    key, partition = dead_letter.key, dead_letter.partition
    right = right_key(dead_letter, value, repaired=repaired)
    if right is not None and right != key:
        key, partition = right, partition_for_key(right, partitions)
    added = [(REDRIVEN, dead_letter.id.encode()), (REDRIVEN_BY, actor.encode())]
    return OutgoingRecord(
        topic=dead_letter.topic,
        partition=partition,
        key=key,
        value=value,
        headers=[*headers_again(dead_letter, repaired=repaired), *added],
    )


def right_key(dead_letter: DeadLetter, value: bytes | None, *, repaired: bool) -> bytes | None:
    """The id of the report in the value, which must be its key; None if the value is not a report."""
    network = NETWORKS.get(dead_letter.network)
    id_ = None if network is None else report_id_of(network, value, headers_again(dead_letter, repaired=repaired))
    return None if id_ is None else id_.encode()


def too_large(record: OutgoingRecord) -> ActionFailure | None:
    """Why Kafka would reject a record for its size, and the whole batch with it; None when it would not.

    The added headers can push a record over the limit.
    """
    if record.size <= LARGEST_RECORD_BYTES:
        return None
    reason = f"with its new headers the record has {record.size} bytes, more than its topic takes; give it a shorter value with `repair`."
    return ActionFailure(code="too-large", reason=reason)


def headers_again(dead_letter: DeadLetter, *, repaired: bool) -> list[tuple[str, bytes]]:
    """The headers of a rejected record, with those put first that keep its meaning. The first header of a name counts.

    Kafka's timestamp will be new. So the received time is added unless a header of the record already gives it. A repaired
    value gets a new content type. A header without a value gets an empty one, because the client cannot write null.
    """
    headers = [(name, content or b"") for name, content in dead_letter.headers]
    record = record_of(dead_letter, dead_letter.value, headers)
    received = received_at(record, history=True)
    if received != received_at(replace(record, timestamp=LAST_MS), history=True):
        rfc3339 = received.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        headers.insert(0, (RECEIVED_AT, rfc3339.encode()))
    content_type = next((content for name, content in headers if name == CONTENT_TYPE), b"")
    if repaired and charset(content_type) != UTF8:
        headers.insert(0, (CONTENT_TYPE, b"application/json"))
    return headers


def record_of(dead_letter: DeadLetter, value: bytes | None, headers: list[tuple[str, bytes]]) -> PlainRecord:
    """The rejected record with another value and other headers."""
    return PlainRecord(
        topic=dead_letter.topic,
        partition=dead_letter.partition,
        offset=dead_letter.offset,
        timestamp=round(dead_letter.at.timestamp() * 1000),
        key=dead_letter.key,
        value=value,
        headers=headers,
    )
