"""A stream task of one partition on a real broker: fence, restore, transactions, and what survives failures.

`test_processor_contract.py` has the contract of the processors.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from prometheus_client import CollectorRegistry

from router.kafka.record_batches import Writer
from router.stream.engine.changelog_reader import ChangelogReader
from router.stream.engine.log_position import BeyondEndError
from router.stream.engine.processor import Counted, PoisonError, Processor, Record
from router.stream.engine.source_partition import SourcePartition
from router.stream.engine.stored_offset import StoredOffsets, pop_stored_offset
from router.stream.engine.stream_task import Owned, StreamTask
from router.stream.engine.stream_task_id import StreamTaskId
from router.wire.metrics import Metrics
from router.wire.offset_signing import NO_KEYS
from router.wire.stored_offsets import StoredOffset, encode_stored_offset
from tests.support.patience import PATIENCE_S
from tests.support.topics import create_topics

pytestmark = pytest.mark.broker

N = 300


class Tally:
    """A small processor: its state is the set of values seen, kept in a changelog; each new value is written out once."""

    name = "toy"
    partition: SourcePartition
    """The partition that it processes, where a test needs it."""

    def __init__(
        self,
        namespace: str,
        *,
        fails_at: bytes | None = None,
        failure: type[Exception] = PoisonError,
        dead_letter: bytes | None = None,
    ) -> None:
        self.out, self.changelog = f"{namespace}out", f"{namespace}changelog"
        self.seen: set[bytes] = set()
        self.fails_at, self.failure, self.dead_letter = fails_at, failure, dead_letter
        self.opened = 0

    async def open(self, logs: ChangelogReader, source: TopicPartition) -> StoredOffset | None:
        self.opened += 1
        changelog = TopicPartition(self.changelog, source.partition)
        latest = await logs.latest(changelog)
        position = pop_stored_offset(latest, changelog)
        self.seen = set(latest.values())
        return position

    async def resume(self, logs: ChangelogReader, source: TopicPartition, position: StoredOffset) -> bool:
        stored = await StoredOffsets(NO_KEYS).read(logs, TopicPartition(self.changelog, source.partition))
        return stored is not None and stored.same_place(position)

    def store_offset(self, position: StoredOffset, writer: Writer, partition: int) -> None:
        writer.add(self.changelog, partition, *encode_stored_offset(position))

    def process(self, records: Sequence[Record], writer: Writer, poisoned: set[int]) -> Counted:
        for record in records:
            if record.offset in poisoned:
                writer.add(self.out, 0, b"dead", self.dead_letter or record.value)
                continue
            if record.value == self.fails_at:
                raise PoisonError(record.offset) if self.failure is PoisonError else self.failure
            if record.value not in self.seen:
                self.seen.add(record.value)
                writer.add(self.out, 0, b"alive", record.value)
                writer.add(self.changelog, record.partition, record.value, record.value)
        return lambda: None

    def close(self) -> None: ...


@pytest.fixture
def topics(kafka: str, namespace: str) -> str:
    asyncio.run(create_topics(kafka, *(f"{namespace}{name}" for name in ("in", "out", "changelog"))))
    return namespace


async def produce(kafka: str, topic: str, values: Sequence[bytes]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all")
    await producer.start()
    for value in values:
        await producer.send(topic, value)
    await producer.stop()


async def read(kafka: str, topic: str) -> list[Record]:
    """All committed records. A commit is answered before its markers are written, so wait for the last one's first."""
    source = TopicPartition(topic, 0)
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, isolation_level="read_committed", auto_offset_reset="earliest")
    latest = AIOKafkaConsumer(bootstrap_servers=kafka)
    async with consumer, latest:
        consumer.assign([source])
        records: list[Record] = []
        end = (await latest.end_offsets([source]))[source]
        async with asyncio.timeout(PATIENCE_S):
            while await consumer.position(source) < end:
                records += (await consumer.getmany(source, timeout_ms=50)).get(source, [])
    return records


@asynccontextmanager
async def opened_task(kafka: str, namespace: str, owned: Owned) -> AsyncIterator[StreamTask]:
    """StreamTask 0 with these partitions, in the background; closed at the end."""
    logs = ChangelogReader(kafka, f"{namespace}group")
    task = StreamTask(
        StreamTaskId("toy", 0),
        owned,
        logs=logs,
        metrics=Metrics(CollectorRegistry()),
        on_capacity=lambda: None,
        fold_lock=asyncio.Lock(),
    )
    try:
        yield task
    finally:
        await task.close(5.0)
        await logs.close()


@asynccontextmanager
async def opened(
    kafka: str, namespace: str, processor: Processor, state_offset: StoredOffset | None = None
) -> AsyncIterator[SourcePartition]:
    """The one partition of a stream task."""
    source = TopicPartition(f"{namespace}in", 0)
    async with opened_task(kafka, namespace, {source: (processor, state_offset)}) as task:
        yield task.partitions[0]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.01)


def values(prefix: str, count: int = N) -> list[bytes]:
    return [f"{prefix}{number}".encode() for number in range(count)]


def test_every_value_comes_out_once_and_in_order(kafka: str, topics: str) -> None:
    async def scenario() -> list[Record]:
        await produce(kafka, f"{topics}in", values("a"))
        async with opened(kafka, topics, Tally(topics)) as partition:
            records = await read(kafka, f"{topics}in")
            for start in range(0, N, 7):
                partition.offer(records[start : start + 7])
            await until(lambda: partition.backlog == 0)
        return await read(kafka, f"{topics}out")

    assert [record.value for record in asyncio.run(scenario())] == values("a")


def test_an_endless_backlog_is_committed(kafka: str, topics: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The buffer is never empty, and no transaction is ever full."""
    monkeypatch.setattr("router.stream.engine.checkpoint.MAX_LINGER_S", 0.0)
    monkeypatch.setattr("router.stream.engine.poison_isolation.BATCH_RECORDS", 1 << 60)

    class Endless(Tally):
        """Another record arrives with every record that it processes."""

        def process(self, records: Sequence[Record], writer: Writer, poisoned: set[int]) -> Counted:
            self.partition.offer([msgspec.structs.replace(records[-1], offset=records[-1].offset + 1)])
            return super().process(records, writer, poisoned)

    async def scenario() -> None:
        await produce(kafka, f"{topics}in", [b"first"])
        processor = Endless(topics)
        async with opened(kafka, topics, processor) as processor.partition:
            processor.partition.offer(await read(kafka, f"{topics}in"))
            await until(lambda: (processor.partition.position or 0) > 0)

    asyncio.run(scenario())


def test_records_fetched_twice_are_processed_once(kafka: str, topics: str) -> None:
    async def scenario() -> list[Record]:
        await produce(kafka, f"{topics}in", values("a", 20))
        records = await read(kafka, f"{topics}in")
        processor = Tally(topics)
        async with opened(kafka, topics, processor) as partition:
            partition.offer(records[:15])
            partition.offer(records[5:])  # after a seek back
            await until(lambda: partition.backlog == 0)
        return await read(kafka, f"{topics}out")

    assert [record.value for record in asyncio.run(scenario())] == values("a", 20)


def test_a_poison_record_stops_neither_its_batch_nor_its_partition(kafka: str, topics: str) -> None:
    async def scenario() -> tuple[list[Record], Tally]:
        await produce(kafka, f"{topics}in", values("a", 20))
        processor = Tally(topics, fails_at=b"a7")
        async with opened(kafka, topics, processor) as partition:
            partition.offer(await read(kafka, f"{topics}in"))
            await until(lambda: partition.backlog == 0)
        return await read(kafka, f"{topics}out"), processor

    out, processor = asyncio.run(scenario())
    assert [record.value for record in out] == values("a", 20)
    assert [record.value for record in out if record.key == b"dead"] == [b"a7"]
    assert processor.opened == 2, "the state was rebuilt after the failure"


def test_a_batch_larger_than_a_record_batch_is_written_whole(kafka: str, topics: str) -> None:
    """aiokafka silently drops records that do not fit into a batch; the writer must not."""
    big = [bytes([65 + number % 26]) * 90_000 + str(number).encode() for number in range(40)]

    async def scenario() -> list[Record]:
        await produce(kafka, f"{topics}in", big)
        async with opened(kafka, topics, Tally(topics)) as partition:
            partition.offer(await read(kafka, f"{topics}in"))
            await until(lambda: partition.backlog == 0)
        return await read(kafka, f"{topics}out")

    assert [record.value for record in asyncio.run(scenario())] == big


@pytest.mark.parametrize("bad", [0, 7, 19])
def test_a_failing_batch_is_halved_until_the_bad_record_is_found(kafka: str, topics: str, bad: int) -> None:
    """The processor cannot name the record: it fails for the whole batch."""

    async def scenario() -> list[Record]:
        await produce(kafka, f"{topics}in", values("a", 20))
        processor = Tally(topics, fails_at=b"a%d" % bad, failure=ValueError)
        async with opened(kafka, topics, processor) as partition:
            partition.offer(await read(kafka, f"{topics}in"))
            await until(lambda: partition.backlog == 0)
        return await read(kafka, f"{topics}out")

    out = asyncio.run(scenario())
    assert [record.value for record in out] == values("a", 20)
    assert [record.value for record in out if record.key == b"dead"] == [b"a%d" % bad]


def test_a_record_whose_output_kafka_rejects_is_found(kafka: str, topics: str) -> None:
    """The output for one record is larger than the limit of its topic."""
    huge = b"h" * 600_000

    class Growing(Tally):
        def process(self, records: Sequence[Record], writer: Writer, poisoned: set[int]) -> Counted:
            for record in records:
                grown = b"" if record.offset in poisoned or record.value != huge else huge
                writer.add(
                    self.out, 0, b"dead" if record.offset in poisoned else b"alive", record.value[:10] + grown * 2
                )
            return lambda: None

    async def scenario() -> list[Record]:
        await produce(kafka, f"{topics}in", [*values("a", 10), huge, *values("b", 10)])
        async with opened(kafka, topics, Growing(topics)) as partition:
            partition.offer(await read(kafka, f"{topics}in"))
            await until(lambda: partition.backlog == 0)
        return await read(kafka, f"{topics}out")

    out = asyncio.run(scenario())
    assert [record.value for record in out] == [*values("a", 10), huge[:10], *values("b", 10)]
    assert [record.value for record in out if record.key == b"dead"] == [huge[:10]]


def test_a_failure_during_a_commit_loses_and_duplicates_nothing(kafka: str, topics: str) -> None:
    """Records are folded while the transaction before them commits; here folding fails repeatedly."""
    bad = {b"a%d" % number for number in range(50, N, 50)}

    class Failing(Tally):
        def process(self, records: Sequence[Record], writer: Writer, poisoned: set[int]) -> Counted:
            for record in records:
                if record.value in bad and record.offset not in poisoned:
                    raise PoisonError(record.offset)
            return super().process(records, writer, poisoned)

    async def scenario() -> tuple[list[Record], Failing]:
        await produce(kafka, f"{topics}in", values("a"))
        records, processor = await read(kafka, f"{topics}in"), Failing(topics)
        async with opened(kafka, topics, processor) as partition:
            for start in range(0, N, 5):
                partition.offer(records[start : start + 5])
                await asyncio.sleep(0)
            await until(lambda: partition.backlog == 0)
        return await read(kafka, f"{topics}out"), processor

    out, processor = asyncio.run(scenario())
    assert [record.value for record in out] == values("a")
    assert {record.value for record in out if record.key == b"dead"} == bad
    assert processor.opened == 1 + len(bad)


def test_a_restore_waits_for_an_open_foreign_transaction(kafka: str, topics: str) -> None:
    """Otherwise committed state would be missing, and its reports would open second cases."""
    changelog = TopicPartition(f"{topics}changelog", 0)

    async def scenario() -> tuple[bool, list[bytes]]:
        foreign = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=f"{topics}foreign")
        await foreign.start()
        await foreign.begin_transaction()
        await foreign.send_and_wait(changelog.topic, b"?", key=b"?")
        async with AIOKafkaProducer(bootstrap_servers=kafka, acks="all") as producer:
            for value in values("a", 3):
                await producer.send_and_wait(changelog.topic, value, key=b"a", partition=changelog.partition)
        logs = ChangelogReader(kafka, f"{topics}group")
        restoring = asyncio.create_task(logs.latest(changelog))
        done, _ = await asyncio.wait([restoring], timeout=1.0)
        await foreign.abort_transaction()
        await foreign.stop()
        restored = list((await restoring).values())
        await logs.close()
        return bool(done), restored

    early, restored = asyncio.run(scenario())
    assert not early
    assert restored[-1] == b"a2"


def test_a_position_beyond_the_end_of_the_log_is_an_error(kafka: str, topics: str) -> None:
    source = TopicPartition(f"{topics}in", 0)

    async def scenario() -> None:
        await produce(kafka, source.topic, values("a", 5))
        async with AIOKafkaConsumer(
            bootstrap_servers=kafka, group_id=f"{topics}group", enable_auto_commit=False
        ) as consumer:
            consumer.assign([source])
            await consumer.commit({source: 9})
        logs = ChangelogReader(kafka, f"{topics}group")
        with pytest.raises(BeyondEndError, match="position 9, end 5"):
            await logs.position(source)
        await logs.close()

    asyncio.run(scenario())


def test_an_isolation_that_does_not_help_counts_as_a_failure_and_backs_off(kafka: str, topics: str) -> None:
    """The dead letter of the record does not fit its topic, so the partition stands; the watchdog must see that."""

    async def scenario() -> tuple[bool, int, float]:
        await produce(kafka, f"{topics}in", values("a", 8))
        tally = Tally(topics, fails_at=b"a3", dead_letter=bytes(2 << 20))
        async with opened(kafka, topics, tally) as partition:
            partition.offer(await read(kafka, f"{topics}in"))
            await until(lambda: partition._task.progress.failures >= 3)
            return partition._task.progress.failing, tally.opened, partition.uncommitted_seconds

    failing, opened_times, uncommitted = asyncio.run(scenario())
    assert failing
    assert opened_times < 20, "it backs off"
    assert uncommitted > 0
