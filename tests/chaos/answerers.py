"""Departments, inspectors and supervisors under load: they read tasks as they are dispatched, and answer some of them. What waits for its filing
they read in `grid.cases`.

They accept, return, are late, say what is impossible, send twice and out of order, as `router/simulator/departments` plans it with
rates of a bad city. Each answer is in its ledger before it is produced.
"""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from typing import Any, Self
from zlib import crc32

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from router.domain.model.case import Case
from router.domain.model.task import Task
from router.domain.rules.city import City
from router.kafka.connecting import connect_options
from router.simulator.departments.plan import PlannedAnswer, is_checked, plan, plan_filing
from router.simulator.departments.rates import Rates, Setting
from router.wire.codec import decode_case, decode_task, encode_erasure
from router.wire.errors import BrokerError
from router.wire.topic_names import Names
from tests.chaos.erasures import AFTER_S, ErasureStored, erasure_of, is_erased, partition_of
from tests.chaos.feedback_ledger import FeedbackLedger, Said
from tests.chaos.ledger import NUMBER
from tests.chaos.load import BATCH_BYTES, REQUEST_TIMEOUT_MS
from tests.chaos.partitions import partitions_of

POLL_MS = 100
LIMIT_S = 5.0
"""Tasks are handled within some seconds, so that whole lives end in a run. Their limits are those of the city."""
FILED_S = 2.0
"""Cases are filed within some seconds."""
MAX_IN_FLIGHT = 2000
BAD_CITY = Rates(
    silent=0.1,
    returned=0.15,
    accepted=0.7,
    extension=0.1,
    suspended=0.1,
    returned_again=0.4,
    supported=0.1,
    transferred=0.3,
    supervised=0.1,
    silenced=0.1,
    verified=0.7,
    rejected=0.2,
    rerouted=0.05,
    closed=0.05,
    failed=0.25,
    reopened=0.05,
    handled_median=0.3,
    check_s=0.4,
    lie=0.3,
    twice=0.2,
    swapped=0.15,
    offline=0.2,
    offline_s=0.5,
    longest_s=4.0,
    skew_s=0.3,
    day_off=0.1,
)
"""Everything that may happen happens often."""


def is_answered(task: Task, share: float) -> bool:
    """Whether a task is among the share that is answered."""
    return crc32(task.id.encode()) < share * (1 << 32)


def waiting_case(value: bytes | None) -> Case | None:
    """The case of a record, if it waits for its filing. Most do not, and are not decoded."""
    if value is None or b'"state":"verifying"' not in value:
        return None
    case = decode_case(value)
    return case if case.state == "verifying" else None


class Answerers:
    """Answer tasks until the context ends. What was planned for later is then left unsaid.

    Args:
        ledger: gets an entry before each record is sent.
        bootstrap: `host:port` of the broker, without the proxy.
        names: topic names of the deployment.
        city: its departments and workflows.
        share: of the tasks that are answered.
        seed: of the answers.
    """

    def __init__(
        self, ledger: FeedbackLedger, bootstrap: str, names: Names, city: City, *, share: float, seed: int
    ) -> None:
        self.ledger, self._bootstrap, self._names, self._city, self._share = ledger, bootstrap, names, city, share
        self._setting = Setting(
            departments=sorted(city.catalogue.departments),
            transfers=city.catalogue.transfers,
            seed=seed,
            rates=BAD_CITY,
        )
        self._due: list[tuple[datetime, int, PlannedAnswer, str]] = []
        """A heap of (when it is sent, number, answer, partition key)."""
        self._planned = 0
        self._erasures: list[tuple[datetime, str, str]] = []
        """A heap of (when its request to erase is sent, case, partition key)."""
        self._known: set[str] = set()
        """Ids of tasks that have been read."""
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="answerers")
        self._running: Future[None] | None = None

    def __enter__(self) -> Self:
        self._running = self._pool.submit(lambda: asyncio.run(self._run()))
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown()
        if self._running is not None:
            self._running.result()

    def check(self) -> None:
        """Raise the error that ended them, if there is one."""
        if self._running is not None and self._running.done():
            self._running.result()

    async def _run(self) -> None:
        departments = self._setting.departments
        topics = [*(self._names.tasks(one) for one in departments), self._names.cases]
        read, events = partitions_of(self._bootstrap, topics), partitions_of(self._bootstrap, [self._names.events])
        consumer = AIOKafkaConsumer(
            **connect_options(self._bootstrap), isolation_level="read_committed", auto_offset_reset="earliest"
        )
        producer = AIOKafkaProducer(
            **connect_options(self._bootstrap),
            acks="all",
            enable_idempotence=True,
            linger_ms=5,
            max_batch_size=BATCH_BYTES,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            retry_backoff_ms=50,
        )
        async with consumer, producer:
            consumer.assign([TopicPartition(*one) for one in read])
            while not self._stop.is_set():
                with suppress(KafkaError, BrokerError):  # the broker may be down
                    for records in (await consumer.getmany(timeout_ms=POLL_MS)).values():
                        self._plan(records)
                await self._send(producer, list(self._next()))
                await self._erase(producer, len(events))
            await producer.flush()
            while self.ledger.kept < self.ledger.sent:
                await asyncio.sleep(POLL_MS / 1000)

    def _plan(self, records: Sequence[Any]) -> None:
        now = datetime.now(UTC)
        for record in records:
            if record.topic == self._names.cases:
                self._plan_filing(record.value, now)
                continue
            task = decode_task(record.value)
            if task.state != "dispatched" or task.id in self._known or not is_answered(task, self._share):
                continue
            self._known.add(task.id)
            if is_erased(task.case) and task.case not in self._known:
                self._known.add(task.case)
                heappush(self._erasures, (now + timedelta(seconds=AFTER_S), task.case, task.partition_key))
            checked = is_checked(task, self._city.catalogue)
            self._take(plan(task, self._setting, checked=checked, begin=now, limit_s=LIMIT_S), task.partition_key)

    def _plan_filing(self, value: bytes | None, now: datetime) -> None:
        case = waiting_case(value)
        if case is None or case.id in self._known:
            return
        self._known.add(case.id)
        self._take(plan_filing(case, self._setting, begin=now, within_s=FILED_S), case.partition_key)

    def _take(self, answers: Sequence[PlannedAnswer], key: str) -> None:
        for answer in answers:
            self._planned += 1
            heappush(self._due, (answer.delivered_at, self._planned, answer, key))

    def _next(self) -> Iterator[tuple[PlannedAnswer, str]]:
        now = datetime.now(UTC)
        while self._due and self._due[0][0] <= now and self.ledger.sent - self.ledger.kept < MAX_IN_FLIGHT:
            _, _, answer, key = heappop(self._due)
            yield answer, key

    async def _send(self, producer: AIOKafkaProducer, answers: list[tuple[PlannedAnswer, str]]) -> None:
        for said, (answer, _) in zip(self.ledger.enter(answers), answers, strict=True):
            kept = await producer.send(
                self._names.feedback(answer.sender),
                answer.value,
                key=answer.task.encode(),
                headers=[(NUMBER, str(said.number).encode())],
            )
            kept.add_done_callback(self._on_acknowledged(said))

    async def _erase(self, producer: AIOKafkaProducer, partitions: int) -> None:
        while self._erasures and self._erasures[0][0] <= datetime.now(UTC):
            _, case, key = heappop(self._erasures)
            erasure = erasure_of(case, key)
            key_bytes, value, headers = encode_erasure(erasure)
            stored = await producer.send_and_wait(
                self._names.events,
                value,
                key=key_bytes,
                headers=headers,
                partition=partition_of(erasure, partitions),
            )
            self.ledger.erase(ErasureStored(erasure.id, case, stored.partition, stored.offset))

    def _on_acknowledged(self, said: Said):
        def acknowledge(done: "asyncio.Future[Any]") -> None:
            metadata = done.result()  # an idempotent producer fails only for good
            self.ledger.acknowledge(said.number, metadata.topic, metadata.partition, metadata.offset)

        return acknowledge
