"""One input partition's life, as an object.

    OPENING --fence, position, restore--> RUNNING --revoked--> CLOSED
       ^                                     |
       +------------- any failure -----------+

Opening means, in this order: fence every earlier owner (InitProducerId), read the committed position after the fence,
restore the state up to the end of the changelog. Records below the position are skipped. After a failure nothing is
retried blindly: whether a commit whose answer was lost took effect is known only by opening again. Records in hand
survive that; those that turn out to be committed are skipped. A batch at which our own code fails, or whose outputs Kafka
refuses, is tried again in halves, until the one record that causes it is found and goes to the dead letters.
Docs: docs/exactly-once.md.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import Enum

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import (
    InvalidMessageError,
    InvalidTimestampError,
    MessageSizeTooLargeError,
    ProducerFenced,
    RecordListTooLargeError,
)

from router.stream.hop import Hop, NotReadyError, PoisonError, Record
from router.stream.logs import Logs
from router.stream.transaction import Transactions
from router.stream.writer import Writer
from router.wire.metrics import Metrics

BATCH_RECORDS = 4000
"""Most records in one transaction: bounds its memory and the time the event loop is away (about 0.2 s)."""
BATCH_BYTES = 8 << 20
"""Most bytes of values in one transaction, but always one record."""
WAITING_RECORDS, WAITING_BYTES = 8000, 16 << 20
"""With so much waiting the partition asks for no more."""
OPEN_SECONDS = 600.0
"""An opening that takes longer (a changelog that cannot be read to its end) is begun anew."""
REFUSED_OUTPUT = (MessageSizeTooLargeError, RecordListTooLargeError, InvalidTimestampError, InvalidMessageError)
"""What Kafka answers when an output itself is at fault."""
REOPEN_SECONDS = (0.1, 0.5, 1.0, 2.0, 5.0)
"""Waits between attempts to open; the last one repeats. The watchdog ends a worker that gets nowhere."""

FENCED_SECONDS = 2.0
"""Longer than a heartbeat, so that a zombie learns of its revoke before it opens anything."""
STOP_SECONDS = 3.0

log = structlog.get_logger(__name__)


class Life(Enum):
    """States of a partition; see the picture above."""

    OPENING = "opening"
    RUNNING = "running"
    CLOSED = "closed"


class Partition:
    """Processes one input partition in transactions, one in flight at a time.

    Args:
        source: the input partition.
        hop: what to do with its records; owns the state.
        logs: on the broker; shared with other partitions.
        has_room: called when the partition can take more records again.
    """

    def __init__(
        self,
        source: TopicPartition,
        hop: Hop,
        *,
        logs: Logs,
        metrics: Metrics,
        has_room: Callable[[], None],
    ) -> None:
        self.source, self.life = source, Life.OPENING
        self._hop, self._logs = hop, logs
        self._metrics, self._has_room = metrics, has_room
        self._waiting: deque[Sequence[Record]] = deque()
        self._waiting_count = self._waiting_bytes = 0
        self._limit = BATCH_RECORDS
        """Records in the next batch; halved while a batch fails by what is in it."""
        self._in_hand: list[Record] = []
        self._poisoned: set[int] = set()
        self._position = 0
        self._offered = 0
        self._failures = 0
        self._failing = False
        """Whether something failed since the last commit that is not a record's own fault."""
        self._wake = asyncio.Event()
        self._busy_since: float | None = None
        self._opening_since: float | None = time.monotonic()
        self._last_timestamp: int | None = None
        self._transactions: Transactions | None = None
        self._work = asyncio.create_task(self._live(), name=f"partition {source.topic}-{source.partition}")

    # -- what the consumer's side sees

    @property
    def room(self) -> bool:
        """Whether more records may be offered."""
        return self._waiting_count < WAITING_RECORDS and self._waiting_bytes < WAITING_BYTES

    @property
    def backlog(self) -> int:
        """Records that were handed over and are not committed."""
        return self._waiting_count + len(self._in_hand)

    @property
    def uncommitted_seconds(self) -> float:
        """Time since the oldest record in hand was handed over, or since the partition was opened; 0 when there is none.

        Openings that follow a failure do not set it back: a partition that gets nowhere must be seen.
        """
        if self._busy_since is None or (self.life is Life.OPENING and not self._failing):
            return 0.0
        return time.monotonic() - self._busy_since

    @property
    def opening_seconds(self) -> float:
        """Time since the partition began to open, however often it failed since; 0 once it has committed or found nothing to do."""
        since = self._opening_since
        return 0.0 if since is None else time.monotonic() - since

    @property
    def last_timestamp(self) -> int | None:
        """Kafka timestamp in ms of the last committed record."""
        return self._last_timestamp

    def offer(self, records: Sequence[Record]) -> None:
        """Take fetched records; never waits. Those that were offered before (a consumer that sought back) are skipped."""
        if records[0].offset < self._offered:
            records = [record for record in records if record.offset >= self._offered]
            if not records:
                return
        self._offered = records[-1].offset + 1
        self._waiting.append(records)
        self._waiting_count += len(records)
        self._waiting_bytes += _bytes(records)
        if self._busy_since is None:
            self._busy_since = time.monotonic()
        self._wake.set()

    async def close(self, timeout: float) -> None:  # noqa: ASYNC109 - the revoke shares one deadline among partitions
        """Finish the running transaction within the time, or leave it to the next owner's fence; forget the state."""
        self.life = Life.CLOSED
        self._wake.set()
        _, unfinished = await asyncio.wait([self._work], timeout=timeout)
        for task in unfinished:
            task.cancel()
        await asyncio.gather(self._work, return_exceptions=True)
        await self._let_go()
        self._hop.close()

    # -- the life

    async def _live(self) -> None:
        while self.life is not Life.CLOSED:
            try:
                await self._open()
                await self._run()
            except PoisonError as poison:
                self._poisoned.add(poison.offset)
                log.exception(
                    "poison record",
                    topic=self.source.topic,
                    partition=self.source.partition,
                    offset=poison.offset,
                )
                self._reopen()
            except UnfitBatchError as unfit:
                log.exception(
                    "a batch cannot be processed or written, trying half of it",
                    topic=self.source.topic,
                    partition=self.source.partition,
                    offset=unfit.records[0].offset,
                    records=len(unfit.records),
                )
                self._narrow(unfit.records)
                self._reopen()
            except ProducerFenced:
                # Another worker opened the partition, or the broker timed our transaction out. If the group took the
                # partition from us, the revoke arrives during this wait; if not, opening again is right. Safe either way.
                log.warning("fenced", topic=self.source.topic, partition=self.source.partition)
                self._reopen()
                await self._pause(FENCED_SECONDS)
            except Exception:
                self._metrics.reopened.labels(self.source.topic).inc()
                log.warning(
                    "partition failed, opening it again",
                    topic=self.source.topic,
                    partition=self.source.partition,
                    exc_info=True,
                )
                self._failing = True
                self._reopen()
                await self._pause(REOPEN_SECONDS[min(self._failures, len(REOPEN_SECONDS) - 1)])
                self._failures += 1

    def _reopen(self) -> None:
        if self.life is not Life.CLOSED:
            self.life = Life.OPENING
            self._opening_since = self._opening_since or time.monotonic()

    def _narrow(self, records: Sequence[Record]) -> None:
        """Half of the batch next time; a single record is found out."""
        self._limit = max(1, len(records) // 2)
        if len(records) == 1:
            self._poisoned.add(records[0].offset)

    async def _pause(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self.life is not Life.CLOSED and (left := deadline - time.monotonic()) > 0:
            self._wake.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), left)

    async def _open(self) -> None:
        begun = time.monotonic()
        await self._let_go()
        self._transactions = Transactions(self._logs.bootstrap, self._logs.group, self.source)
        async with asyncio.timeout(OPEN_SECONDS):
            await self._transactions.fence()
            self._position = await self._logs.position(self.source)
            await self._hop.open(self._logs, self.source)
        self._metrics.restore_seconds.observe(time.monotonic() - begun)
        self._in_hand = [record for record in self._in_hand if record.offset >= self._position]
        if self._busy_since is not None and not self._failing:
            self._busy_since = time.monotonic()
        if self.life is Life.OPENING:
            self.life = Life.RUNNING

    async def _run(self) -> None:
        while self.life is Life.RUNNING:
            if not self._in_hand:
                self._take()
            if not self._in_hand and not self._tick_due():
                await self._rest()
                continue
            await self._transact()

    def _take(self) -> None:
        """Coalesce what waits; never wait for a full batch."""
        had_room = self.room
        batch = self._in_hand
        while self._waiting and (not batch or len(batch) + len(self._waiting[0]) <= BATCH_RECORDS):
            records = self._waiting.popleft()
            self._waiting_count -= len(records)
            self._waiting_bytes -= _bytes(records)
            batch.extend(record for record in records if record.offset >= self._position)
        if not batch:
            self._busy_since = None
        if self.room and not had_room:
            self._has_room()

    def _tick_due(self) -> bool:
        seconds = self._hop.due()
        return seconds is not None and seconds <= 0

    async def _rest(self) -> None:
        self._opening_since = None
        self._wake.clear()
        if self._waiting or self.life is not Life.RUNNING:
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), self._hop.due())

    async def _transact(self) -> None:
        assert self._transactions is not None  # noqa: S101 - opened before running
        records, begun = self._batch(), time.monotonic()
        position = records[-1].offset + 1 if records else None
        counted: list[Callable[[], None]] = []

        def fill(writer: Writer) -> None:
            try:
                if records:
                    counted.append(self._hop.process(records, writer, self._poisoned))
            except (PoisonError, NotReadyError):
                raise
            except Exception as failure:
                raise UnfitBatchError(records) from failure
            if self._tick_due():
                self._hop.tick(writer, self.source.partition)

        try:
            await self._transactions.commit(fill, position)
        except REFUSED_OUTPUT as refusal:
            raise (UnfitBatchError(records) if records else refusal) from refusal
        self._failures, self._failing, self._limit, self._opening_since = 0, False, BATCH_RECORDS, None
        self._metrics.transaction_seconds.labels(self._hop.name).observe(time.monotonic() - begun)
        for count in counted:
            count()
        if position is not None:
            self._metrics.batch_records.labels(self._hop.name).observe(len(records))
            self._position, self._last_timestamp = position, records[-1].timestamp
            self._poisoned.clear()
        self._in_hand = self._in_hand[len(records) :]
        self._busy_since = time.monotonic() if self._in_hand or self._waiting else None

    def _batch(self) -> list[Record]:
        """The first records in hand, as many as one transaction may hold."""
        records = self._in_hand[: self._limit]
        size = _bytes(records)
        while size > BATCH_BYTES and len(records) > 1:
            size -= len(records.pop().value or b"")
        return records

    async def _let_go(self) -> None:
        transactions, self._transactions = self._transactions, None
        if transactions is not None:
            # Whatever a producer leaves unfinished is the next fence's business.
            with suppress(Exception):
                await asyncio.wait_for(transactions.stop(), STOP_SECONDS)


class UnfitBatchError(Exception):
    """Something in a batch makes its processing or its outputs fail.

    Args:
        records: of the batch.
    """

    def __init__(self, records: Sequence[Record]) -> None:
        super().__init__(f"{len(records)} records from offset {records[0].offset} on")
        self.records = records


def _bytes(records: Sequence[Record]) -> int:
    return sum(len(record.value or b"") for record in records)
