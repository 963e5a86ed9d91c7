"""The record that a dead letter becomes when it is redriven: its own place, key and headers, and a sign that it comes again."""

from msgspec.structs import replace

from router.cli.text.timestamps import stamp
from router.dead_letters.redrive_producer import OutgoingRecord
from router.domain.intake.charset import CONTENT_TYPE, UTF8, charset
from router.domain.intake.normalise import LAST_MS, RECEIVED_AT, received_at
from router.domain.intake.rejections import printable
from router.domain.model.report import Rejection
from router.domain.networks.registry import NETWORKS
from router.wire.codec import DeadLetter, RejectedRecord
from router.wire.repairs import REDRIVEN, REDRIVEN_BY
from router.wire.topics import Names, Topic

TAKEN_BYTES = Topic(name="", key="", partitions=1).largest_bytes - 1024
"""What a network's topic and `grid.events` take; and room for the frame of a batch."""


def homeless(dead_letter: DeadLetter, names: Names) -> Rejection | None:
    """Why a dead letter belongs to no topic that may be written again; None when it does."""
    if dead_letter.topic == names.events or (
        dead_letter.network in NETWORKS and dead_letter.topic == names.reports(dead_letter.network)
    ):
        return None
    reason = f"it names the topic {printable(dead_letter.topic, 80)}, which is not its network's; do nothing about it but find out who wrote it."
    return Rejection(code="not-ours", reason=reason)


def outgoing(dead_letter: DeadLetter, value: bytes | None, actor: str, *, repaired: bool) -> OutgoingRecord:
    """The record as it was, with this value.

    Args:
        dead_letter: the rejected record.
        value: to send.
        actor: who sends it.
        repaired: whether the value is a new one, which is always UTF-8.
    """
    added = [(REDRIVEN, dead_letter.id.encode()), (REDRIVEN_BY, actor.encode())]
    return OutgoingRecord(
        topic=dead_letter.topic,
        partition=dead_letter.partition,
        key=dead_letter.key,
        value=value,
        headers=[*headers_again(dead_letter, repaired=repaired), *added],
    )


def unfit(record: OutgoingRecord) -> Rejection | None:
    """Why Kafka would not take a record, which would take its neighbours along; None when it would.

    One that fitted exactly no longer does with the headers that it gets.
    """
    if record.size <= TAKEN_BYTES:
        return None
    reason = f"with its new headers the record has {record.size} bytes, more than its topic takes; give it a shorter value with `repair`."
    return Rejection(code="too-large", reason=reason)


def headers_again(dead_letter: DeadLetter, *, repaired: bool) -> list[tuple[str, bytes]]:
    """The headers of a rejected record; before them, where the first counts, what must be said so that it means the same.

    Its received time is said when the record does not say it itself in a way that the router believes, because Kafka's own
    time is about to change. A header without value gets an empty one: the client can write no other.
    """
    headers = [(name, content or b"") for name, content in dead_letter.headers]
    record = record_of(dead_letter, dead_letter.value, headers)
    received = received_at(record)
    if received != received_at(replace(record, timestamp=LAST_MS)):
        headers.insert(0, (RECEIVED_AT, stamp(received).encode()))
    named = next((content for name, content in headers if name == CONTENT_TYPE), b"")
    if repaired and charset(named) != UTF8:
        headers.insert(0, (CONTENT_TYPE, b"application/json"))
    return headers


def record_of(dead_letter: DeadLetter, value: bytes | None, headers: list[tuple[str, bytes]]) -> RejectedRecord:
    """The rejected record with another value and other headers."""
    return RejectedRecord(
        topic=dead_letter.topic,
        partition=dead_letter.partition,
        offset=dead_letter.offset,
        timestamp=round(dead_letter.at.timestamp() * 1000),
        key=dead_letter.key,
        value=value,
        headers=headers,
    )
