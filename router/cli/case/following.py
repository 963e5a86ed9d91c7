"""Brings the file of positions up to date with what the topics have since the last command."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from msgspec import Struct
from msgspec.json import Decoder

from router.cli.case.positions import CasePositions, Journal, Place, mark_of
from router.cli.text.output import say
from router.kafka.cluster_metadata import TopicDescription, describe_topics
from router.wire.codec import UNREADABLE, is_row
from router.wire.errors import BrokerError, TopicError
from router.wire.topic_names import Names

FILE = "case-positions"
SILENCE_S = 20.0
"""Records exist but none arrived for this long."""
SLOW_RECORDS = 100_000
"""This number of new records takes seconds to read, which the command says."""
FETCH_RECORDS = 10_000


class _ReportId(Struct):
    id: str


class _Reports(Struct):
    """Of a case, the ids of its reports; nothing else is read."""

    reports: list[_ReportId]


_decode_reports: Callable[[bytes], _Reports] = Decoder(_Reports).decode


async def open_positions(consumer: AIOKafkaConsumer, names: Names, home: Path) -> CasePositions:
    """The file of positions of a deployment.

    A cluster that gives no ids of topics gets none: another log may have their names.

    Raises:
        TopicError: a topic is missing.
    """
    described = await describe_topics(consumer, _topics(names))
    missing = next((topic for topic in _topics(names) if topic not in described), None)
    if missing is not None:
        hint = "`grid-router topics apply CITY` makes the topics"
        raise TopicError("there is no such topic", where=missing, hint=hint)
    ids = [one.topic_id for one in described.values()]
    name = f"{FILE}{'-' if names.namespace else ''}{names.namespace.rstrip('.')}.db"
    return CasePositions(home / name if all(ids) else None, "/".join(ids))


def _topics(names: Names) -> tuple[str, ...]:
    """The journal comes first, so that the case is at least as new."""
    return names.transitions, names.escalations, names.archive, names.cases


async def follow(consumer: AIOKafkaConsumer, names: Names, positions: CasePositions) -> None:
    """Take in what the topics have since the last command.

    Raises:
        KafkaError: no broker answers.
        BrokerError: records exist but none arrived for 20 s.
    """
    described = await describe_topics(consumer, _topics(names))
    for topic in _topics(names):
        bounds = await _bounds(consumer, described[topic], topic, positions)
        new = sum(end - start for start, end in bounds.values())
        if new >= SLOW_RECORDS:
            say(f"Reading where {new:,} records of {topic} are; the next command need not.")
        await _take_in(consumer, topic, bounds, names, positions)


async def _bounds(
    consumer: AIOKafkaConsumer, described: TopicDescription, topic: str, positions: CasePositions
) -> dict[TopicPartition, tuple[int, int]]:
    """The first offset to read of each partition, and the first not to read: its last stable offset."""
    partitions = [TopicPartition(topic, number) for number in sorted(described.leader_epochs)]
    begins, ends = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
    if any(positions.next_offset(_log(one)) > ends[one] for one in partitions):
        positions.forget()
    return {one: (max(begins[one], positions.next_offset(_log(one))), ends[one]) for one in partitions}


def _log(partition: TopicPartition) -> str:
    return f"{partition.topic}/{partition.partition}"


async def _take_in(
    consumer: AIOKafkaConsumer,
    topic: str,
    bounds: Mapping[TopicPartition, tuple[int, int]],
    names: Names,
    positions: CasePositions,
) -> None:
    left = {one: end for one, (start, end) in bounds.items() if start < end}
    if not left:
        return
    consumer.assign(list(left))
    for one in left:
        consumer.seek(one, bounds[one][0])
    heard = monotonic()
    while left:
        fetched = await consumer.getmany(*left, timeout_ms=500, max_records=FETCH_RECORDS)
        for records in fetched.values():
            _add(topic, records, names, positions)
        for one, end in list(left.items()):
            at = await consumer.position(one)
            if at > positions.next_offset(_log(one)):
                heard = monotonic()
                positions.reached(_log(one), at)
            if at >= end:
                del left[one]
        if monotonic() - heard > SILENCE_S:
            hint = "look at `grid-router broker status` and try again"
            raise BrokerError(f"Kafka has records but sent none for {SILENCE_S:.0f} s", where=topic, hint=hint)
        await asyncio.sleep(0)


def _add(topic: str, records: Sequence[Any], names: Names, positions: CasePositions) -> None:
    """Take in records of one partition. Those that the router did not write are left out."""
    keyed = [(mark_of(id_.partition("/")[0]), one) for one in records if (id_ := _text(one.key)) is not None]
    if topic in {names.transitions, names.escalations}:
        of: Journal = "change" if topic == names.transitions else "escalation"
        positions.add_entries(of, ((mark, Place(one.partition, one.offset)) for mark, one in keyed))
        return
    if topic == names.cases:
        keyed = [(mark, one) for mark, one in keyed if is_row(one.headers, one.value)]
    found = [(mark, Place(one.partition, one.offset)) for mark, one in keyed]
    reports = [(mark_of(id_), mark, one.offset) for mark, one in keyed for id_ in _report_ids(one.value)]
    (positions.add_cases if topic == names.cases else positions.add_archived)(found, reports)


def _text(key: bytes | None) -> str | None:
    try:
        return None if key is None else key.decode()
    except UnicodeDecodeError:
        return None


def _report_ids(value: bytes | None) -> list[str]:
    if value is None:
        return []
    try:
        return [one.id for one in _decode_reports(value).reports]
    except UNREADABLE:
        return []
