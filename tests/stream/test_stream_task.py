"""A stream task of two input partitions on a real broker: one transaction for both, and what a failure in one does to the other."""

import asyncio
from collections.abc import Sequence

import pytest
from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry

from router.kafka.record_batches import Writer
from router.stream.engine.assignment import AssignedPartitions
from router.stream.engine.changelog_reader import ChangelogReader
from router.stream.engine.log_position import StoppedError
from router.stream.engine.processor import Counted, NotReadyError, Record
from router.stream.engine.status import StreamTaskStatus
from router.stream.engine.stream_task import StreamTask
from router.stream.engine.transaction import Transactions
from router.wire.metrics import Metrics
from router.wire.stored_offsets import StoredOffset
from tests.stream.test_partition import Tally, opened_task, produce, read, until, values
from tests.support.topics import create_topics

pytestmark = pytest.mark.broker


@pytest.fixture
def topics(kafka: str, namespace: str) -> str:
    """Two input topics with a changelog each, and one output topic."""
    names = ("a.in", "b.in", "a.changelog", "b.changelog", "out")
    asyncio.run(create_topics(kafka, *(f"{namespace}{name}" for name in names)))
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
        if sent:
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


def test_poison_among_hundreds_of_the_other_network_is_found_in_few_attempts(kafka: str, topics: str) -> None:
    """Halving takes about the binary logarithm of the records. It must not start again with each record of the other network."""

    async def scenario() -> tuple[list[Record], int]:
        a, b = sources(topics)
        bad = Network(topics, "a", fails_at=b"a0")
        async with opened_task(kafka, topics, {a: (bad, None), b: (Network(topics, "b"), None)}) as task:
            await until(lambda: task.partitions[0].status is StreamTaskStatus.RUNNING)
            async with task._fold_lock:
                await offer_both(kafka, task, values("a", 1), values("b", 400))
            await drained(task)
        return await read(kafka, f"{topics}out"), bad.opened

    out, opened = asyncio.run(scenario())
    assert sorted(record.value for record in out) == sorted([*values("a", 1), *values("b", 400)])
    assert [record.value for record in out if record.key == b"dead"] == [b"a0"]
    assert opened <= 4


@pytest.mark.parametrize("order", ["first", "last"])
def test_a_network_that_waits_for_its_rules_does_not_hold_up_the_other(kafka: str, topics: str, order: str) -> None:
    """Its records wait, and are processed when the rules are there; the other network's records are committed meanwhile."""

    class Waiting(Network):
        ready = False

        def process(self, records: Sequence[Record], writer: Writer, poisoned: set[int]) -> Counted:
            if not self.ready:
                raise NotReadyError("rule set x")
            return super().process(records, writer, poisoned)

    async def scenario() -> list[Record]:
        a, b = sources(topics)
        waiting = Waiting(topics, "a")
        pairs = [(a, (waiting, None)), (b, (Network(topics, "b"), None))]
        async with opened_task(kafka, topics, dict(pairs if order == "first" else pairs[::-1])) as task:
            by_topic = {one.source: one for one in task.partitions}
            await produce(kafka, a.topic, values("a", 20))
            by_topic[a].offer(await read(kafka, a.topic))
            await until(lambda: by_topic[a].alone)
            for end in (10, 20):
                await produce(kafka, b.topic, values("b", 20)[end - 10 : end])
                by_topic[b].offer(await read(kafka, b.topic))
                await until(lambda end=end: by_topic[b].position == end)  # type: ignore[misc]
            assert by_topic[a].position == 0
            waiting.ready = True
            await until(lambda: by_topic[a].position == 20)
            assert not by_topic[a].alone
        return await read(kafka, f"{topics}out")

    assert sorted(record.value for record in asyncio.run(scenario())) == sorted([*values("a", 20), *values("b", 20)])


def test_a_record_that_fails_for_ever_does_not_hold_up_the_other_network(kafka: str, topics: str) -> None:
    """Its dead letter does not fit its topic, so isolating it brings nothing."""

    async def scenario() -> list[Record]:
        a, b = sources(topics)
        bad = Network(topics, "a", fails_at=b"a3")
        bad.dead_letter = bytes(2 << 20)
        async with opened_task(kafka, topics, {a: (bad, None), b: (Network(topics, "b"), None)}) as task:
            first, second = task.partitions
            await produce(kafka, a.topic, values("a", 8))
            first.offer(await read(kafka, a.topic))
            await until(lambda: first.hold.seconds > 0)
            for end in range(10, 60, 10):
                await produce(kafka, b.topic, values("b", 60)[end - 10 : end])
                second.offer(await read(kafka, b.topic))
                await until(lambda end=end: second.position == end)  # type: ignore[misc]
            assert (first.position or 0) <= 3
        return await read(kafka, f"{topics}out")

    out = asyncio.run(scenario())
    assert [record.value for record in out if record.value.startswith(b"b")] == values("b", 50)


def test_a_partition_that_stops_while_it_is_searched_for_poison_blocks_no_other(kafka: str, topics: str) -> None:
    class Stopping(Network):
        gone = False

        async def open(self, logs: ChangelogReader, source: TopicPartition) -> StoredOffset | None:
            if self.gone:
                raise StoppedError("its changelog is gone")
            return await super().open(logs, source)

        def process(self, records: Sequence[Record], writer: Writer, poisoned: set[int]) -> Counted:
            self.gone = True
            return super().process(records, writer, poisoned)

    async def scenario() -> list[Record]:
        a, b = sources(topics)
        stopping = Stopping(topics, "a", fails_at=b"a3")
        async with opened_task(kafka, topics, {a: (stopping, None), b: (Network(topics, "b"), None)}) as task:
            first, second = task.partitions
            await offer_both(kafka, task, values("a", 8), [])
            await until(lambda: first.trouble == "its changelog is gone")
            await produce(kafka, b.topic, values("b", 10))
            second.offer(await read(kafka, b.topic))
            await until(lambda: second.position == 10)
            stopping.gone, stopping.fails_at = False, b""
            await until(lambda: not first.trouble)
            assert first.session.seek_target == 0, "what it had buffered is fetched again"
            first.session.on_seek(0)
            first.offer(await read(kafka, a.topic))
            await drained(task)
        return await read(kafka, f"{topics}out")

    out = asyncio.run(scenario())
    assert sorted(record.value for record in out) == sorted([*values("a", 8), *values("b", 10)])


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


@pytest.mark.parametrize("names", [("a",), ("a", "b")])
def test_a_restore_that_kafkas_client_cancels_is_begun_again(kafka: str, topics: str, names: tuple[str, ...]) -> None:
    """A task group counts it as done: the partition then folded committed records again, or was never fetched."""

    class Cancelled(Network):
        async def open(self, logs: ChangelogReader, source: TopicPartition) -> StoredOffset | None:
            if not self.opened:
                self.opened += 1
                raise asyncio.CancelledError
            return await super().open(logs, source)

    async def scenario() -> list[Record]:
        a, b = sources(topics)
        async with opened_task(kafka, topics, {a: (Network(topics, "a"), None)}) as task:
            await produce(kafka, a.topic, values("a", 20))
            task.partitions[0].offer(await read(kafka, a.topic))
            await drained(task)
        owned = {a: (Cancelled(topics, "a"), None), b: (Network(topics, "b"), None)}
        async with opened_task(kafka, topics, {one: owned[one] for one in (a, b)[: len(names)]}) as task:
            await produce(kafka, a.topic, values("c", 5))
            task.partitions[0].offer(await read(kafka, a.topic))
            await until(lambda: task.partitions[0].position == 25)
        return await read(kafka, f"{topics}out")

    assert [record.value for record in asyncio.run(scenario())] == [*values("a", 20), *values("c", 5)]


def test_a_fence_that_kafkas_client_cancels_after_a_failed_restore_is_begun_again(
    kafka: str, topics: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The failed restore cancels its parent within the task group. That must not count as the end of the stream task."""
    fences: list[int] = []
    fence = Transactions.fence

    async def cancelled_once(own: Transactions, *, predecessor: bool) -> None:
        fences.append(len(fences))
        if len(fences) == 2:
            raise asyncio.CancelledError
        await fence(own, predecessor=predecessor)

    class Failing(Network):
        async def open(self, logs: ChangelogReader, source: TopicPartition) -> StoredOffset | None:
            if not self.opened:
                self.opened += 1
                await asyncio.sleep(0.1)  # its parent waits at the end of the task group then
                raise OSError("no broker answers")
            return await super().open(logs, source)

    async def scenario() -> list[Record]:
        a, _ = sources(topics)
        async with opened_task(kafka, topics, {a: (Failing(topics, "a"), None)}) as task:
            await produce(kafka, a.topic, values("a", 5))
            task.partitions[0].offer(await read(kafka, a.topic))
            await drained(task)
        return await read(kafka, f"{topics}out")

    monkeypatch.setattr(Transactions, "fence", cancelled_once)
    assert [record.value for record in asyncio.run(scenario())] == values("a", 5)
    assert len(fences) == 3
