"""Whatever the group's coordinator tells, reading goes on at the position that stands beside the state."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from prometheus_client import CollectorRegistry

from router.stream.engine.changelog_reader import ChangelogReader
from router.stream.engine.partition import PartitionStatus
from router.stream.engine.processor import Record, UnreadableStateError
from router.stream.engine.stored_offset import pop_stored_offset
from router.stream.faust_adapter.app import GROUP, app_of
from router.stream.faust_adapter.offset_reporter import GroupOffsetReporter
from router.stream.faust_adapter.transport import BatchApp
from router.wire.metrics import Metrics
from router.wire.settings import Settings
from router.wire.stored_offsets import STORED_OFFSET_KEY, encode_stored_offset
from tests.stream.test_partition import Tally, living, produce, read, topics, until, values

__all__ = ["topics"]

pytestmark = pytest.mark.broker

N = 60


@asynccontextmanager
async def working(kafka: str, namespace: str, home: Path) -> AsyncIterator[BatchApp]:
    """A worker with the toy stage, consumer and all."""
    settings = Settings(kafka=kafka, home=home, namespace=namespace, metrics_port=0)
    app = app_of({f"{namespace}in": lambda: Tally(namespace)}, settings, kafka, Metrics(CollectorRegistry()))
    await app.start()
    try:
        yield app
    finally:
        await app.stop()
        await app.assignment.close(5.0)


async def written(kafka: str, namespace: str, count: int) -> list[bytes]:
    """What came out, once so much has; or what has after a while."""
    found: list[bytes] = []
    for _ in range(100):
        found = [record.value for record in await read(kafka, f"{namespace}out")]
        if len(found) >= count:
            break
        await asyncio.sleep(0.1)
    return found


def group_of(kafka: str, namespace: str) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(bootstrap_servers=kafka, group_id=f"{namespace}{GROUP}", enable_auto_commit=False)


async def pretend(kafka: str, namespace: str, position: int) -> None:
    """Let the coordinator tell this, as soon as the group is empty."""
    source = TopicPartition(f"{namespace}in", 0)
    async with group_of(kafka, namespace) as consumer:
        consumer.assign([source])
        await consumer.commit({source: position})


async def reporter(kafka: str, namespace: str) -> int | None:
    async with group_of(kafka, namespace) as consumer:
        return await consumer.committed(TopicPartition(f"{namespace}in", 0))  # type: ignore[no-any-return]


@pytest.mark.parametrize("falsely", [0, 10, N + 10, 2 * N])
def test_a_coordinator_that_tells_another_position_loses_and_doubles_nothing(
    kafka: str, topics: str, tmp_path: Path, falsely: int
) -> None:
    async def scenario() -> list[bytes]:
        await produce(kafka, f"{topics}in", values("a", N))
        async with working(kafka, topics, tmp_path):
            assert await written(kafka, topics, N) == values("a", N)
        await produce(kafka, f"{topics}in", values("b", N))
        await pretend(kafka, topics, falsely)
        async with working(kafka, topics, tmp_path):
            await written(kafka, topics, 2 * N)
            await produce(kafka, f"{topics}in", values("c", N))
            return await written(kafka, topics, 3 * N)

    assert asyncio.run(scenario()) == [*values("a", N), *values("b", N), *values("c", N)]


def test_the_coordinator_is_told_for_those_who_look(kafka: str, topics: str, tmp_path: Path) -> None:
    async def scenario() -> tuple[int | None, int | None]:
        await produce(kafka, f"{topics}in", values("a", N))
        async with working(kafka, topics, tmp_path) as app:
            await written(kafka, topics, N)
            await until(lambda: [one.position for one in app.assignment] == [N])
            before = await reporter(kafka, topics)
            await GroupOffsetReporter(app).report()
            return before, await reporter(kafka, topics)

    assert asyncio.run(scenario()) == (None, N)


def test_telling_while_members_come_and_go_does_not_set_off_another_sharing(
    kafka: str, topics: str, tmp_path: Path
) -> None:
    """A commit that the coordinator reads behind a JoinGroup is of a generation that is over, and its sender would join anew."""
    stop = asyncio.Event()

    async def telling(app: BatchApp) -> None:
        reporter = GroupOffsetReporter(app)
        while not stop.is_set():
            reporter._told.clear()  # everything is news
            await reporter.report()
            await asyncio.sleep(0.005)

    async def sending(sent: list[bytes]) -> None:
        async with AIOKafkaProducer(bootstrap_servers=kafka, acks="all") as producer:
            while not stop.is_set():
                sent.append(f"a{len(sent)}".encode())
                await producer.send_and_wait(f"{topics}in", sent[-1])
                await asyncio.sleep(0.002)

    async def scenario() -> tuple[int, list[bytes], list[bytes]]:
        sent: list[bytes] = []
        async with working(kafka, topics, tmp_path / "one") as staying:
            work = [asyncio.create_task(telling(staying)), asyncio.create_task(sending(sent))]
            for _ in range(3):
                async with working(kafka, topics, tmp_path / "two") as visiting:
                    tells = asyncio.create_task(telling(visiting))
                    await until(lambda: visiting.consumer_generation_id > 0 and not visiting.rebalancing)
                    await asyncio.sleep(2.5)  # a heartbeat: a storm would go on
                    tells.cancel()
                await asyncio.sleep(2.5)
            stop.set()
            await asyncio.gather(*work)
            out = await written(kafka, topics, len(sent))
            return staying.consumer_generation_id, out, sent

    generation, out, sent = asyncio.run(scenario())
    assert generation <= 7, "one, and two for each that came and went"
    assert out == sent


def test_a_group_from_before_positions_were_noted_goes_on_where_it_stood(kafka: str, topics: str) -> None:
    async def scenario() -> list[bytes]:
        await produce(kafka, f"{topics}in", values("a", N))
        source = TopicPartition(f"{topics}in", 0)
        async with AIOKafkaConsumer(
            bootstrap_servers=kafka, group_id=f"{topics}group", enable_auto_commit=False
        ) as consumer:
            consumer.assign([source])
            await consumer.commit({source: 20})
        async with living(kafka, topics, Tally(topics)) as partition:
            await until(lambda: partition.session.seek_target == 20)
            partition.offer(await read(kafka, source.topic))
            await until(lambda: partition.backlog == 0 and partition.position == N)
        return [record.value for record in await read(kafka, f"{topics}out")]

    assert asyncio.run(scenario()) == values("a", N)[20:]


def test_what_comes_back_is_not_restored_unless_another_had_it(kafka: str, topics: str) -> None:
    async def have(processor: Tally, state_offset: int | None, records: Sequence[Record]) -> int | None:
        async with living(kafka, topics, processor, state_offset) as partition:
            partition.offer(records)
            await until(lambda: partition.position == records[-1].offset + 1)
        return partition.state_offset

    async def scenario() -> list[int]:
        await produce(kafka, f"{topics}in", [*values("a", N), *values("a", N)])
        records = await read(kafka, f"{topics}in")
        processor, other = Tally(topics), Tally(topics)
        state_offset = await have(processor, None, records[:20])
        state_offset = await have(processor, state_offset, records[:40])
        opened = [processor.opened]
        await have(other, None, records[:N])
        await have(processor, state_offset, records)
        return [*opened, processor.opened]

    assert asyncio.run(scenario()) == [1, 2]
    assert [record.value for record in asyncio.run(read(kafka, f"{topics}out"))] == values("a", N)


def test_what_is_folded_when_a_partition_is_let_go_is_committed(kafka: str, topics: str) -> None:
    async def scenario() -> tuple[int | None, list[Record]]:
        await produce(kafka, f"{topics}in", values("a", N))
        records = await read(kafka, f"{topics}in")
        async with living(kafka, topics, Tally(topics)) as partition:
            await until(lambda: partition.status is PartitionStatus.RUNNING)
            partition.offer(records[:30])
            async with asyncio.timeout(30):
                while partition._pipeline is None or not partition._pipeline.busy:
                    await asyncio.sleep(0)
                partition.offer(records[30:])
                while len(partition._buffer):
                    await asyncio.sleep(0)
        return partition.state_offset, await read(kafka, f"{topics}out")

    state_offset, out = asyncio.run(scenario())
    assert state_offset == N
    assert [record.value for record in out] == values("a", N)


class Retold(Tally):
    """Finds these positions beside its state, one an opening."""

    def __init__(self, namespace: str, positions: Sequence[int]) -> None:
        super().__init__(namespace, fails_at=b"a3", failure=RuntimeError)
        self._positions = list(positions)

    async def open(self, logs: ChangelogReader, source: TopicPartition) -> int | None:
        await super().open(logs, source)
        return self._positions.pop(0) if len(self._positions) > 1 else self._positions[0]


def test_a_state_that_went_back_is_read_for_again(kafka: str, topics: str) -> None:
    """The changelog was cut while the partition ran: what is in hand does not follow the position."""

    async def scenario() -> None:
        await produce(kafka, f"{topics}in", values("a", N))
        records = await read(kafka, f"{topics}in")
        async with living(kafka, topics, Retold(topics, [2, 1])) as partition:
            await until(lambda: partition.session.seek_target == 2)
            first = partition.session.session_id
            partition.session.on_seek(2)
            partition.offer(records[3:])  # fails
            await until(lambda: partition.session.seek_target == 1)
            assert partition.session.session_id not in {first, None}
            assert partition.backlog == 0

    asyncio.run(scenario())


def test_whoever_is_assigned_anew_is_read_behind_what_it_has_in_hand(kafka: str, topics: str) -> None:
    async def scenario() -> None:
        await produce(kafka, f"{topics}in", values("a", N))
        async with living(kafka, topics, Tally(topics)) as partition:
            await until(lambda: partition.session.seek_target == 0)
            partition.session.on_seek(0)
            partition.offer((await read(kafka, f"{topics}in"))[:7])
            before = partition.session.session_id
            partition.read_anew()
            assert partition.session.seek_target == 7
            assert partition.session.session_id != before

    asyncio.run(scenario())


def test_a_position_is_found_behind_what_was_rolled_back(kafka: str, topics: str) -> None:
    """The end of a changelog may be hundreds of offsets of aborted transactions and their markers, or a stranger's."""
    changelog = TopicPartition(f"{topics}changelog", 0)

    async def scenario() -> int | None:
        async with AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=f"{topics}id") as producer:
            async with producer.transaction():
                await producer.send(changelog.topic, key=STORED_OFFSET_KEY, value=encode_stored_offset(41)[1])
            await producer.begin_transaction()
            for number in range(300):
                await producer.send(changelog.topic, key=STORED_OFFSET_KEY, value=encode_stored_offset(number)[1])
            await producer.flush()
            await producer.abort_transaction()
            async with producer.transaction():
                await producer.send(changelog.topic, key=b"stranger", value=b"{}")
        logs = ChangelogReader(kafka, f"{topics}group")
        try:
            return pop_stored_offset(await logs.newest(changelog, STORED_OFFSET_KEY), changelog)
        finally:
            await logs.close()

    assert asyncio.run(scenario()) == 41


@pytest.mark.parametrize("value", [b"", b"{}", b'{"offset":"7"}', b"\xff", b"[" * 100_000])
def test_a_position_that_cannot_be_read_stops_its_partition_with_a_sentence(value: bytes) -> None:
    with pytest.raises(UnreadableStateError, match=r"^grid\.positions/3: the noted position cannot be read"):
        pop_stored_offset({STORED_OFFSET_KEY: value}, TopicPartition("grid.offsets", 3))
