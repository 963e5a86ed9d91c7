"""Topics that are deleted and made again, cut and grown while workers run or are away: nothing is skipped in silence."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.records_to_delete import RecordsToDelete
from prometheus_client import CollectorRegistry

from router.kafka.cluster_metadata import describe_topics, epoch_end
from router.kafka.consumers import LazyConsumer
from router.kafka.record_batches import Writer
from router.stream.engine.changelog_reader import ChangelogReader, replaced
from router.stream.engine.log_position import BeyondEndError
from router.stream.engine.processor import Processor
from router.stream.engine.state_copy import StateCopy
from router.stream.engine.stored_offset import StoredOffsets
from router.stream.faust_adapter.app import app_of
from router.stream.faust_adapter.transport import BatchApp
from router.stream.health.broker_probe import Probe
from router.stream.health.log_watch import LogWatch
from router.stream.health.observations import HealthMonitor
from router.wire.metrics import Metrics
from router.wire.offset_signing import NO_KEYS
from router.wire.settings import Settings
from router.wire.stored_offsets import StoredOffset, encode_stored_offset
from router.wire.topic_names import Names
from tests.stream.test_partition import Tally, produce, read, topics, values
from tests.stream.test_stored_offsets import written
from tests.support.patience import PATIENCE_S
from tests.support.topics import set_config

__all__ = ["topics"]

pytestmark = pytest.mark.broker

N = 30


class Worker:
    """A worker with the small processor, and what watches its logs."""

    def __init__(self, app: BatchApp, kafka: str, metrics: Metrics, namespace: str) -> None:
        self.app, self.metrics = app, metrics
        self.monitor = HealthMonitor(app.assignment, lambda: app.assignment.generation, lambda: app.rebalancing)
        self.probe = Probe(kafka)
        self.watch = LogWatch(app, self.probe, self.monitor, metrics, Names(namespace).is_input)

    def counted(self, topic: str, change: str) -> float:
        return self.metrics.log_changes.labels(topic, change)._value.get()  # type: ignore[no-any-return]

    async def until(self, condition: Callable[[], Awaitable[bool] | bool]) -> None:
        """Look at the logs until the condition holds."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                await self.watch.look()
                held = condition()
                if held if isinstance(held, bool) else await held:
                    return
                await asyncio.sleep(0.1)


@asynccontextmanager
async def working(
    kafka: str, namespace: str, home: Path, processor: Callable[[], Processor] | None = None
) -> AsyncIterator[Worker]:
    settings = Settings(kafka=kafka, home=home, namespace=namespace, metrics_port=0)
    metrics = Metrics(CollectorRegistry())
    app = app_of({f"{namespace}in": processor or (lambda: Tally(namespace))}, settings, kafka, metrics)
    await app.start()
    worker = Worker(app, kafka, metrics, namespace)
    try:
        yield worker
    finally:
        await worker.probe.close()
        await app.stop()
        await app.assignment.close(5.0)


@asynccontextmanager
async def admin(kafka: str) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def make_again(kafka: str, topic: str, partitions: int = 1) -> None:
    """Delete a topic, create it as soon as the name is free, and wait until the broker knows the new one."""
    before, _ = await described(kafka, topic)
    async with admin(kafka) as client, asyncio.timeout(PATIENCE_S):
        await client.delete_topics([topic])
        while (await client.create_topics([NewTopic(topic, partitions, 1)])).topic_errors[0][1]:
            await asyncio.sleep(0.05)
        while (await described(kafka, topic))[0] in {before, ""}:
            await asyncio.sleep(0.05)


async def described(kafka: str, topic: str) -> tuple[str, dict[int, int]]:
    client = LazyConsumer(kafka)
    try:
        found = (await describe_topics(await client.connected(), [topic])).get(topic)
        return ("", {}) if found is None else (found.topic_id, dict(found.leader_epochs))
    finally:
        await client.close()


def test_a_topic_made_again_has_another_id(kafka: str, topics: str) -> None:
    async def scenario() -> list[tuple[str, dict[int, int]]]:
        first = await described(kafka, f"{topics}in")
        await make_again(kafka, f"{topics}in", partitions=3)
        return [first, await described(kafka, f"{topics}in")]

    (first, epochs), (second, more) = asyncio.run(scenario())
    assert len(first) == len(second) == 22
    assert first != second
    assert list(epochs) == [0]
    assert sorted(more) == [0, 1, 2]


def test_a_topic_that_does_not_exist_is_not_described(kafka: str, topics: str) -> None:
    async def scenario() -> set[str]:
        client = LazyConsumer(kafka)
        found = await describe_topics(await client.connected(), [f"{topics}in", f"{topics}none"])
        every = await describe_topics(await client.connected())
        await client.close()
        assert found.keys() <= every.keys()
        return set(found)

    assert asyncio.run(scenario()) == {f"{topics}in"}


def test_the_end_of_a_leader_epoch(kafka: str, topics: str) -> None:
    """One broker that did not fail has one epoch, which ends at the end of the log."""

    async def scenario() -> list[int | None]:
        await produce(kafka, f"{topics}in", values("a", N))
        source = TopicPartition(f"{topics}in", 0)
        _, epochs = await described(kafka, source.topic)
        client = LazyConsumer(kafka)
        ends = [await epoch_end(await client.connected(), source, epoch) for epoch in (epochs[0], epochs[0] + 7)]
        await client.close()
        return ends

    assert asyncio.run(scenario()) == [N, None]


@pytest.mark.parametrize("fewer", [True, False], ids=["shorter than the position", "longer than the position"])
def test_a_topic_made_again_while_no_worker_runs_is_read_from_its_beginning(
    kafka: str, topics: str, tmp_path: Path, fewer: bool
) -> None:
    """The log that is longer than the position was skipped up to it, in silence."""
    after = values("b", N // 2 if fewer else 2 * N)

    async def scenario() -> tuple[list[bytes], float]:
        await produce(kafka, f"{topics}in", values("a", N))
        async with working(kafka, topics, tmp_path):
            await written(kafka, topics, N)
        await make_again(kafka, f"{topics}in")
        await produce(kafka, f"{topics}in", after)
        async with working(kafka, topics, tmp_path) as worker:
            out = await written(kafka, topics, N + len(after))
            return out, worker.counted(f"{topics}in", "replaced")

    out, counted = asyncio.run(scenario())
    assert out == [*values("a", N), *after]
    assert counted == 1


@pytest.mark.parametrize("count", [N // 2, 2 * N])
def test_a_topic_made_again_while_a_worker_runs_is_noticed_and_read(
    kafka: str, topics: str, tmp_path: Path, count: int
) -> None:
    async def scenario() -> list[bytes]:
        await produce(kafka, f"{topics}in", values("a", N))
        async with working(kafka, topics, tmp_path) as worker:
            await written(kafka, topics, N)
            await make_again(kafka, f"{topics}in")
            await produce(kafka, f"{topics}in", values("b", count))
            await worker.until(lambda: worker.counted(f"{topics}in", "replaced") > 0)
            return await written(kafka, topics, N + count)

    out = asyncio.run(scenario())
    assert sorted(out) == sorted([*values("a", N), *values("b", count)])


class Stateful(Tally):
    """Knows the topic of its changelog, and stores its offset in another one, as the merge stage does."""

    def __init__(self, namespace: str) -> None:
        super().__init__(namespace)
        self.copy = StateCopy(lambda: None, lambda *_: None)

    def changelog_of(self, source: TopicPartition) -> TopicPartition:
        return TopicPartition(self.changelog, source.partition)

    async def open(self, logs: ChangelogReader, source: TopicPartition) -> StoredOffset | None:
        await self.copy.check(logs, self.changelog_of(source))
        await super().open(logs, source)
        return await StoredOffsets(NO_KEYS).read(logs, TopicPartition(self.out, 0))

    async def resume(self, logs: ChangelogReader, source: TopicPartition, position: StoredOffset) -> bool:
        if await replaced(logs, self.changelog_of(source), self.copy.topic_id):
            return False
        stored = await StoredOffsets(NO_KEYS).read(logs, TopicPartition(self.out, 0))
        return stored is not None and stored.same_place(position)

    def store_offset(self, position: StoredOffset, writer: Writer, _: int) -> None:
        writer.add(self.out, 0, *encode_stored_offset(position))


def test_a_changelog_made_again_while_a_partition_runs_is_restored_again(
    kafka: str, topics: str, tmp_path: Path
) -> None:
    """The state in memory belongs to the deleted changelog. It must not be kept, although nothing else has changed."""
    processors: list[Stateful] = []

    def processor() -> Stateful:
        processors.append(Stateful(topics))
        return processors[-1]

    async def scenario() -> list[int]:
        async with working(kafka, topics, tmp_path, processor) as worker:
            await produce(kafka, f"{topics}in", values("a", N))
            await worker.until(lambda: [one.position for one in worker.app.assignment] == [N])
            (before,) = [one.topic_ids[f"{topics}changelog"] for one in worker.app.assignment]
            await make_again(kafka, f"{topics}changelog")
            await worker.until(
                lambda: [one.topic_ids.get(f"{topics}changelog", before) for one in worker.app.assignment] != [before]
            )
            restored = processors[0].opened
            for _ in range(3):
                await worker.watch.look()
                await asyncio.sleep(0.3)
            return [restored, processors[0].opened]

    restored, opened = asyncio.run(scenario())
    assert restored > 1
    assert opened == restored, "not again and again"


def test_a_deleted_topic_is_reported(kafka: str, topics: str, tmp_path: Path) -> None:
    async def scenario() -> tuple[str, ...]:
        await produce(kafka, f"{topics}in", values("a", N))
        async with working(kafka, topics, tmp_path) as worker:
            await written(kafka, topics, N)
            async with admin(kafka) as client:
                await client.delete_topics([f"{topics}in"])
            await worker.until(lambda: bool(worker.monitor.snapshot().findings))
            return worker.monitor.snapshot().findings

    sentence = f"{topics}in: the topic does not exist; `grid-router topics apply` creates it."
    assert asyncio.run(scenario()) == (sentence,)


def test_records_removed_while_a_partition_runs_are_reported(kafka: str, topics: str, tmp_path: Path) -> None:
    """The consumer is behind, and retention removes what it has not read. One fetch holds ten of these records."""
    large = [value + b"." * 200_000 for value in values("b", N)]
    for name in ("out", "changelog"):
        set_config(kafka, f"{topics}{name}", max_message_bytes=str(8 << 20))

    async def scenario() -> tuple[list[bytes], float]:
        await produce(kafka, f"{topics}in", values("a", N))
        source = TopicPartition(f"{topics}in", 0)
        async with working(kafka, topics, tmp_path) as worker:
            await written(kafka, topics, N)
            worker.app.assignment.partitions_with_capacity = lambda _: set()  # type: ignore[method-assign]
            await produce(kafka, source.topic, large)
            async with admin(kafka) as client:
                await client.delete_records({source: RecordsToDelete(before_offset=N + 25)})
            del worker.app.assignment.partitions_with_capacity
            await worker.until(lambda: worker.counted(source.topic, "expired") > 0)
            await worker.until(lambda: [one.position for one in worker.app.assignment] == [2 * N])
            await worker.watch.look()
            return [record.value for record in await read(kafka, f"{topics}out")], worker.counted(
                source.topic, "expired"
            )

    out, counted = asyncio.run(scenario())
    assert counted == 1
    assert out[-5:] == large[25:]
    assert out[:-5] == [*values("a", N), *large[: len(out) - N - 5]]


def test_a_cut_log_is_read_from_the_cut_on_and_never_skipped(kafka: str, topics: str) -> None:
    """The leader epoch of the offset ends before it: an unclean election lost the last records."""
    source = TopicPartition(f"{topics}in", 0)

    async def scenario() -> tuple[int, str | None]:
        await produce(kafka, source.topic, values("a", N))
        topic_id, epochs = await described(kafka, source.topic)
        logs = ChangelogReader(kafka, f"{topics}group")
        try:
            at = await logs.position(
                source, StoredOffset(offset=N + 5, topic_id=topic_id, leader_epoch=epochs[0]), topic_id
            )
            with pytest.raises(BeyondEndError, match=f"position {N + 5}, end {N}"):
                await logs.position(source, StoredOffset(offset=N + 5, topic_id=topic_id), topic_id)
        finally:
            await logs.close()
        return at

    assert asyncio.run(scenario()) == (N, "cut")


def test_a_stored_offset_has_the_leader_epoch_of_its_last_record(kafka: str, topics: str, tmp_path: Path) -> None:
    """So the broker can say where its records end, if an election lost some."""

    async def scenario() -> tuple[StoredOffset | None, int]:
        await produce(kafka, f"{topics}in", values("a", N))
        async with working(kafka, topics, tmp_path) as worker:
            await written(kafka, topics, N)
            await worker.watch.look()
        _, epochs = await described(kafka, f"{topics}in")
        logs = ChangelogReader(kafka, f"{topics}group")
        try:
            return await StoredOffsets(NO_KEYS).read(logs, TopicPartition(f"{topics}changelog", 0)), epochs[0]
        finally:
            await logs.close()

    stored, epoch = asyncio.run(scenario())
    assert stored is not None
    assert (stored.offset, stored.leader_epoch) == (N, epoch)


def test_added_partitions_are_read_without_a_restart(kafka: str, topics: str, tmp_path: Path) -> None:
    """The consumer looks for partitions every five minutes by itself."""

    async def scenario() -> list[bytes]:
        await produce(kafka, f"{topics}in", values("a", N))
        async with working(kafka, topics, tmp_path) as worker:
            await written(kafka, topics, N)
            await worker.watch.look()
            async with admin(kafka) as client:
                for name in ("in", "changelog"):
                    await client.create_partitions({f"{topics}{name}": NewPartitions(total_count=3)})
            async with AIOKafkaProducer(bootstrap_servers=kafka, acks="all") as producer:
                for number, value in enumerate(values("b", N)):
                    await producer.send_and_wait(f"{topics}in", value, partition=number % 3)
            await worker.until(lambda: len(list(worker.app.assignment)) == 3)
            return await written(kafka, topics, 2 * N)

    assert sorted(asyncio.run(scenario())) == sorted([*values("a", N), *values("b", N)])


def test_a_network_without_a_reader_is_reported(kafka: str, topics: str, tmp_path: Path) -> None:
    async def scenario() -> tuple[tuple[str, ...], float]:
        async with admin(kafka) as client:
            await client.create_topics([NewTopic(f"{topics}reports.{name}", 2, 1) for name in ("silent", "new")])
        await produce(kafka, f"{topics}reports.new", values("a", 7))
        async with working(kafka, topics, tmp_path) as worker:
            await worker.until(lambda: bool(worker.monitor.snapshot().findings))
            gauge = worker.metrics.unread_records.labels(f"{topics}reports.new")._value.get()
            return worker.monitor.snapshot().findings, gauge

    findings, records = asyncio.run(scenario())
    assert records == 7
    assert len(findings) == 1
    assert findings[0].startswith(f"{topics}reports.new has 7 records and no worker reads it; publish a rule set")
