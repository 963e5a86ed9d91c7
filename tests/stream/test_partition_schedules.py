"""The committed position never passes an unprocessed record: random schedules of failures and owners on a real broker.

A stream task has two input partitions. Each processor fails at random: poison, a batch that fails before or after its outputs, not ready. Its owners close at random
moments, also during a transaction. Some get the partitions back with their states, some continue as zombies. Records are offered
in random portions, some twice.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from random import Random

import pytest
from aiokafka import TopicPartition

from router.kafka.record_batches import Writer
from router.stream.engine import failure_policy, source_partition
from router.stream.engine import poison_isolation as isolation
from router.stream.engine.changelog_reader import ChangelogReader
from router.stream.engine.processor import Counted, NotReadyError, PoisonError, Record
from router.stream.engine.source_partition import SourcePartition
from router.stream.engine.stored_offset import pop_stored_offset
from router.stream.engine.stream_task import Owned, StreamTask
from router.wire.stored_offsets import StoredOffset
from tests.stream.test_partition import Tally, opened_task, produce, read, values
from tests.support.patience import PATIENCE_S
from tests.support.topics import create_topics

pytestmark = pytest.mark.broker

N = 150
OWNERS = 4


COUNT = b"count"


class Erratic(Tally):
    """Fails at random; some records are poison. Writes every record, also a second time.

    Its state is the number of processed records, and it numbers its outputs by that, so a state that does not match the position
    shows.
    """

    def __init__(self, namespace: str, random: Random, often: float) -> None:
        super().__init__(namespace)
        self._random, self._often = random, often
        self.count = 0

    async def open(self, logs: ChangelogReader, source: TopicPartition) -> StoredOffset | None:
        self.count = 0
        changelog = TopicPartition(self.changelog, source.partition)
        latest = await logs.latest(changelog)
        self.count = int(latest.get(COUNT, b"0"))
        return pop_stored_offset(latest, changelog)

    def process(self, records: Sequence[Record], writer: Writer, poisoned: set[int]) -> Counted:
        for record in records:
            if record.offset % 37 == 5 and record.offset not in poisoned:
                raise PoisonError(record.offset)
        draw = self._random.random()
        if draw < self._often:
            raise NotReadyError("of the rule set")
        if draw < 2 * self._often:
            raise ValueError("before anything was written")
        for record in records:
            writer.add(self.out, 0, b"%d" % self.count, record.value)
            self.count += 1
        writer.add(self.changelog, 0, COUNT, b"%d" % self.count)
        if draw < 3 * self._often:
            raise ValueError("after everything was written")
        return lambda: None


async def offer(partition: SourcePartition, records: Sequence[Record], random: Random) -> None:
    """In portions, some of them twice, as after a seek back."""
    at = 0
    while at < len(records):
        size = random.randint(1, 40)
        begin = max(0, at - random.choice([0, 0, 0, 15]))
        partition.offer(records[begin : at + size])
        at += size
        await asyncio.sleep(random.choice([0, 0, 0.01, 0.05]))


def offer_all(
    task: StreamTask, records: Sequence[Sequence[Record]], positions: Sequence[int], random: Random
) -> "asyncio.Future[list[None]]":
    """Offer each partition its records: the committed ones again, or from its position on."""
    begins = [random.choice([0, position]) for position in positions]
    return asyncio.gather(
        *(offer(one, all_[begin:], random) for one, all_, begin in zip(task.partitions, records, begins, strict=True))
    )


async def process_all(task: StreamTask, records: Sequence[Sequence[Record]]) -> None:
    """Offer every record, and wait until all are committed."""
    for partition, all_ in zip(task.partitions, records, strict=True):
        partition.offer(all_)
    async with asyncio.timeout(PATIENCE_S):
        while any(partition.backlog for partition in task.partitions):
            await asyncio.sleep(0.01)


def some_kept(closed: StreamTask, new: Owned, random: Random) -> Owned:
    """Some partitions come back with the state that the last owner still has."""
    kept = {one.source: (one.processor, one.state_offset) for one in closed.partitions}
    return {
        source: kept[source] if kept[source][1] is not None and random.random() < 0.5 else fresh
        for source, fresh in new.items()
    }


async def check(kafka: str, prefix: str, sent: Sequence[bytes]) -> int:
    """Assert that everything below the stored offset is written, and nothing twice; the stored offset."""
    logs, changelog = ChangelogReader(kafka, f"{prefix}group"), TopicPartition(f"{prefix}changelog", 0)
    stored = pop_stored_offset(await logs.latest(changelog), changelog)
    position = 0 if stored is None else stored.offset
    await logs.close()
    out = await read(kafka, f"{prefix}out")
    written = Counter(record.value for record in out)
    assert [record.key for record in out] == [b"%d" % number for number in range(len(out))], (
        "the state does not match the position"
    )
    assert [value for value in sent[:position] if value not in written] == [], "below the position and not written"
    assert [value for value, times in written.items() if times > 1] == [], "written twice"
    return position


@pytest.fixture(params=[None, 4, 12], ids=["as shipped", "full at 4", "full at 12"])
def often(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> float:
    """The probability of each of three failures per batch.

    With small transactions that are folded in two turns, a full one waits while another commits.
    """
    quick = {NotReadyError: (0.05,), Exception: (0.02,)}
    policy = {k: replace(one, backoff_s=quick.get(k, one.backoff_s)) for k, one in failure_policy.RECOVERIES.items()}
    monkeypatch.setattr(failure_policy, "RECOVERIES", policy)
    if request.param is None:
        return 0.1
    monkeypatch.setattr(isolation, "BATCH_RECORDS", request.param)
    monkeypatch.setattr(source_partition, "FOLD_CHUNK_RECORDS", request.param // 2)
    return 0.03


@pytest.fixture
def prefixes(kafka: str, namespace: str) -> Sequence[str]:
    """Prefixes of the topics of two input partitions: an input, a changelog and an output topic each."""
    prefixes = [f"{namespace}{network}." for network in "ab"]
    names = [f"{prefix}{name}" for prefix in prefixes for name in ("in", "out", "changelog")]
    asyncio.run(create_topics(kafka, *names))
    return prefixes


@pytest.mark.parametrize("seed", range(3))
def test_a_position_never_passes_an_unprocessed_record(
    kafka: str, namespace: str, prefixes: Sequence[str], often: float, seed: int
) -> None:
    random, sent = Random(seed), values("a", N)
    sources = [TopicPartition(f"{prefix}in", 0) for prefix in prefixes]

    def new() -> Owned:
        return {one: (Erratic(prefix, random, often), None) for one, prefix in zip(sources, prefixes, strict=True)}

    async def checked() -> list[int]:
        return [await check(kafka, prefix, sent) for prefix in prefixes]

    async def owners(records: Sequence[Sequence[Record]]) -> list[list[int]]:
        """The positions while one owner follows another; some stay as zombies."""
        positions, owned = [[0, 0]], new()
        async with AsyncExitStack() as zombies:
            for _ in range(OWNERS):
                zombie = random.random() < 0.3
                async with AsyncExitStack() as own:
                    task = await (zombies if zombie else own).enter_async_context(opened_task(kafka, namespace, owned))
                    offering = offer_all(task, records, positions[-1], random)
                    await asyncio.sleep(random.choice([0, 0.05, 0.2, 0.5, 1.0]))
                    positions.append(await checked())
                    offering.cancel()
                owned = new() if zombie else some_kept(task, new(), random)
        return positions

    async def scenario() -> list[list[int]]:
        for source in sources:
            await produce(kafka, source.topic, sent)
        records = [await read(kafka, source.topic) for source in sources]
        positions = await owners(records)
        async with opened_task(kafka, namespace, new()) as last:
            await process_all(last, records)
        async with asyncio.timeout(PATIENCE_S):
            # the broker answers a commit before the markers are written; the positions are visible only then
            while positions[-1] != [N, N]:
                positions.append(await checked())
        return positions

    positions = asyncio.run(scenario())
    for each in zip(*positions, strict=True):
        assert list(each) == sorted(each)
