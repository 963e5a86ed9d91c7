"""A simulated time goes on in steps: what is reported and answered in one is sent, and read by the router, before the next begins.

Each record has the time at which it is received in the header `grid-received-at`. The tasks that the router dispatched are planned when it has
read all of a step.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from msgspec import Struct

from router.domain.intake.normalise import RECEIVED_AT
from router.domain.model.feedback import SUPERVISION
from router.domain.model.task import Task
from router.domain.rules.city import City
from router.kafka.connecting import connect_options
from router.simulator.departments.plan import PlannedAnswer
from router.simulator.departments.positions import ReadProgress
from router.simulator.departments.tally import LifeTally
from router.simulator.messages import SourceMessage, rfc3339
from router.simulator.replay.monitor import STALLED_S, OnProgress, ReplayProgress
from router.wire.errors import WorkerError
from router.wire.partitioning import partition_for_key
from router.wire.settings import Settings
from router.wire.topic_names import Names
from router.workers.pool import WorkerPool

STEP = timedelta(hours=2)
POLL_MS = 50
Answers = Callable[[Task], Sequence[PlannedAnswer]]
"""What is answered to a task."""


class _Record(Struct, frozen=True):
    """What is sent, in the order of receipt."""

    at: datetime
    topic: str
    key: bytes
    value: bytes


class SteppedRun:
    """One simulated time.

    Args:
        city: its networks and departments.
        settings: of the deployment.
        pool: the workers.
        answers: what is answered to a task.
        on_progress: called several times a second.
        to_the_end: whether all answers are awaited.
    """

    def __init__(
        self,
        city: City,
        settings: Settings,
        pool: WorkerPool,
        answers: Answers,
        on_progress: OnProgress,
        *,
        to_the_end: bool,
    ) -> None:
        names = Names(settings.namespace)
        self._city, self._names, self._partitions, self._pool = city, names, settings.partitions, pool
        self._answered, self._to_the_end, self._on_progress = answers, to_the_end, on_progress
        self._departments = sorted(city.catalogue.departments)
        self._positions, self.tally = ReadProgress(names, sorted(city.codes)), LifeTally(names)
        self._planned: list[tuple[datetime, str, str, int, PlannedAnswer]] = []
        """A heap of (when it is delivered, sender, id, number, answer): its order does not depend on that of the tasks."""
        self.reports = 0
        self.answers: Counter[str] = Counter()
        self._begun = time.monotonic()

    async def run(self, bootstrap: str, stream: Iterator[SourceMessage]) -> tuple[float, datetime]:
        """Run to the end of the messages, or of the answers; seconds that it took, and the end of the last step."""
        producer = AIOKafkaProducer(
            **connect_options(bootstrap), acks="all", enable_idempotence=True, linger_ms=5, max_batch_size=256 << 10
        )
        consumer = AIOKafkaConsumer(
            **connect_options(bootstrap),
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=POLL_MS,
        )
        async with producer, consumer:
            outputs = await self._assign(consumer)
            self._begun = time.monotonic()
            first = next(stream, None)
            until = first.received_at if first is not None else datetime.max.replace(tzinfo=UTC)
            while first is not None or (self._to_the_end and self._planned):
                until = (until if first is not None else max(until, self._planned[0][0])) + STEP
                batch, first = ([], None) if first is None else _until(until, first, stream)
                await self._send(producer, self._step(batch, until))
                await self._await_read(consumer, outputs)
            return time.monotonic() - self._begun, until

    async def _assign(self, consumer: AIOKafkaConsumer) -> list[TopicPartition]:
        """Read everything that the router writes. Returns the partitions of tasks, transitions and rejections."""
        names, departments = self._names, self._departments
        wide = [*self._positions.topics, names.transitions, *(names.tasks(one) for one in departments)]
        every = [TopicPartition(topic, number) for topic in wide for number in range(self._partitions)]
        every += [TopicPartition(names.rejected_feedback(one), 0) for one in (*departments, SUPERVISION)]
        consumer.assign(every)
        return [tp for tp in every if tp.topic not in self._positions.topics]

    def _step(self, batch: Sequence[SourceMessage], until: datetime) -> list[_Record]:
        """What is received in a step: reports, and answers that were planned for then, or for before."""
        self.reports += len(batch)
        records = [
            _Record(one.received_at, self._names.reports(one.network), one.source_id.encode(), one.value)
            for one in batch
        ]
        while self._planned and self._planned[0][0] < until:
            *_, answer = heappop(self._planned)
            self.answers[answer.label] += 1
            topic = self._names.feedback(answer.sender)
            records.append(_Record(answer.delivered_at, topic, answer.task.encode(), answer.value))
        return sorted(records, key=lambda one: one.at)

    async def _send(self, producer: AIOKafkaProducer, records: Sequence[_Record]) -> None:
        kept = [
            await producer.send(
                one.topic,
                one.value,
                key=one.key,
                partition=partition_for_key(one.key, self._partitions),
                headers=[(RECEIVED_AT, rfc3339(one.at).encode())],
            )
            for one in records
        ]
        for one in await asyncio.gather(*kept):
            self._positions.sent(one.topic, one.partition, one.offset)

    async def _await_read(self, consumer: AIOKafkaConsumer, outputs: Sequence[TopicPartition]) -> None:
        """Wait until the router has folded all that was sent, and its outputs are read; plan what is answered.

        Raises:
            WorkerError: nothing comes for a minute.
        """
        events = [TopicPartition(self._names.events, number) for number in range(self._partitions)]
        moved = time.monotonic()
        while True:
            fetched = await consumer.getmany(timeout_ms=POLL_MS, max_records=20_000)
            for records in fetched.values():
                self._take(records)
            now = time.monotonic()
            moved = now if fetched else moved
            self._pool.poll()
            self._report_progress(now)
            if now - moved > STALLED_S:
                raise WorkerError(
                    f"the router has written nothing for {STALLED_S:.0f} s, and has not read everything",
                    where=str(self._pool.logs[0]),
                    hint="read that log",
                )
            if (
                self._positions.all_read(events=False)
                and await _at_end(consumer, events)
                and self._positions.all_read(events=True)
                and await _at_end(consumer, outputs)
            ):
                return

    def _take(self, records: Sequence[object]) -> None:
        topics = self._positions.topics
        for record in records:
            if record.topic in topics:  # type: ignore[attr-defined]
                self._positions.note(record)
                continue
            task = self.tally.note(record)
            if task is not None:
                self._plan(task)

    def _plan(self, task: Task) -> None:
        for number, answer in enumerate(self._answered(task)):
            heappush(self._planned, (answer.delivered_at, answer.sender, answer.id, number, answer))

    def _report_progress(self, now: float) -> None:
        self._on_progress(
            ReplayProgress(
                doing="simulating",
                sent=self.reports + self.answers.total(),
                tasks=self.tally.tasks,
                seconds=now - self._begun,
            )
        )


def _until(
    until: datetime, first: SourceMessage, stream: Iterator[SourceMessage]
) -> tuple[list[SourceMessage], SourceMessage | None]:
    """The messages received before an instant, and the first one after it."""
    batch, one = list[SourceMessage](), first
    while one.received_at < until:
        batch.append(one)
        following = next(stream, None)
        if following is None:
            return batch, None
        one = following
    return batch, one


async def _at_end(consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]) -> bool:
    ends = await consumer.end_offsets(list(partitions))
    for tp, end in ends.items():
        if await consumer.position(tp) < end:
            return False
    return True
