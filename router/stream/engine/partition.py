"""One input partition's life, as an object.

    OPENING --fence, position, restore--> RUNNING --revoked--> CLOSED
       ^                                     |
       +------------- any failure -----------+

Opening means, in this order: fence every earlier owner (InitProducerId), restore the state up to the end of the changelog
and take the position noted beside it, have the consumer sought there. Records below the position are skipped. Running means: fold what waits
into the next checkpoint while the last one commits, one transaction at a time. After a failure nothing is
retried blindly: whether a commit whose answer was lost took effect is known only by opening again, and what was folded
ahead of it is folded again. Records in hand survive that; those that turn out to be committed are skipped. A batch at which
our own code fails, or whose outputs Kafka rejects, is tried again in halves, until the one record that causes it is found
and goes to the dead letters. Docs: docs/explanation/exactly-once.md, docs/explanation/batches.md.
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

from router.stream.engine.changelog_reader import ChangelogReader
from router.stream.engine.checkpoint import Checkpoint
from router.stream.engine.fetch_session import FetchSession
from router.stream.engine.input_buffer import InputBuffer
from router.stream.engine.pipeline import Pipeline
from router.stream.engine.poison_isolation import BatchFailedError, PoisonIsolation
from router.stream.engine.processor import NotReadyError, PoisonError, Processor, Record
from router.stream.engine.progress import Progress
from router.stream.engine.transaction import Transactions
from router.wire.metrics import Metrics

FOLD_CHUNK_RECORDS = 1000
"""Records folded between two turns of the event loop (about 50 ms), so that other partitions' transactions go on."""
BATCH_BYTES = 8 << 20
"""Most bytes of values in one transaction, but always one record."""
RESTORE_TIMEOUT_S = 600.0
"""An opening that takes longer (a changelog that cannot be read to its end) is begun anew."""
REOPEN_BACKOFF_S = (0.1, 0.5, 1.0, 2.0, 5.0)
"""Waits between attempts to open; the last one repeats. The watchdog ends a worker that gets nowhere."""

NOT_READY_BACKOFF_S = 1.0
FENCED_BACKOFF_S = 2.0
"""Longer than a heartbeat, so that a zombie learns of its revoke before it opens anything."""

log = structlog.get_logger(__name__)


class PartitionStatus(Enum):
    """States of a partition; see the picture above."""

    RESTORING = "opening"
    RUNNING = "running"
    CLOSED = "closed"


class Partition:
    """Processes one input partition in transactions, one in flight at a time.

    Args:
        source: the input partition.
        stage: what to do with its records; owns the state.
        stands: the position at which the stage's state stands, which this worker had before; None when it has none.
        logs: on the broker; shared with other partitions.
        has_room: called when the partition may be able to take more records than before.
        core: held while folding; shared by the partitions of a worker, so that between two of them the event loop turns.
    """

    def __init__(
        self,
        source: TopicPartition,
        processor: Processor,
        *,
        state_offset: int | None = None,
        logs: ChangelogReader,
        metrics: Metrics,
        on_capacity: Callable[[], None],
        fold_lock: asyncio.Lock,
    ) -> None:
        self.source, self.status = source, PartitionStatus.RESTORING
        self.processor = processor
        self.state_offset = state_offset
        """The position at which the stage's state stands while nothing is folded; None when nobody knows."""
        self._logs, self._fold_lock = logs, fold_lock
        self._metrics, self._on_capacity = metrics, on_capacity
        self._buffer = InputBuffer()
        self.session = FetchSession()
        self._position: int | None = None
        self._pipeline: Pipeline | None = None
        """Of the present opening."""
        self._isolation, self._progress = PoisonIsolation(), Progress()
        self._wake = asyncio.Event()
        self._last_timestamp: int | None = None
        self._work = asyncio.create_task(self._run_forever(), name=f"partition {source.topic}-{source.partition}")

    # -- what the consumer's side sees

    @property
    def has_capacity(self) -> bool:
        """Whether more records may be offered."""
        return self._buffer.has_capacity

    @property
    def buffered_bytes(self) -> int:
        """Of values that wait for the fold."""
        return self._buffer.bytes

    @property
    def backlog(self) -> int:
        """Records that were handed over and are not committed."""
        return len(self._buffer) + (self._pipeline.records if self._pipeline is not None else 0)

    @property
    def uncommitted_seconds(self) -> float:
        """Time since the oldest record in hand was handed over, or since the partition was opened; 0 when there is none.

        Openings that follow a failure do not set it back: a partition that gets nowhere must be seen.
        """
        if self.status is PartitionStatus.RESTORING and not self._progress.failing:
            return 0.0
        return self._progress.busy_seconds

    @property
    def restoring_seconds(self) -> float:
        """Time since the partition began to open, however often it failed since; 0 once it has committed or found nothing to do."""
        return self._progress.restoring_seconds

    @property
    def last_timestamp(self) -> int | None:
        """Kafka timestamp in ms of the last committed record."""
        return self._last_timestamp

    @property
    def awaits(self) -> int | None:
        """The offset that comes next of records that were or must be fetched and have not been offered; None when there are none."""
        offered = self._buffer.offered
        return offered if self.session.awaits(offered) else None

    @property
    def begun(self) -> bool:
        """Whether its log is read at all: not before it is opened for the first time."""
        return self.session.session_id is not None

    @property
    def position(self) -> int | None:
        """The next offset to read, as far as it is committed; None before the first opening."""
        return self._position

    def read_anew(self) -> None:
        """The consumer may be anywhere: have it sought behind what is in hand."""
        if self.session.session_id is not None:
            self.session.begin(self._buffer.offered)

    def offer(self, records: Sequence[Record]) -> None:
        """Take fetched records; never waits. Those that were offered before (a consumer that sought back) are skipped."""
        if self._buffer.offer(records):
            self._progress.work_started()
            self._wake.set()

    async def close(self, timeout: float) -> None:  # noqa: ASYNC109 - the revoke shares one deadline among partitions
        """Finish the running transaction within the time, or leave it to the next owner's fence; forget the state."""
        self.status = PartitionStatus.CLOSED
        self._wake.set()
        _, unfinished = await asyncio.wait([self._work], timeout=timeout)
        for task in unfinished:
            task.cancel()
            if self._pipeline is not None:
                self._pipeline.abandon()
        await asyncio.gather(self._work, return_exceptions=True)
        await self._release()
        self.processor.close()

    # -- the life

    async def _run_forever(self) -> None:
        while self.status is not PartitionStatus.CLOSED:
            try:
                await self._open()
                await self._run()
            except PoisonError as poison:
                self._isolation.poisoned.add(poison.offset)
                self._log(log.exception, "poison record", offset=poison.offset)
                self._reopen()
                self._progress.progress_made()
            except BatchFailedError as unfit:
                first, many = unfit.records[0].offset, len(unfit.records)
                self._log(log.exception, "a batch failed, trying half of it", offset=first, records=many)
                self._isolation.bisect(unfit.records)
                self._reopen()
                self._progress.progress_made()
            except ProducerFenced:
                # Another worker opened the partition, or the broker timed our transaction out. If the group took the
                # partition from us, the revoke arrives during this wait; if not, opening again is right. Safe either way.
                self._log(log.warning, "fenced")
                self._reopen()
                await self._pause(FENCED_BACKOFF_S)
            except NotReadyError as missing:
                self._log(log.warning, "waits, and opens again and again", missing=str(missing))
                self._reopen()
                self._progress.progress_made()  # no restart would bring it, and the other partitions go on
                await self._pause(NOT_READY_BACKOFF_S)
            except Exception:  # noqa: BLE001 - whatever it is, opening again is safe
                self._metrics.reopened.labels(self.source.topic).inc()
                self._log(log.warning, "partition failed, opening it again", exc_info=True)
                self._reopen()
                pause = REOPEN_BACKOFF_S[min(self._progress.failures, len(REOPEN_BACKOFF_S) - 1)]
                self._progress.failed()
                await self._pause(pause)

    def _log(self, tell: Callable[..., Any], event: str, **more: Any) -> None:
        """A word in the log; one that cannot be written (a full disk) must not end the partition."""
        with suppress(Exception):
            tell(event, topic=self.source.topic, partition=self.source.partition, **more)

    def _reopen(self) -> None:
        if self.status is not PartitionStatus.CLOSED:
            self.status = PartitionStatus.RESTORING
            self._progress.opening()

    async def _pause(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self.status is not PartitionStatus.CLOSED and (left := deadline - time.monotonic()) > 0:
            self._wake.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), left)

    async def _open(self) -> None:
        begun = time.monotonic()
        await self._release()
        transactions = Transactions(self._logs.bootstrap, self._logs.group, self.source)
        self._pipeline = Pipeline(transactions, self._wake.set)
        async with asyncio.timeout(RESTORE_TIMEOUT_S):
            await transactions.fence()
            stored = self.state_offset
            if stored is None or not await self.processor.resume(self._logs, self.source, stored):
                self.state_offset = None
                stored = await self.processor.open(self._logs, self.source)
            position = await self._logs.position(self.source, stored)
        self._metrics.restore_seconds.observe(time.monotonic() - begun)
        self._go_on_at(position)
        self.state_offset = None
        self._progress.opened()
        if self.status is PartitionStatus.RESTORING:
            self.status = PartitionStatus.RUNNING

    def _go_on_at(self, position: int) -> None:
        """Skip what is committed; have the log read from the position unless all that follows it is in hand."""
        went_back = self._position is not None and position < self._position
        if went_back:
            self._buffer.clear()
        if went_back or self.session.session_id is None:
            self.session.begin(position)
        self._position = position
        self._buffer.skip(position)
        self._isolation.clear_below(position)
        self._on_capacity()

    async def _run(self) -> None:
        """Fold while something waits, commit when nothing does or a transaction is full or ripe, and never wait for a full one."""
        pipeline = self._opened
        try:
            while self.status is PartitionStatus.RUNNING:
                self._wake.clear()
                self._collect_commit(pipeline)
                folded = await self._fold(pipeline.open)
                begun = (pipeline.open.linger_expired or not folded) and self._begin(pipeline)
                if not folded and not begun:
                    await self._rest(pipeline)
            await self._finish(pipeline)
        finally:
            # whatever else failed: what is committed need not be folded again
            await pipeline.wait()
            with suppress(Exception):  # opening again tells how it ended
                self._collect_commit(pipeline)

    async def _finish(self, pipeline: Pipeline) -> None:
        """Commit what is folded, so that the state stands where the log says: if the partition comes back, nothing is restored."""
        while pipeline.busy or self._begin(pipeline):
            await pipeline.wait()
            self._collect_commit(pipeline)
        self.state_offset = self._position

    async def _fold(self, open_checkpoint: Checkpoint) -> bool:
        """Fold what waits into the next checkpoint, a turn's worth; False when nothing waits or the checkpoint is full."""
        async with self._fold_lock:
            records, ticked = self._take(open_checkpoint), False
            if records:
                self._process(records, open_checkpoint)
            if self._tick_due():
                open_checkpoint.ticked = ticked = True
                self.processor.tick(open_checkpoint.writer, self.source.partition)
            if records:
                await asyncio.sleep(0)
        return bool(records) or ticked

    def _take(self, open_checkpoint: Checkpoint) -> Sequence[Record]:
        most = min(FOLD_CHUNK_RECORDS, self._isolation.limit - len(open_checkpoint.records))
        most_bytes = BATCH_BYTES - open_checkpoint.bytes
        if most <= 0 or (most_bytes <= 0 and open_checkpoint.records):
            return ()
        records = self._buffer.take(most, most_bytes, self._isolation.before)
        if records:
            self._on_capacity()  # of its own, or of what all partitions share
        elif not self.backlog:
            self._progress.nothing_to_do()
        return records

    def _process(self, records: Sequence[Record], open_checkpoint: Checkpoint) -> None:
        open_checkpoint.add(records)
        try:
            open_checkpoint.counted.append(
                self.processor.process(records, open_checkpoint.writer, self._isolation.poisoned)
            )
        except (PoisonError, NotReadyError):
            raise
        except Exception as failure:
            raise BatchFailedError(records) from failure

    @property
    def _opened(self) -> Pipeline:
        assert self._pipeline is not None  # noqa: S101 - opened before running
        return self._pipeline

    def _tick_due(self) -> bool:
        seconds = self.processor.due()
        return seconds is not None and seconds <= 0

    def _begin(self, pipeline: Pipeline) -> bool:
        begun = pipeline.begin(self._store_offset)
        if begun:
            self._progress.work_started()
        return begun

    def _store_offset(self, checkpoint: Checkpoint) -> None:
        if checkpoint.position is not None:
            self.processor.store_offset(checkpoint.position, checkpoint.writer, self.source.partition)

    def _collect_commit(self, pipeline: Pipeline) -> None:
        checkpoint = pipeline.completed()
        if checkpoint is not None:
            self._committed(checkpoint)

    def _committed(self, checkpoint: Checkpoint) -> None:
        self._metrics.transaction_seconds.labels(self.processor.name).observe(time.monotonic() - checkpoint.begun)
        for count in checkpoint.counted:
            count()
        position = checkpoint.position
        if position is not None:
            self._position = position
            self._metrics.batch_records.labels(self.processor.name).observe(len(checkpoint.records))
            self._last_timestamp = checkpoint.records[-1].timestamp
            self._isolation.committed(position)
        self._progress.committed(more=self.backlog > 0)

    async def _rest(self, pipeline: Pipeline) -> None:
        if not pipeline.busy:
            self._progress.idle()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), self.processor.due())

    async def _release(self) -> None:
        """What is not known to be committed waits again, in its order."""
        pipeline, self._pipeline = self._pipeline, None
        if pipeline is not None:
            for records in pipeline.unacknowledged():
                self._buffer.put_back(records)
            await pipeline.stop()
