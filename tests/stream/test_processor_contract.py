"""The contract of every processor on a real broker: fence, restore equals fold, poison, redelivery.

A new processor joins the suite with a factory below. What it must write is the fold of the same records in memory.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from prometheus_client import CollectorRegistry

from router.broker.admin import apply
from router.cities.folder import city_folder
from router.domain.networks.registry import NETWORKS
from router.domain.rules.city import City
from router.domain.rules.rule_sets import RuleSets
from router.simulator.scenario import history_of
from router.stream.engine.changelog_reader import ChangelogReader
from router.stream.engine.processor import Processor, Record, StatefulProcessor
from router.stream.engine.shared_offsets import SharedOffsets
from router.stream.engine.source_partition import SourcePartition
from router.stream.engine.status import StreamTaskStatus
from router.stream.processors.clock import StreamClock
from router.stream.processors.feedback import FeedbackProcessor
from router.stream.processors.merge import MergeProcessor
from router.stream.processors.normalise import NormaliseProcessor
from router.wire.codec import encode_report, read_dead_letter
from router.wire.declared_topics import topics_of
from router.wire.metrics import Metrics
from router.wire.offset_signing import OffsetKeys
from router.wire.settings import Settings
from router.wire.stored_offsets import STORED_OFFSET_KEY, StoredOffset, decode_stored_offset
from router.wire.topic_names import Names
from tests.stream.test_partition import opened_task, read, until
from tests.support.cities import shipped
from tests.support.driver import CELL, report, tiny
from tests.support.patience import PATIENCE_S

pytestmark = pytest.mark.broker

N = 60
BAD = 17
"""Offset of the record at which the processor fails, in the test of poison."""
KEYS = OffsetKeys([b"k" * 32])
FORGED = b'{"offset":1000000}'
"""A stored offset of another program."""
Input = tuple[bytes, bytes, list[tuple[str, bytes]]]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A processor with its inputs and its output topics, of one partition each."""

    city: City
    source: str
    make: Callable[[], Processor]
    inputs: Sequence[Input]
    streams: Sequence[str]
    """Topics on which every record counts."""
    tables: Sequence[str]
    """Compacted topics, on which the last value of a key counts."""
    offsets: str
    """Where the stored offset is."""


def normalise_stage(names: Names) -> Stage:
    """Recorded requests of Los Angeles."""
    city = shipped("los-angeles")
    messages = history_of(city, city_folder("los-angeles")).messages(N)
    return Stage(
        city=city,
        source=names.reports("hotline"),
        make=lambda: NormaliseProcessor(
            NETWORKS["hotline"], RuleSets(city), names, 1, Metrics(CollectorRegistry()), keys=KEYS
        ),
        inputs=[(message.source_id.encode(), message.value, []) for message in messages],
        streams=[names.events, names.rejections("hotline")],
        tables=[names.dedup_index("hotline")],
        offsets=names.dedup_index("hotline"),
    )


def merge_stage(names: Names) -> Stage:
    """Reports of which every third one is about another place, so that cases open and reports join."""
    city = tiny()
    reports = [report(f"r{number}", number / 100, east=number % 3 * 200) for number in range(N)]
    return Stage(
        city=city,
        source=names.events,
        make=lambda: MergeProcessor(RuleSets(city), names, StreamClock(), Metrics(CollectorRegistry()), keys=KEYS),
        inputs=[encode_report(one) for one in reports],
        streams=[names.tasks(department) for department in city.catalogue.departments],
        tables=[names.cases],
        offsets=names.offsets,
    )


def feedback_stage(names: Names) -> Stage:
    """Feedback about many tasks, of which every fifth record cannot be read."""
    city = tiny()
    said = {"partition_key": CELL, "kind": "accept", "actor": "w-17", "occurred_at": datetime.now(UTC).isoformat()}
    values = [json.dumps(said | {"id": f"f{number}", "task": f"C-{number}.1"}).encode() for number in range(N)]
    values[::5] = [b"no feedback"] * len(values[::5])
    offsets = SharedOffsets(names.feedback_offsets, 1, KEYS, lambda _: None)
    metrics = Metrics(CollectorRegistry())
    return Stage(
        city=city,
        source=names.feedback("police"),
        make=lambda: FeedbackProcessor("police", names, 1, metrics, offsets),
        inputs=[(b"k", value, []) for value in values],
        streams=[names.events, names.rejected_feedback("police"), names.dead_letters],
        tables=[],
        offsets=names.feedback_offsets,
    )


@pytest.fixture(params=[normalise_stage, merge_stage, feedback_stage], ids=["normalise", "merge", "feedback"])
def stage(request: pytest.FixtureRequest, kafka: str, namespace: str) -> Stage:
    """The processor under test; its topics exist."""
    made: Stage = request.param(Names(namespace))
    apply(kafka, topics_of(made.city, Settings(kafka=kafka, namespace=namespace, partitions=1)))
    return made


with_state = pytest.mark.parametrize("stage", [normalise_stage, merge_stage], ids=["normalise", "merge"], indirect=True)
"""For what only a processor with a state of its own does."""


class Lists:
    """A writer that keeps the records of each topic in memory."""

    def __init__(self) -> None:
        self.records: dict[str, list[tuple[Any, Any]]] = {}

    def add(self, topic: str, _: int, key: Any, value: Any, __: Any = None) -> None:
        self.records.setdefault(topic, []).append((key, value))


def folded(stage: Stage, records: Sequence[Record], poisoned: set[int] | None = None) -> dict[str, Any]:
    """What one processor writes for these records, in memory and in one batch."""
    lists: Any = Lists()
    stage.make().process(records, lists, poisoned or set())
    streams = {topic: lists.records.get(topic, []) for topic in stage.streams}
    tables = {topic: dict(lists.records.get(topic, [])) for topic in stage.tables}
    assert any(streams.values())
    assert all(tables.values())
    return streams | tables


async def written(kafka: str, stage: Stage) -> dict[str, Any]:
    """What is committed on the output topics, without stored offsets."""
    streams = {topic: [(r.key, r.value) for r in await read(kafka, topic)] for topic in stage.streams}
    tables = {topic: {r.key: r.value for r in await read(kafka, topic)} for topic in stage.tables}
    for latest in tables.values():
        latest.pop(STORED_OFFSET_KEY, None)
    return streams | tables


async def produce(kafka: str, stage: Stage) -> list[Record]:
    """Append the inputs to the input topic, all with one timestamp; everything that is on the topic."""
    async with AIOKafkaProducer(bootstrap_servers=kafka, acks="all") as producer:
        for key, value, headers in stage.inputs:
            await producer.send(stage.source, value, key=key, headers=headers, timestamp_ms=1_790_000_000_000)
    return await read(kafka, stage.source)


@asynccontextmanager
async def opened(kafka: str, stage: Stage, processor: Processor | None = None) -> AsyncIterator[SourcePartition]:
    """The one partition of a task of this stage."""
    owned = {TopicPartition(stage.source, 0): (processor or stage.make(), None)}
    async with opened_task(kafka, f"{stage.source}-", owned) as task:
        yield task.partitions[0]


async def process(partition: SourcePartition, records: Sequence[Record]) -> None:
    """Offer records and wait until they are committed."""
    partition.offer(records)
    await until(lambda: partition.position == records[-1].offset + 1)


def test_a_second_owner_shuts_out_the_first(kafka: str, stage: Stage) -> None:
    """The first owner does not learn of the second; both get the same records."""

    async def scenario() -> None:
        records = await produce(kafka, stage)
        async with opened(kafka, stage) as zombie:
            await process(zombie, records[:10])
            async with opened(kafka, stage) as owner:
                await until(lambda: owner.status is StreamTaskStatus.RUNNING)
                zombie.offer(records[10:])
                owner.offer(records)
                await until(lambda: owner.position == zombie.position == N)
        assert await written(kafka, stage) == folded(stage, records)

    asyncio.run(scenario())


def test_a_restored_state_equals_the_folded_state(kafka: str, stage: Stage) -> None:
    async def scenario() -> None:
        records = await produce(kafka, stage)
        for end in (20, 40, N):
            async with opened(kafka, stage) as partition:
                await process(partition, records[:end])  # each owner fetches from the beginning
        assert await written(kafka, stage) == folded(stage, records)

    asyncio.run(scenario())


def test_a_stored_offset_that_was_written_over_is_stored_again(kafka: str, stage: Stage) -> None:
    """Compaction keeps the last record of a key. If that does not count, the partition stops at an opening after it."""

    async def scenario() -> list[StoredOffset]:
        records = await produce(kafka, stage)
        async with opened(kafka, stage) as partition:
            await process(partition, records)
        stored = (await offsets(kafka, stage))[-1]
        async with AIOKafkaProducer(bootstrap_servers=kafka, acks="all") as other:
            await other.send_and_wait(stage.offsets, FORGED, key=stored.key)
        async with opened(kafka, stage) as partition:
            await until(lambda: partition.status is StreamTaskStatus.RUNNING)
            async with asyncio.timeout(PATIENCE_S):
                while (await offsets(kafka, stage))[-1].value == FORGED:
                    await asyncio.sleep(0.05)
        return [decode_stored_offset(one.value) for one in await offsets(kafka, stage)]

    *_, forged, mended = asyncio.run(scenario())
    assert (forged.offset, mended.offset) == (1_000_000, N)
    assert mended.signature


async def offsets(kafka: str, stage: Stage) -> list[Record]:
    """Every stored offset, good or forged."""
    keys = {STORED_OFFSET_KEY, f"{stage.source}/0".encode()}
    return [one for one in await read(kafka, stage.offsets) if one.key in keys]


@with_state
def test_a_copy_takes_over_with_the_tail_alone(kafka: str, stage: Stage) -> None:
    """The copy follows committed records only. What it takes over equals the fold, and it reads nothing a second time."""

    async def scenario() -> None:
        records, copy, logs = await produce(kafka, stage), stage.make(), ChangelogReader(kafka, stage.source)
        assert isinstance(copy, StatefulProcessor)
        changelog = copy.changelog_of(TopicPartition(stage.source, 0))
        async with opened(kafka, stage) as owner:
            for end in (20, 40):
                await process(owner, records[:end])
                await copy.copy.catch_up(logs, changelog)
            followed = copy.copy.next
            await process(owner, records[:50])
        await logs.close()
        async with opened(kafka, stage, copy) as heir:
            await until(lambda: heir.status is StreamTaskStatus.RUNNING)
            assert copy.copy.begun == followed
            assert heir.restore_progress == (copy.copy.end - followed,) * 2
            await process(heir, records)
        assert await written(kafka, stage) == folded(stage, records)

    asyncio.run(scenario())


@with_state
def test_an_owner_that_was_fenced_keeps_its_state_and_reads_what_the_other_wrote(kafka: str, stage: Stage) -> None:
    """Its state has what it committed itself, so it reads on behind that."""

    async def scenario() -> None:
        records, first = await produce(kafka, stage), stage.make()
        source = TopicPartition(stage.source, 0)
        assert isinstance(first, StatefulProcessor)
        async with opened(kafka, stage, first) as owner:
            await process(owner, records[:20])
        own, state_offset = first.copy.next, owner.state_offset
        assert state_offset is not None
        async with opened(kafka, stage) as other:
            await process(other, records[:40])
        async with opened_task(kafka, f"{stage.source}-", {source: (first, state_offset)}) as task:
            await until(lambda: task.partitions[0].status is StreamTaskStatus.RUNNING)
            assert own > 0
            assert first.copy.begun == own
            await process(task.partitions[0], records)
        assert await written(kafka, stage) == folded(stage, records)

    asyncio.run(scenario())


@with_state
def test_a_state_that_became_a_copy_takes_over_at_its_own_offset(kafka: str, stage: Stage) -> None:
    """No worker wrote in between, so the stored offset is one that this worker wrote itself. It is not in the tail."""

    async def scenario() -> None:
        records, first = await produce(kafka, stage), stage.make()
        assert isinstance(first, StatefulProcessor)
        async with opened(kafka, stage, first) as owner:
            await process(owner, records)
        own, first.copy.intact = first.copy.next, True  # as the engine does when it keeps the state as a copy
        async with opened(kafka, stage, first) as again:
            await until(lambda: again.status is StreamTaskStatus.RUNNING)
            assert (first.copy.begun, again.position) == (own, N)
        assert await written(kafka, stage) == folded(stage, records)

    asyncio.run(scenario())


def test_a_poison_record_goes_to_the_dead_letters_alone(kafka: str, stage: Stage) -> None:
    processor = stage.make()
    sound = processor.process

    def fails_at_bad(records: Sequence[Record], writer: Any, poisoned: set[int]) -> Any:
        if BAD not in poisoned and any(record.offset == BAD for record in records):
            raise ValueError("a defect of the router")
        return sound(records, writer, poisoned)

    processor.process = fails_at_bad  # type: ignore[method-assign]

    async def scenario() -> None:
        records = await produce(kafka, stage)
        async with opened(kafka, stage, processor) as partition:
            await process(partition, records)
        assert await written(kafka, stage) == folded(stage, records, {BAD})
        names = Names(stage.source.partition(".")[0] + ".")
        dead_letters = [
            read_dead_letter(r.key, r.value, list(r.headers)) for r in await read(kafka, names.dead_letters)
        ]
        defects = [(one.topic, one.offset) for one in dead_letters if one.code == "defect"]
        assert defects == [(stage.source, BAD)]

    asyncio.run(scenario())


@with_state
def test_redelivered_records_change_nothing(kafka: str, stage: Stage) -> None:
    async def scenario() -> None:
        first = await produce(kafka, stage)
        async with opened(kafka, stage) as partition:
            await process(partition, first)
            once = await written(kafka, stage)
            await process(partition, await produce(kafka, stage))
            assert partition.position == 2 * N
        assert once == await written(kafka, stage) == folded(stage, first)

    asyncio.run(scenario())
