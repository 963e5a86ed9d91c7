"""The assigned partitions of a worker across rebalances, on a real broker."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry

from router.stream.engine.assignment import AssignedPartitions
from router.stream.engine.changelog_reader import ChangelogReader
from router.stream.engine.processor import Record
from router.wire.metrics import Metrics
from tests.stream.test_partition import N, Tally, produce, read, topics, until, values
from tests.support.patience import PATIENCE_S

__all__ = ["topics"]
pytestmark = pytest.mark.broker


class Worker:
    """The partitions of a worker, and the part of its consumer."""

    def __init__(self, kafka: str, namespace: str) -> None:
        self.source, self.processors = (f"{namespace}in", 0), list[Tally]()
        logs = ChangelogReader(kafka, f"{namespace}group")
        self.assignment = AssignedPartitions(
            {self.source[0]: lambda: self._processor(namespace)},
            partitions=1,
            logs=logs,
            metrics=Metrics(CollectorRegistry()),
        )

    def _processor(self, namespace: str) -> Tally:
        self.processors.append(Tally(namespace))
        return self.processors[-1]

    async def assigned(self, generation: int) -> None:
        """Assign and open the partition, and seek."""
        await self.assignment.assigned([self.source], generation)
        await until(lambda: self.source in self.assignment.seek_targets())
        self.assignment.on_seek(*self.source, self.assignment.seek_targets()[self.source])

    def offer(self, records: Sequence[Record]) -> None:
        self.assignment.offer(*self.source, records, self.assignment.session_ids()[self.source])


@asynccontextmanager
async def at_work(kafka: str, namespace: str) -> AsyncIterator[Worker]:
    worker = Worker(kafka, namespace)
    try:
        yield worker
    finally:
        await worker.assignment.close(5.0)


def test_two_rebalances_in_a_row_keep_the_state(kafka: str, topics: str) -> None:
    """The second one revokes nothing and assigns the partition again: its state is the one that the first released."""

    async def scenario() -> None:
        await produce(kafka, f"{topics}in", values("a"))
        records = await read(kafka, f"{topics}in")
        async with at_work(kafka, topics) as worker:
            await worker.assigned(1)
            worker.offer(records)
            await until(lambda: [one.position for one in worker.assignment] == [N])
            await worker.assignment.revoked([worker.source])
            await worker.assignment.revoked([])
            assert list(worker.assignment.positions().values()) == [N]
            await worker.assigned(3)
            assert [processor.opened for processor in worker.processors] == [1]

    asyncio.run(scenario())


def test_capacity_of_the_common_buffer_is_noticed_at_once(
    kafka: str, topics: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("router.stream.engine.assignment.MAX_BUFFERED_BYTES", 1)

    async def scenario() -> None:
        await produce(kafka, f"{topics}in", values("a"))
        records = await read(kafka, f"{topics}in")
        async with at_work(kafka, topics) as worker:
            await worker.assigned(1)
            async with worker.assignment._fold_lock:  # nothing is folded
                worker.offer(records)
                assert worker.assignment.partitions_with_capacity([worker.source]) == set()
                waiting = asyncio.create_task(worker.assignment.wait_for_capacity(600))
                await asyncio.sleep(0)
            async with asyncio.timeout(PATIENCE_S):
                await waiting
            assert worker.assignment.partitions_with_capacity([worker.source]) == {worker.source}

    asyncio.run(scenario())
