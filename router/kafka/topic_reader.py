"""Reading a range of one topic for people: committed records only, in the order of time over all partitions."""

import heapq
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from difflib import get_close_matches
from typing import Any

import msgspec
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from router.wire.errors import START_KAFKA, BrokerError, TopicError
from router.wire.topics import ROOTS, Names, elsewhere

Record = Any
"""A `ConsumerRecord` of kafka-python: topic, partition, offset, timestamp (ms), key, value, headers."""
BUFFERED = 2000
"""A partition with so many records in hand waits for the others."""
SILENCE_S = 20.0
"""No answer for this long although records exist: the broker is away."""
CONNECT_MS = 5000
DISORDER_MS = 60_000


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """The first offset to read of a partition, and the first not to read."""

    start: int
    end: int


@contextmanager
def connect(bootstrap: str) -> Iterator[KafkaConsumer]:
    """A consumer without a group that sees committed records only.

    Raises:
        BrokerError: no Kafka answers there, or it stops answering.
    """
    consumer = None
    try:
        consumer = KafkaConsumer(
            bootstrap_servers=bootstrap.split(","),
            group_id=None,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            max_poll_records=BUFFERED,
            fetch_max_wait_ms=100,
            bootstrap_timeout_ms=CONNECT_MS,
            metrics_enabled=False,
        )
        yield consumer
    except KafkaError as error:
        raise BrokerError(
            f"Kafka does not answer ({type(error).__name__})",
            where=bootstrap,
            hint=START_KAFKA,
        ) from error
    finally:
        if consumer is not None:
            consumer.close(autocommit=False, timeout_ms=1000)


def find_topic(consumer: KafkaConsumer, text: str, names: Names) -> str:
    """The topic a person means: `events`, `grid.events`, or the full name with its namespace.

    Raises:
        TopicError: no such topic; the sentence offers the nearest name.
    """
    there = sorted(consumer.topics())
    for name in (f"{names.namespace}{text}", f"{names.namespace}grid.{text}", text):
        if name in there:
            return name
    bare = [name.removeprefix(names.namespace) for name in there if name.startswith(names.namespace)]
    ours = [name for name in bare if name.startswith(ROOTS)]
    near = get_close_matches(text, ours, n=1)
    if near:
        hint = f"the nearest name is {near[0]}"
    elif ours:
        hint = f"there are {', '.join(ours)}"
    else:
        hint = f"`grid-router topics apply CITY` makes the topics{elsewhere(there, names.namespace)}"
    raise TopicError("there is no such topic", where=text, hint=hint)


def bounds_since(consumer: KafkaConsumer, topic: str, since: datetime) -> dict[TopicPartition, Bounds]:
    """What each partition holds from an instant on, up to its committed end as it is now."""
    partitions = [TopicPartition(topic, p) for p in sorted(consumer.partitions_for_topic(topic))]
    ends = consumer.end_offsets(partitions)
    starts = _offsets_at(consumer, partitions, since)
    return {tp: Bounds(start=min(starts.get(tp, ends[tp]), ends[tp]), end=ends[tp]) for tp in partitions}


def _offsets_at(consumer: KafkaConsumer, partitions: list[TopicPartition], at: datetime) -> dict[TopicPartition, int]:
    """The first record at or after an instant; partitions without one are left out.

    The markers of transactions have times too (the broker's), so this may be earlier than the first record that counts.
    """
    milliseconds = int(at.timestamp() * 1000)
    if milliseconds <= 0:
        return dict(consumer.beginning_offsets(partitions))
    found = consumer.offsets_for_times(dict.fromkeys(partitions, milliseconds))
    return {tp: there.offset for tp, there in found.items() if there is not None}


def read_range(
    consumer: KafkaConsumer, bounds: dict[TopicPartition, Bounds], until: datetime | None = None
) -> Iterator[Record]:
    """The records within the bounds, merged by their timestamps.

    Args:
        consumer: it is assigned these partitions.
        bounds: offsets.
        until: read a partition no further than a minute behind this instant, since records are only nearly in order.

    Raises:
        BrokerError: records exist but none came for 20 s.
    """
    stop_ms = None if until is None else int(until.timestamp() * 1000) + DISORDER_MS
    return _Range(consumer, {tp: b for tp, b in bounds.items() if b.start < b.end}, stop_ms).records()


class _Range:
    def __init__(self, consumer: KafkaConsumer, bounds: dict[TopicPartition, Bounds], stop_ms: int | None) -> None:
        self._consumer, self._bounds, self._stop_ms = consumer, bounds, stop_ms
        self._waiting: dict[TopicPartition, deque[Record]] = {tp: deque() for tp in bounds}
        self._heard = time.monotonic()

    def records(self) -> Iterator[Record]:
        self._consumer.assign(list(self._bounds))
        for tp, bound in self._bounds.items():
            self._consumer.seek(tp, bound.start)
        self._heard = time.monotonic()
        return heapq.merge(*(self._partition(tp) for tp in self._bounds), key=lambda record: record.timestamp)

    def _partition(self, tp: TopicPartition) -> Iterator[Record]:
        waiting, end = self._waiting[tp], self._bounds[tp].end
        while True:
            while not waiting:
                if self._consumer.position(tp) >= end:
                    return
                self._fetch()
            record = waiting.popleft()
            if record.offset >= end or (self._stop_ms is not None and record.timestamp >= self._stop_ms):
                return
            yield record

    def _fetch(self) -> None:
        for tp, waiting in self._waiting.items():
            turn = self._consumer.pause if len(waiting) >= BUFFERED else self._consumer.resume
            turn(tp)
        before = {tp: self._consumer.position(tp) for tp in self._bounds}
        for tp, records in self._consumer.poll(timeout_ms=500).items():
            self._waiting[tp].extend(records)
        if any(self._consumer.position(tp) != position for tp, position in before.items()):
            self._heard = time.monotonic()
        elif time.monotonic() - self._heard > SILENCE_S:
            raise BrokerError(
                f"Kafka has records but sent none for {SILENCE_S:.0f} s",
                hint="look at `grid-router broker status` and try again",
            )


def follow(
    consumer: KafkaConsumer, ends: dict[TopicPartition, int], *, timeout_ms: int = 500
) -> Iterator[list[Record]]:
    """What is committed from these offsets on, for ever: a list per poll, empty when nothing came."""
    consumer.assign(list(ends))
    for tp, offset in ends.items():
        consumer.seek(tp, offset)
        consumer.resume(tp)
    while True:
        polled = consumer.poll(timeout_ms=timeout_ms)
        yield sorted((r for records in polled.values() for r in records), key=lambda record: record.timestamp)
