"""The committed position never passes an unprocessed record: random schedules of failures and owners on a real broker.

The processor fails at random: poison, a batch that fails before or after its outputs, not ready. Its owners close at random
moments, also during a transaction. Some get the partition back with their state, some continue as zombies. Records are offered
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
from router.stream.engine import failure_policy
from router.stream.engine import partition as partition_module
from router.stream.engine import poison_isolation as isolation
from router.stream.engine.changelog_reader import ChangelogReader
from router.stream.engine.partition import Partition
from router.stream.engine.processor import Counted, NotReadyError, PoisonError, Record
from router.stream.engine.stored_offset import pop_stored_offset
from router.wire.stored_offsets import StoredOffset
from tests.stream.test_partition import Tally, opened, produce, read, topics, values

__all__ = ["topics"]

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


async def offer(partition: Partition, records: Sequence[Record], random: Random) -> None:
    """In portions, some of them twice, as after a seek back."""
    at = 0
    while at < len(records):
        size = random.randint(1, 40)
        begin = max(0, at - random.choice([0, 0, 0, 15]))
        partition.offer(records[begin : at + size])
        at += size
        await asyncio.sleep(random.choice([0, 0, 0.01, 0.05]))


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
    monkeypatch.setattr(partition_module, "FOLD_CHUNK_RECORDS", request.param // 2)
    return 0.03


@pytest.mark.parametrize("seed", range(3))
def test_a_position_never_passes_an_unprocessed_record(kafka: str, topics: str, often: float, seed: int) -> None:
    random, sent = Random(seed), values("a", N)

    async def scenario() -> list[int]:
        await produce(kafka, f"{topics}in", sent)
        records, positions = await read(kafka, f"{topics}in"), [0]
        async with AsyncExitStack() as zombies:
            processor, state_offset = Erratic(topics, random, often), None
            for _ in range(OWNERS):
                if state_offset is None or random.random() < 0.5:  # else the last owner gets it back with its state
                    processor, state_offset = Erratic(topics, random, often), None
                async with AsyncExitStack() as own:
                    zombie = random.random() < 0.3
                    stack = zombies if zombie else own
                    partition = await stack.enter_async_context(opened(kafka, topics, processor, state_offset))
                    begin = random.choice([0, positions[-1]])  # fetches committed records again, or continues
                    offering = asyncio.create_task(offer(partition, records[begin:], random))
                    await asyncio.sleep(random.choice([0, 0.05, 0.2, 0.5, 1.0]))
                    positions.append(await check(kafka, topics, sent))
                    offering.cancel()
                state_offset = partition.state_offset
        async with opened(kafka, topics, Erratic(topics, random, often)) as last:
            last.offer(records)
            async with asyncio.timeout(120):
                while last.backlog:
                    await asyncio.sleep(0.01)
        async with asyncio.timeout(
            30
        ):  # the broker answers a commit before the markers are written; the position is visible only then
            while positions[-1] < N:
                positions.append(await check(kafka, topics, sent))
        return positions

    positions = asyncio.run(scenario())
    assert positions == sorted(positions)
    assert positions[-1] == N
