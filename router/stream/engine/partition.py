"""One input partition's life, as an object.

    OPENING --fence, position, restore--> RUNNING --revoked--> CLOSED
       ^                                     |
       +------------- any failure -----------+

Opening means, in this order: fence every earlier owner (InitProducerId), restore the state up to the end of the changelog
and take the position noted beside it, have the consumer sought there. Records below the position are skipped. Running means: fold what waits
into the next checkpoint while the last one commits, one transaction at a time. After a failure nothing is
retried blindly: whether a commit whose answer was lost took effect is known only by opening again, and what was folded
ahead of it is folded again. Records in hand survive that; those that turn out to be committed are skipped. A batch at which
our own code fails, or whose outputs Kafka refuses, is tried again in halves, until the one record that causes it is found
and goes to the dead letters. Docs: docs/exactly-once.md, docs/batches.md.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import Enum
from typing import Any

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import ProducerFenced

from router.stream.engine.changelog_reader import Logs
from router.stream.engine.fetch_session import Reading
from router.stream.engine.input_buffer import Waiting
from router.stream.engine.pipeline import Pipeline
from router.stream.engine.poison_isolation import Suspects, UnfitBatchError
from router.stream.engine.processor import Hop, NotReadyError, PoisonError, Record
from router.stream.engine.progress import Progress
from router.stream.engine.transaction import Checkpoint, Transactions
from router.wire.metrics import Metrics

FOLDED_AT_ONCE = 1000
"""Records folded between two turns of the event loop (about 50 ms), so that other partitions' transactions go on."""
BATCH_BYTES = 8 << 20
"""Most bytes of values in one transaction, but always one record."""
OPEN_SECONDS = 600.0
"""An opening that takes longer (a changelog that cannot be read to its end) is begun anew."""
REOPEN_SECONDS = (0.1, 0.5, 1.0, 2.0, 5.0)
"""Waits between attempts to open; the last one repeats. The watchdog ends a worker that gets nowhere."""

NOT_READY_SECONDS = 1.0
FENCED_SECONDS = 2.0
"""Longer than a heartbeat, so that a zombie learns of its revoke before it opens anything."""

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
        stands: the position at which the hop's state stands, which this worker had before; None when it has none.
        logs: on the broker; shared with other partitions.
        has_room: called when the partition may be able to take more records than before.
        core: held while folding; shared by the partitions of a worker, so that between two of them the event loop turns.
    """

    def __init__(
        self,
        source: TopicPartition,
        hop: Hop,
        *,
        stands: int | None = None,
        logs: Logs,
        metrics: Metrics,
        has_room: Callable[[], None],
        core: asyncio.Lock,
    ) -> None:
        self.source, self.life = source, Life.OPENING
        self.hop = hop
        self.stands = stands
        """The position at which the hop's state stands while nothing is folded; None when nobody knows."""
        self._logs, self._core = logs, core
        self._metrics, self._has_room = metrics, has_room
        self._waiting = Waiting()
        self.reading = Reading()
        self._position: int | None = None
        self._pipeline: Pipeline | None = None
        """Of the present opening."""
        self._suspects, self._progress = Suspects(), Progress()
        self._wake = asyncio.Event()
        self._last_timestamp: int | None = None
        self._work = asyncio.create_task(self._live(), name=f"partition {source.topic}-{source.partition}")

    # -- what the consumer's side sees

    @property
    def room(self) -> bool:
        """Whether more records may be offered."""
        return self._waiting.room

    @property
    def waiting_bytes(self) -> int:
        """Of values that wait for the fold."""
        return self._waiting.bytes

    @property
    def backlog(self) -> int:
        """Records that were handed over and are not committed."""
        return len(self._waiting) + (self._pipeline.records if self._pipeline is not None else 0)

    @property
    def uncommitted_seconds(self) -> float:
        """Time since the oldest record in hand was handed over, or since the partition was opened; 0 when there is none.

        Openings that follow a failure do not set it back: a partition that gets nowhere must be seen.
        """
        if self.life is Life.OPENING and not self._progress.failing:
            return 0.0
        return self._progress.busy_seconds

    @property
    def opening_seconds(self) -> float:
        """Time since the partition began to open, however often it failed since; 0 once it has committed or found nothing to do."""
        return self._progress.opening_seconds

    @property
    def last_timestamp(self) -> int | None:
        """Kafka timestamp in ms of the last committed record."""
        return self._last_timestamp

    @property
    def awaits(self) -> int | None:
        """The offset that comes next of records that were or must be fetched and have not been offered; None when there are none."""
        offered = self._waiting.offered
        return offered if self.reading.awaits(offered) else None

    @property
    def begun(self) -> bool:
        """Whether its log is read at all: not before it is opened for the first time."""
        return self.reading.number is not None

    @property
    def position(self) -> int | None:
        """The next offset to read, as far as it is committed; None before the first opening."""
        return self._position

    def read_anew(self) -> None:
        """The consumer may be anywhere: have it sought behind what is in hand."""
        if self.reading.number is not None:
            self.reading.begin(self._waiting.offered)

    def offer(self, records: Sequence[Record]) -> None:
        """Take fetched records; never waits. Those that were offered before (a consumer that sought back) are skipped."""
        if self._waiting.offer(records):
            self._progress.begun()
            self._wake.set()

    async def close(self, timeout: float) -> None:  # noqa: ASYNC109 - the revoke shares one deadline among partitions
        """Finish the running transaction within the time, or leave it to the next owner's fence; forget the state."""
        self.life = Life.CLOSED
        self._wake.set()
        _, unfinished = await asyncio.wait([self._work], timeout=timeout)
        for task in unfinished:
            task.cancel()
            if self._pipeline is not None:
                self._pipeline.give_up()
        await asyncio.gather(self._work, return_exceptions=True)
        await self._let_go()
        self.hop.close()

    # -- the life

    async def _live(self) -> None:
        while self.life is not Life.CLOSED:
            try:
                await self._open()
                await self._run()
            except PoisonError as poison:
                self._suspects.poisoned.add(poison.offset)
                self._tell(log.exception, "poison record", offset=poison.offset)
                self._reopen()
                self._progress.advanced()
            except UnfitBatchError as unfit:
                first, many = unfit.records[0].offset, len(unfit.records)
                self._tell(log.exception, "a batch failed, trying half of it", offset=first, records=many)
                self._suspects.narrow(unfit.records)
                self._reopen()
                self._progress.advanced()
            except ProducerFenced:
                # Another worker opened the partition, or the broker timed our transaction out. If the group took the
                # partition from us, the revoke arrives during this wait; if not, opening again is right. Safe either way.
                self._tell(log.warning, "fenced")
                self._reopen()
                await self._pause(FENCED_SECONDS)
            except NotReadyError as missing:
                self._tell(log.warning, "waits, and opens again and again", missing=str(missing))
                self._reopen()
                self._progress.advanced()  # no restart would bring it, and the other partitions go on
                await self._pause(NOT_READY_SECONDS)
            except Exception:  # noqa: BLE001 - whatever it is, opening again is safe
                self._metrics.reopened.labels(self.source.topic).inc()
                self._tell(log.warning, "partition failed, opening it again", exc_info=True)
                self._reopen()
                pause = REOPEN_SECONDS[min(self._progress.failures, len(REOPEN_SECONDS) - 1)]
                self._progress.failed()
                await self._pause(pause)

    def _tell(self, tell: Callable[..., Any], event: str, **more: Any) -> None:
        """A word in the log; one that cannot be written (a full disk) must not end the partition."""
        with suppress(Exception):
            tell(event, topic=self.source.topic, partition=self.source.partition, **more)

    def _reopen(self) -> None:
        if self.life is not Life.CLOSED:
            self.life = Life.OPENING
            self._progress.opening()

    async def _pause(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self.life is not Life.CLOSED and (left := deadline - time.monotonic()) > 0:
            self._wake.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), left)

    async def _open(self) -> None:
        begun = time.monotonic()
        await self._let_go()
        transactions = Transactions(self._logs.bootstrap, self._logs.group, self.source)
        self._pipeline = Pipeline(transactions, self._wake.set)
        async with asyncio.timeout(OPEN_SECONDS):
            await transactions.fence()
            noted = self.stands
            if noted is None or not await self.hop.resume(self._logs, self.source, noted):
                self.stands = None
                noted = await self.hop.open(self._logs, self.source)
            position = await self._logs.position(self.source, noted)
        self._metrics.restore_seconds.observe(time.monotonic() - begun)
        self._go_on_at(position)
        self.stands = None
        self._progress.opened()
        if self.life is Life.OPENING:
            self.life = Life.RUNNING

    def _go_on_at(self, position: int) -> None:
        """Skip what is committed; have the log read from the position unless all that follows it is in hand."""
        went_back = self._position is not None and position < self._position
        if went_back:
            self._waiting.clear()
        if went_back or self.reading.number is None:
            self.reading.begin(position)
        self._position = position
        self._waiting.skip(position)
        self._suspects.passed(position)
        self._has_room()

    async def _run(self) -> None:
        """Fold while something waits, commit when nothing does or a transaction is full or ripe, and never wait for a full one."""
        pipeline = self._opened
        try:
            while self.life is Life.RUNNING:
                self._wake.clear()
                self._hear(pipeline)
                folded = await self._fold(pipeline.filling)
                begun = (pipeline.filling.ripe or not folded) and self._begin(pipeline)
                if not folded and not begun:
                    await self._rest(pipeline)
            await self._finish(pipeline)
        finally:
            # whatever else failed: what is committed need not be folded again
            await pipeline.wait()
            with suppress(Exception):  # opening again tells how it ended
                self._hear(pipeline)

    async def _finish(self, pipeline: Pipeline) -> None:
        """Commit what is folded, so that the state stands where the log says: if the partition comes back, nothing is restored."""
        while pipeline.busy or self._begin(pipeline):
            await pipeline.wait()
            self._hear(pipeline)
        self.stands = self._position

    async def _fold(self, filling: Checkpoint) -> bool:
        """Fold what waits into the next checkpoint, a turn's worth; False when nothing waits or the checkpoint is full."""
        async with self._core:
            records, ticked = self._take(filling), False
            if records:
                self._process(records, filling)
            if self._tick_due():
                filling.ticked = ticked = True
                self.hop.tick(filling.writer, self.source.partition)
            if records:
                await asyncio.sleep(0)
        return bool(records) or ticked

    def _take(self, filling: Checkpoint) -> Sequence[Record]:
        most = min(FOLDED_AT_ONCE, self._suspects.limit - len(filling.records))
        most_bytes = BATCH_BYTES - filling.bytes
        if most <= 0 or (most_bytes <= 0 and filling.records):
            return ()
        records = self._waiting.take(most, most_bytes, self._suspects.before)
        if records:
            self._has_room()  # of its own, or of what all partitions share
        elif not self.backlog:
            self._progress.empty()
        return records

    def _process(self, records: Sequence[Record], filling: Checkpoint) -> None:
        filling.add(records)
        try:
            filling.counted.append(self.hop.process(records, filling.writer, self._suspects.poisoned))
        except (PoisonError, NotReadyError):
            raise
        except Exception as failure:
            raise UnfitBatchError(records) from failure

    @property
    def _opened(self) -> Pipeline:
        assert self._pipeline is not None  # noqa: S101 - opened before running
        return self._pipeline

    def _tick_due(self) -> bool:
        seconds = self.hop.due()
        return seconds is not None and seconds <= 0

    def _begin(self, pipeline: Pipeline) -> bool:
        begun = pipeline.begin(self._note)
        if begun:
            self._progress.begun()
        return begun

    def _note(self, checkpoint: Checkpoint) -> None:
        if checkpoint.position is not None:
            self.hop.note(checkpoint.position, checkpoint.writer, self.source.partition)

    def _hear(self, pipeline: Pipeline) -> None:
        checkpoint = pipeline.landed()
        if checkpoint is not None:
            self._committed(checkpoint)

    def _committed(self, checkpoint: Checkpoint) -> None:
        self._metrics.transaction_seconds.labels(self.hop.name).observe(time.monotonic() - checkpoint.begun)
        for count in checkpoint.counted:
            count()
        position = checkpoint.position
        if position is not None:
            self._position = position
            self._metrics.batch_records.labels(self.hop.name).observe(len(checkpoint.records))
            self._last_timestamp = checkpoint.records[-1].timestamp
            self._suspects.committed(position)
        self._progress.committed(more=self.backlog > 0)

    async def _rest(self, pipeline: Pipeline) -> None:
        if not pipeline.busy:
            self._progress.settled()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), self.hop.due())

    async def _let_go(self) -> None:
        """What is not known to be committed waits again, in its order."""
        pipeline, self._pipeline = self._pipeline, None
        if pipeline is not None:
            for records in pipeline.take_back():
                self._waiting.put_back(records)
            await pipeline.stop()
