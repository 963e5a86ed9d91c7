"""Reads a range of one topic: committed records only, merged over all partitions by timestamp. Blocking."""

import time
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
from kafka import KafkaConsumer, TopicPartition

from router.kafka.merging import by_time
from router.wire.errors import BrokerError

Record = Any
"""A `ConsumerRecord` of kafka-python: topic, partition, offset, timestamp (ms), key, value, headers."""
BUFFERED = 2000
"""A partition with this many buffered records is paused until the others catch up."""
SILENCE_S = 20.0
"""Records exist but none arrived for this long: the broker is down."""
DISORDER_MS = 60_000
"""How far the timestamps of a partition may be out of order."""


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """The first offset to read of a partition, and the first not to read."""

    start: int
    end: int


def bounds_since(consumer: KafkaConsumer, topic: str, since: datetime | None = None) -> dict[TopicPartition, Bounds]:
    """The offsets of each partition from an instant (None: the beginning) up to its present last stable offset."""
    partitions = [TopicPartition(topic, p) for p in sorted(consumer.partitions_for_topic(topic))]
    ends = consumer.end_offsets(partitions)
    starts = _offsets_at(consumer, partitions, since)
    return {tp: Bounds(start=min(starts.get(tp, ends[tp]), ends[tp]), end=ends[tp]) for tp in partitions}


def _offsets_at(
    consumer: KafkaConsumer, partitions: list[TopicPartition], at: datetime | None
) -> dict[TopicPartition, int]:
    """The first offset at or after an instant; partitions without one are left out.

    Transaction markers have timestamps of the broker, so this may be earlier than the first record.
    """
    milliseconds = 0 if at is None else int(at.timestamp() * 1000)
    if milliseconds <= 0:
        return dict(consumer.beginning_offsets(partitions))
    offsets = consumer.offsets_for_times(dict.fromkeys(partitions, milliseconds))
    return {tp: first.offset for tp, first in offsets.items() if first is not None}


def read_range(
    consumer: KafkaConsumer, bounds: dict[TopicPartition, Bounds], until: datetime | None = None
) -> Iterator[Record]:
    """The records within the bounds, merged by timestamp.

    Args:
        consumer: is assigned these partitions.
        bounds: offsets.
        until: read a partition no further than a minute behind this instant, because records are only nearly in order.

    Raises:
        BrokerError: records exist but none arrived for 20 s.
    """
    stop_ms = None if until is None else int(until.timestamp() * 1000) + DISORDER_MS
    return _Range(consumer, {tp: b for tp, b in bounds.items() if b.start < b.end}, stop_ms).records()


class _Range:
    def __init__(self, consumer: KafkaConsumer, bounds: dict[TopicPartition, Bounds], stop_ms: int | None) -> None:
        self._consumer, self._bounds, self._stop_ms = consumer, bounds, stop_ms
        self._buffers: dict[TopicPartition, deque[Record]] = {tp: deque() for tp in bounds}
        self._last_progress = time.monotonic()

    def records(self) -> Iterator[Record]:
        self._consumer.assign(list(self._bounds))
        for tp, bound in self._bounds.items():
            self._consumer.seek(tp, bound.start)
        self._last_progress = time.monotonic()
        return by_time(self._partition(tp) for tp in self._bounds)

    def _partition(self, tp: TopicPartition) -> Iterator[Record]:
        buffer, end = self._buffers[tp], self._bounds[tp].end
        while True:
            while not buffer:
                if self._consumer.position(tp) >= end:
                    return
                self._fetch()
            record = buffer.popleft()
            if record.offset >= end or (self._stop_ms is not None and record.timestamp >= self._stop_ms):
                return
            yield record

    def _fetch(self) -> None:
        for tp, buffer in self._buffers.items():
            turn = self._consumer.pause if len(buffer) >= BUFFERED else self._consumer.resume
            turn(tp)
        before = {tp: self._consumer.position(tp) for tp in self._bounds}
        for tp, records in self._consumer.poll(timeout_ms=500).items():
            self._buffers[tp].extend(records)
        if any(self._consumer.position(tp) != position for tp, position in before.items()):
            self._last_progress = time.monotonic()
        elif time.monotonic() - self._last_progress > SILENCE_S:
            raise BrokerError(
                f"Kafka has records but sent none for {SILENCE_S:.0f} s",
                hint="look at `grid-router broker status` and try again",
            )


def follow(
    consumer: KafkaConsumer, ends: dict[TopicPartition, int], *, timeout_ms: int = 500
) -> Iterator[list[Record]]:
    """Committed records from these offsets on, without end: one list a poll, empty when nothing arrived."""
    consumer.assign(list(ends))
    for tp, offset in ends.items():
        consumer.seek(tp, offset)
        consumer.resume(tp)
    while True:
        polled = consumer.poll(timeout_ms=timeout_ms)
        yield list(by_time(polled.values()))
