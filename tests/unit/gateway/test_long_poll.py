"""Long polls: where a poll begins, what one answer has, and how much memory all of them take. The consumer is a script."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest
from aiokafka import TopicPartition

from router.gateway import long_poll
from router.gateway.long_poll import LongPolls, PollRequest
from router.kafka.cluster_metadata import describe_topics

TOPIC = "tasks.police"


class Stored(NamedTuple):
    """A record, as far as a poll reads it."""

    partition: int
    offset: int
    timestamp: int
    value: bytes


class ScriptedConsumer:
    """A consumer of a topic whose records are given; it fetches all of them at once."""

    def __init__(self, records: list[Stored], partitions: int) -> None:
        self.records, self.partitions = records, range(partitions)
        self.asked_ms: dict[TopicPartition, int] = {}
        self.at: dict[TopicPartition, int] = {}

    def assign(self, partitions: list[TopicPartition]) -> None:
        self.at = dict.fromkeys(partitions, 0)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.at[partition] = offset

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {one: 1 + max((r.offset for r in self._of(one)), default=-1) for one in partitions}

    async def beginning_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {one: min((r.offset for r in self._of(one)), default=0) for one in partitions}

    async def offsets_for_times(self, times: Mapping[TopicPartition, int]) -> dict[TopicPartition, Any]:
        if min(times.values()) < 0:
            raise ValueError("as aiokafka says it")
        self.asked_ms = dict(times)
        return {one: next((r for r in self._of(one) if r.timestamp >= ms), None) for one, ms in times.items()}

    async def getmany(self, **_: Any) -> dict[TopicPartition, list[Stored]]:
        fetched = {one: [r for r in self._of(one) if r.offset >= at] for one, at in self.at.items()}
        self.at = {one: max([at, *(r.offset + 1 for r in fetched[one])]) for one, at in self.at.items()}
        return {one: records for one, records in fetched.items() if records}

    async def position(self, partition: TopicPartition) -> int:
        return self.at[partition]

    def _of(self, partition: TopicPartition) -> list[Stored]:
        return [one for one in self.records if one.partition == partition.partition]


def polled(
    monkeypatch: pytest.MonkeyPatch,
    records: list[Stored],
    *,
    since: datetime | None = None,
    partitions: int = 1,
    opened: list[dict[str, Any]] | None = None,
) -> list[list[tuple[int, int]]]:
    """Partition and offset of the records of each answer, until one has none; each poll begins at the cursor of the one before."""

    class Consumer:
        def __init__(self, _: str, **options: Any) -> None:
            if opened is not None:
                opened.append(options)

        async def connected(self) -> ScriptedConsumer:
            return ScriptedConsumer(records, partitions)

        async def close(self) -> None:
            pass

    class Described(NamedTuple):
        topic_id: str
        partitions: int

    async def described(*_: Any) -> dict[str, Described]:
        return {TOPIC: Described("AAAAAAAAAAAAAAAAAAAAAA", partitions)}

    monkeypatch.setattr(long_poll, "LazyConsumer", Consumer)
    monkeypatch.setattr(long_poll, describe_topics.__name__, described)

    async def present() -> bool:
        return False

    async def run() -> list[list[tuple[int, int]]]:
        polls, after, answers = LongPolls("127.0.0.1:1"), None, []
        while True:
            wanted = PollRequest(
                topic=TOPIC,
                read=lambda record: {"at": (record.partition, record.offset)},
                after=after,
                since=since,
                most=100,
                wait_s=0,
            )
            found, cursor = await polls.poll("holder", wanted, present)
            if not found:
                return answers
            after = cursor
            answers.append([one["at"] for one in found])

    return asyncio.run(run())


def test_a_time_before_1970_is_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    records = [Stored(0, offset, 1000 * offset, b"x") for offset in range(3)]
    for since in (datetime(1969, 12, 31, 23, tzinfo=UTC), datetime(1, 1, 2, tzinfo=UTC)):
        assert polled(monkeypatch, records, since=since) == [[(0, 0), (0, 1), (0, 2)]]


def test_a_cut_answer_skips_no_record_when_time_runs_back_within_a_partition(monkeypatch: pytest.MonkeyPatch) -> None:
    large = b"x" * (5 << 20)
    times = {0: [1000, 900, 1100], 1: [950, 1050]}
    records = [Stored(number, at, ms, large) for number, of in times.items() for at, ms in enumerate(of)]
    answers = polled(monkeypatch, records, partitions=2)
    assert answers == [[(1, 0)], [(0, 0)], [(0, 1)], [(1, 1)], [(0, 2)]]
    together = polled(monkeypatch, [one._replace(value=b"x") for one in records], partitions=2)
    assert together == [[(1, 0), (0, 0), (0, 1), (1, 1), (0, 2)]]


def test_all_polls_together_fit_into_the_memory_of_a_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quarter of the 1,024 MiB of a container, if each poll of a topic with eight partitions gets all that it may."""
    opened: list[dict[str, Any]] = []
    polled(monkeypatch, [], opened=opened)
    options = opened[0]
    most = min(options.get("fetch_max_bytes", 50 << 20), 8 * options["max_partition_fetch_bytes"])
    assert long_poll.POLLS * most <= 256 << 20
