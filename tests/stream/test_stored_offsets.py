"""Reading continues at the offset stored beside the state, whatever the group coordinator returns."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from prometheus_client import CollectorRegistry

from router.stream.engine.changelog_reader import ChangelogReader
from router.stream.engine.processor import Record, UnreadableStateError
from router.stream.engine.status import StreamTaskStatus
from router.stream.engine.stored_offset import pop_stored_offset
from router.stream.faust_adapter.app import HEARTBEAT_SECONDS, app_of
from router.stream.faust_adapter.offset_reporter import GroupOffsetReporter
from router.stream.faust_adapter.transport import BatchApp
from router.wire.metrics import Metrics
from router.wire.settings import Settings
from router.wire.stored_offsets import STORED_OFFSET_KEY, StoredOffset, encode_stored_offset
from router.wire.topic_names import Names
from tests.stream.test_partition import Tally, opened, opened_task, produce, read, topics, until, values
from tests.support.patience import PATIENCE_S

__all__ = ["topics"]

pytestmark = pytest.mark.broker

N = 60
HEARTBEATS_S = 3 * HEARTBEAT_SECONDS
"""With a heartbeat every member hears of a rebalance."""


@asynccontextmanager
async def working(kafka: str, namespace: str, home: Path) -> AsyncIterator[BatchApp]:
    """A worker with the small processor and a real consumer."""
    settings = Settings(kafka=kafka, home=home, namespace=namespace, metrics_port=0)
    app = app_of({f"{namespace}in": lambda: Tally(namespace)}, settings, kafka, Metrics(CollectorRegistry()))
    await app.start()
    try:
        yield app
    finally:
        await app.stop()
        await app.assignment.close(5.0)


async def written(kafka: str, namespace: str, count: int) -> list[bytes]:
    """The values that came out, once there are `count`; if that never happens, those that did."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        out = [record.value for record in await read(kafka, f"{namespace}out")]
        if len(out) >= count or time.monotonic() > deadline:
            return out
        await asyncio.sleep(0.1)


def group_of(kafka: str, namespace: str) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(bootstrap_servers=kafka, group_id=Names(namespace).group, enable_auto_commit=False)


async def commit_to_group(kafka: str, namespace: str, position: int) -> None:
    """Commit this offset in the group, which must be empty."""
    source = TopicPartition(f"{namespace}in", 0)
    async with group_of(kafka, namespace) as consumer:
        consumer.assign([source])
        await consumer.commit({source: position})


async def committed_in_group(kafka: str, namespace: str) -> int | None:
    async with group_of(kafka, namespace) as consumer:
        return await consumer.committed(TopicPartition(f"{namespace}in", 0))  # type: ignore[no-any-return]


@pytest.mark.parametrize("wrong", [0, 10, N + 10, 2 * N])
def test_a_wrong_group_offset_loses_and_duplicates_nothing(kafka: str, topics: str, tmp_path: Path, wrong: int) -> None:
    async def scenario() -> list[bytes]:
        await produce(kafka, f"{topics}in", values("a", N))
        async with working(kafka, topics, tmp_path):
            assert await written(kafka, topics, N) == values("a", N)
        await produce(kafka, f"{topics}in", values("b", N))
        await commit_to_group(kafka, topics, wrong)
        async with working(kafka, topics, tmp_path):
            await written(kafka, topics, 2 * N)
            await produce(kafka, f"{topics}in", values("c", N))
            return await written(kafka, topics, 3 * N)

    assert asyncio.run(scenario()) == [*values("a", N), *values("b", N), *values("c", N)]


def test_positions_are_committed_to_the_group_for_monitoring(kafka: str, topics: str, tmp_path: Path) -> None:
    async def scenario() -> tuple[int | None, int | None]:
        await produce(kafka, f"{topics}in", values("a", N))
        async with working(kafka, topics, tmp_path) as app:
            await written(kafka, topics, N)
            await until(lambda: [one.position for one in app.assignment] == [N])
            before = await committed_in_group(kafka, topics)
            await GroupOffsetReporter(app).report()
            return before, await committed_in_group(kafka, topics)

    assert asyncio.run(scenario()) == (None, N)


def test_committing_group_offsets_does_not_trigger_a_rebalance(kafka: str, topics: str, tmp_path: Path) -> None:
    """A commit that the coordinator reads after a JoinGroup has an old generation, and its sender would rejoin."""
    stop = asyncio.Event()

    async def committing(app: BatchApp) -> None:
        while not stop.is_set():
            await GroupOffsetReporter(app).report()  # a new reporter commits every position
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
            work = [asyncio.create_task(committing(staying)), asyncio.create_task(sending(sent))]
            for _ in range(3):
                async with working(kafka, topics, tmp_path / "two") as visiting:
                    commits = asyncio.create_task(committing(visiting))
                    await until(lambda: visiting.consumer_generation_id > 0 and not visiting.rebalancing)
                    await asyncio.sleep(HEARTBEATS_S)  # a storm would go on
                    commits.cancel()
                await asyncio.sleep(HEARTBEATS_S)
            stop.set()
            await asyncio.gather(*work)
            out = await written(kafka, topics, len(sent))
            return staying.consumer_generation_id, out, sent

    generation, out, sent = asyncio.run(scenario())
    assert generation <= 7, "one, and two for each member that came and went"
    assert out == sent


def test_a_group_without_a_stored_offset_continues_at_its_group_offset(kafka: str, topics: str) -> None:
    async def scenario() -> list[bytes]:
        await produce(kafka, f"{topics}in", values("a", N))
        source = TopicPartition(f"{topics}in", 0)
        async with AIOKafkaConsumer(
            bootstrap_servers=kafka, group_id=f"{topics}group", enable_auto_commit=False
        ) as consumer:
            consumer.assign([source])
            await consumer.commit({source: 20})
        async with opened(kafka, topics, Tally(topics)) as partition:
            await until(lambda: partition.session.seek_target == 20)
            partition.offer(await read(kafka, source.topic))
            await until(lambda: partition.backlog == 0 and partition.position == N)
        return [record.value for record in await read(kafka, f"{topics}out")]

    assert asyncio.run(scenario()) == values("a", N)[20:]


def test_a_partition_that_returns_is_restored_only_if_another_had_it(kafka: str, topics: str) -> None:
    async def have(
        processor: Tally, state_offset: StoredOffset | None, records: Sequence[Record]
    ) -> StoredOffset | None:
        async with opened(kafka, topics, processor, state_offset) as partition:
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


def test_folded_records_are_committed_when_a_partition_is_revoked(kafka: str, topics: str) -> None:
    async def scenario() -> tuple[StoredOffset | None, list[Record]]:
        await produce(kafka, f"{topics}in", values("a", N))
        records = await read(kafka, f"{topics}in")
        source = TopicPartition(f"{topics}in", 0)
        async with opened_task(kafka, topics, {source: (Tally(topics), None)}) as task:
            (partition,) = task.partitions
            await until(lambda: partition.status is StreamTaskStatus.RUNNING)
            partition.offer(records[:30])
            async with asyncio.timeout(PATIENCE_S):
                while task._state.pipeline is None or not task._state.pipeline.busy:
                    await asyncio.sleep(0)
                partition.offer(records[30:])
                while len(partition._buffer):
                    await asyncio.sleep(0)
        return partition.state_offset, await read(kafka, f"{topics}out")

    state_offset, out = asyncio.run(scenario())
    assert state_offset is not None
    assert state_offset.offset == N
    assert [record.value for record in out] == values("a", N)


class RestoredAt(Tally):
    """Finds these offsets beside its state, one per opening."""

    def __init__(self, namespace: str, positions: Sequence[int]) -> None:
        super().__init__(namespace, fails_at=b"a3", failure=RuntimeError)
        self._positions = list(positions)

    async def open(self, logs: ChangelogReader, source: TopicPartition) -> StoredOffset | None:
        await super().open(logs, source)
        return StoredOffset(offset=self._positions.pop(0) if len(self._positions) > 1 else self._positions[0])


def test_a_state_that_went_back_is_fetched_for_again(kafka: str, topics: str) -> None:
    """The changelog was truncated while the partition ran: the buffered records do not continue the position."""

    async def scenario() -> None:
        await produce(kafka, f"{topics}in", values("a", N))
        records = await read(kafka, f"{topics}in")
        async with opened(kafka, topics, RestoredAt(topics, [2, 1])) as partition:
            await until(lambda: partition.session.seek_target == 2)
            first = partition.session.session_id
            partition.session.on_seek(2)
            partition.offer(records[3:])  # fails
            await until(lambda: partition.session.seek_target == 1)
            assert partition.session.session_id not in {first, None}
            assert partition.backlog == 0

    asyncio.run(scenario())


def test_a_partition_assigned_again_is_fetched_after_its_buffer(kafka: str, topics: str) -> None:
    async def scenario() -> None:
        await produce(kafka, f"{topics}in", values("a", N))
        async with opened(kafka, topics, Tally(topics)) as partition:
            await until(lambda: partition.session.seek_target == 0)
            partition.session.on_seek(0)
            partition.offer((await read(kafka, f"{topics}in"))[:7])
            before = partition.session.session_id
            partition.restart_session()
            assert partition.session.seek_target == 7
            assert partition.session.session_id != before

    asyncio.run(scenario())


def test_a_stored_offset_is_found_before_aborted_records(kafka: str, topics: str) -> None:
    """A changelog may end in hundreds of aborted records and markers, or in foreign records."""
    changelog = TopicPartition(f"{topics}changelog", 0)

    async def scenario() -> StoredOffset | None:
        async with AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=f"{topics}id") as producer:
            async with producer.transaction():
                await producer.send(
                    changelog.topic, key=STORED_OFFSET_KEY, value=encode_stored_offset(StoredOffset(offset=41))[1]
                )
            await producer.begin_transaction()
            for number in range(300):
                await producer.send(
                    changelog.topic, key=STORED_OFFSET_KEY, value=encode_stored_offset(StoredOffset(offset=number))[1]
                )
            await producer.flush()
            await producer.abort_transaction()
            async with producer.transaction():
                await producer.send(changelog.topic, key=b"foreign", value=b"{}")
        logs = ChangelogReader(kafka, f"{topics}group")
        try:
            return pop_stored_offset(await logs.newest(changelog, STORED_OFFSET_KEY), changelog)
        finally:
            await logs.close()

    assert asyncio.run(scenario()) == StoredOffset(offset=41)


@pytest.mark.parametrize("value", [b"", b"{}", b'{"offset":"7"}', b"\xff", b"[" * 100_000])
def test_an_unreadable_stored_offset_stops_its_partition_with_a_sentence(value: bytes) -> None:
    with pytest.raises(UnreadableStateError, match=r"^grid\.offsets/3: the stored offset cannot be read"):
        pop_stored_offset({STORED_OFFSET_KEY: value}, TopicPartition("grid.offsets", 3))
