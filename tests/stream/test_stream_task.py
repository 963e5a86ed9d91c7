"""A stream task of two input partitions on a real broker: one transaction for both, and what a failure in one does to the other."""

import asyncio
from collections.abc import Sequence

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from prometheus_client import CollectorRegistry

from router.kafka.record_batches import Writer
from router.stream.engine.assignment import AssignedPartitions
from router.stream.engine.changelog_reader import ChangelogReader
from router.stream.engine.processor import Counted, Record
from router.stream.engine.status import StreamTaskStatus
from router.stream.engine.stream_task import StreamTask
from router.wire.metrics import Metrics
from tests.stream.test_partition import Tally, opened_task, produce, read, until, values

pytestmark = pytest.mark.broker


@pytest.fixture
def topics(kafka: str, namespace: str) -> str:
    """Two input topics with a changelog each, and one output topic."""
    names = ("a.in", "b.in", "a.changelog", "b.changelog", "out")

    async def create() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
        await admin.start()
        await admin.create_topics([NewTopic(f"{namespace}{name}", 1, 1) for name in names])
        await admin.close()

    asyncio.run(create())
    return namespace


class Network(Tally):
    """Has a changelog of its own, and shares the output topic."""

    def __init__(
        self, namespace: str, network: str, *, fails_at: bytes | None = None, failure: type[Exception] = ValueError
    ) -> None:
        super().__init__(f"{namespace}{network}.", fails_at=fails_at, failure=failure)
        self.out = f"{namespace}out"


def sources(topics: str) -> tuple[TopicPartition, TopicPartition]:
    return TopicPartition(f"{topics}a.in", 0), TopicPartition(f"{topics}b.in", 0)


async def offer_both(kafka: str, task: StreamTask, first: Sequence[bytes], second: Sequence[bytes]) -> None:
    """Produce to both topics, and offer the records to the stream task."""
    for partition, sent in zip(task.partitions, (first, second), strict=True):
        await produce(kafka, partition.source.topic, sent)
        partition.offer(await read(kafka, partition.source.topic))


async def drained(task: StreamTask) -> None:
    await until(lambda: not any(partition.backlog for partition in task.partitions))


def test_what_waits_in_two_partitions_is_one_transaction(kafka: str, topics: str) -> None:
    async def scenario() -> tuple[float, list[Record]]:
        a, b = sources(topics)
        processors = Network(topics, "a"), Network(topics, "b")
        async with opened_task(kafka, topics, {a: (processors[0], None), b: (processors[1], None)}) as task:
            await until(lambda: task.partitions[0].status is StreamTaskStatus.RUNNING)
            async with task._fold_lock:  # both topics have records before the task folds
                await offer_both(kafka, task, values("a", 20), values("b", 20))
            await drained(task)
            metrics = task._metrics.registry
            committed = metrics.get_sample_value("grid_transaction_seconds_count", {"stage": "toy"})
        assert [one.state_offset and one.state_offset.offset for one in task.partitions] == [20, 20]
        return committed or 0.0, await read(kafka, f"{topics}out")

    transactions, out = asyncio.run(scenario())
    assert transactions == 1
    assert sorted(record.value for record in out) == sorted([*values("a", 20), *values("b", 20)])


@pytest.mark.parametrize("bad", [0, 7])
def test_poison_in_one_partition_costs_the_other_nothing(kafka: str, topics: str, bad: int) -> None:
    """The processor cannot name the record, so its batch is halved; the other partition's records stay sound."""

    async def scenario() -> list[Record]:
        a, b = sources(topics)
        owned = {a: (Network(topics, "a", fails_at=b"a%d" % bad), None), b: (Network(topics, "b"), None)}
        async with opened_task(kafka, topics, owned) as task:
            await offer_both(kafka, task, values("a", 10), values("b", 1))
            await drained(task)
        return await read(kafka, f"{topics}out")

    out = asyncio.run(scenario())
    assert sorted(record.value for record in out) == sorted([*values("a", 10), *values("b", 1)])
    assert [record.value for record in out if record.key == b"dead"] == [b"a%d" % bad]


def test_an_output_that_kafka_rejects_is_found_among_two_partitions(kafka: str, topics: str) -> None:
    """The transaction of both fails. The only record of the other partition must not count as poison."""

    class Growing(Network):
        def process(self, records: Sequence[Record], writer: Writer, poisoned: set[int]) -> Counted:
            for record in records:
                huge = record.value == b"a3" and record.offset not in poisoned
                key = b"dead" if record.offset in poisoned else b"alive"
                writer.add(self.out, 0, key, record.value + b" " * (1_200_000 if huge else 0))
            return lambda: None

    async def scenario() -> list[Record]:
        a, b = sources(topics)
        owned = {a: (Growing(topics, "a"), None), b: (Growing(topics, "b"), None)}
        async with opened_task(kafka, topics, owned) as task:
            await until(lambda: task.partitions[0].status is StreamTaskStatus.RUNNING)
            async with task._fold_lock:
                await offer_both(kafka, task, values("a", 6), values("b", 1))
            await drained(task)
        return await read(kafka, f"{topics}out")

    out = asyncio.run(scenario())
    assert sorted(record.value for record in out) == sorted([*values("a", 6), *values("b", 1)])
    assert [record.value for record in out if record.key == b"dead"] == [b"a3"]


def test_a_second_owner_shuts_out_both_partitions_of_the_first(kafka: str, topics: str) -> None:
    async def scenario() -> list[Record]:
        a, b = sources(topics)

        def owned() -> dict[TopicPartition, tuple[Network, None]]:
            return {a: (Network(topics, "a"), None), b: (Network(topics, "b"), None)}

        async with opened_task(kafka, topics, owned()) as zombie:
            await offer_both(kafka, zombie, values("a", 10), values("b", 10))
            await drained(zombie)
            async with opened_task(kafka, topics, owned()) as owner:
                await until(lambda: owner.partitions[0].status is StreamTaskStatus.RUNNING)
                await offer_both(kafka, owner, values("c", 10), values("d", 10))
                for one in zombie.partitions:
                    one.offer(await read(kafka, one.source.topic))
                await drained(owner)
                await drained(zombie)
        return await read(kafka, f"{topics}out")

    expected = [*values("a", 10), *values("b", 10), *values("c", 10), *values("d", 10)]
    assert sorted(record.value for record in asyncio.run(scenario())) == sorted(expected)


def test_a_task_that_loses_one_partition_goes_on_with_the_other(kafka: str, topics: str) -> None:
    a, b = sources(topics)

    async def scenario() -> list[Record]:
        await produce(kafka, a.topic, values("a", 10))
        await produce(kafka, b.topic, values("b", 10))
        opened: list[Network] = []

        def processor(network: str) -> Network:
            opened.append(Network(topics, network))
            return opened[-1]

        assignment = AssignedPartitions(
            {a.topic: lambda: processor("a"), b.topic: lambda: processor("b")},
            partitions=1,
            logs=ChangelogReader(kafka, f"{topics}group"),
            metrics=Metrics(CollectorRegistry()),
        )

        async def offer(source: TopicPartition) -> None:
            await until(lambda: source in assignment.session_ids())
            assignment.offer(*source, await read(kafka, source.topic), assignment.session_ids()[source])

        await assignment.assigned([a, b], 1)
        await offer(b)
        await until(lambda: [one.position for one in assignment if one.source == b] == [10])
        await assignment.revoked([a])
        assert [one.source for one in assignment] == [b]
        await produce(kafka, b.topic, values("c", 10))
        await offer(b)
        await until(lambda: [one.position for one in assignment] == [20])
        await assignment.assigned([a, b], 2)
        await offer(a)
        await until(lambda: {one.source: one.position for one in assignment} == {a: 10, b: 20})
        await assignment.close(5.0)
        assert [one.opened for one in opened if one.changelog == f"{topics}b.changelog"] == [1], "its state was kept"
        return await read(kafka, f"{topics}out")

    expected = [*values("a", 10), *values("b", 10), *values("c", 10)]
    assert sorted(record.value for record in asyncio.run(scenario())) == sorted(expected)
