"""One input partition: opens, folds and commits its records, closes. `status.py` has the picture of its states.

Opening means, in this order:

1. Fence every earlier owner (InitProducerId).
2. Restore the state up to the end of the changelog, and the stored offset beside it.
3. Have the consumer seek to that offset. Records below it are skipped.

Running means: fold buffered records into the next checkpoint while the last one commits, one transaction at a time. After a
failure the partition opens again (`failure_policy.py`). Buffered records survive that; those that turn out to be committed are
skipped. Docs: docs/explanation/exactly-once.md, docs/explanation/batches.md.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from aiokafka import TopicPartition

from router.stream.engine.changelog_reader import ChangelogReader
from router.stream.engine.checkpoint import Checkpoint
from router.stream.engine.failure_policy import Effect, recovery_for
from router.stream.engine.input_buffer import Chunk
from router.stream.engine.pipeline import Pipeline
from router.stream.engine.poison_isolation import BatchFailedError, PoisonIsolation
from router.stream.engine.processor import NotReadyError, PoisonError, Processor, Record, TimedProcessor
from router.stream.engine.status import PartitionStatus, PartitionView
from router.stream.engine.transaction import Transactions
from router.wire.metrics import Metrics

FOLD_CHUNK_RECORDS = 1000
"""Records folded between two turns of the event loop (about 50 ms), so that transactions of other partitions go on."""
BATCH_BYTES = 8 << 20
"""Most bytes of input values in one transaction; one record is always taken."""
RESTORE_TIMEOUT_S = 600.0
"""A restore that takes longer (a changelog that cannot be read to its end) starts again."""


class Partition(PartitionView):
    """Processes one input partition in transactions, one in flight at a time.

    Args:
        source: the input partition.
        processor: processes its records; owns the state.
        state_offset: the next offset after the processor's state, if this worker still has that state; None to restore it.
        logs: reads offsets and changelogs; shared with other partitions.
        on_capacity: called when the partition may be able to take more records.
        fold_lock: held while folding. The partitions of a worker share it, so the event loop turns between two of them.
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
        super().__init__(source)
        self.processor = processor
        self._timers = processor if isinstance(processor, TimedProcessor) else None
        self.state_offset = state_offset
        """The next offset after the processor's state while nothing is folded; None while that is unknown."""
        self._logs, self._fold_lock = logs, fold_lock
        self._metrics, self._on_capacity = metrics, on_capacity
        self._isolation = PoisonIsolation()
        self._wake = asyncio.Event()
        self._work = asyncio.create_task(self._run_forever(), name=f"partition {source.topic}-{source.partition}")

    def offer(self, records: Sequence[Record]) -> None:
        """Buffer fetched records; never waits. Skips records that were offered before (after a seek back)."""
        if self._buffer.offer(records):
            self._progress.work_started()
            self._wake.set()

    def restart_session(self) -> None:
        """Seek behind the buffered records: after a rebalance the consumer may be at any offset."""
        if self.fetching:
            self.session.begin(self._buffer.offered)

    async def close(self, timeout: float) -> None:  # noqa: ASYNC109 - the revoke shares one deadline among partitions
        """Finish the running transaction within `timeout` seconds, or leave it to the next owner's fence."""
        self._become(PartitionStatus.CLOSED)
        self._wake.set()
        _, unfinished = await asyncio.wait([self._work], timeout=timeout)
        for task in unfinished:
            task.cancel()
            if self._pipeline is not None:
                self._pipeline.abandon()
        await asyncio.gather(self._work, return_exceptions=True)
        await self._release()
        self.processor.close()

    def _become(self, status: PartitionStatus) -> bool:
        """Change the state if that is allowed: a partition that was closed in between stays closed."""
        allowed = self.status.may_become(status)
        if allowed:
            self.status = status
        return allowed

    async def _run_forever(self) -> None:
        while self._become(PartitionStatus.RESTORING):
            try:
                await self._open()
                await self._run()
            except Exception as failure:  # noqa: BLE001 - reopening is safe after any failure
                await self._recover(failure)

    async def _recover(self, failure: Exception) -> None:
        recovery = recovery_for(failure)
        effect = recovery.apply(failure, self._isolation, self.source)
        if self._become(PartitionStatus.RESTORING):
            self._progress.restore_started()
        backoff = recovery.backoff(self._progress.failures)
        if effect is Effect.PROGRESS:
            self._progress.progress_made()
        elif effect is Effect.FAILURE:
            self._metrics.reopened.labels(self.source.topic).inc()
            self._progress.failed()
        await self._pause(backoff)

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
        self._continue_at(position)
        self.state_offset = None
        self._progress.opened()
        self._become(PartitionStatus.RUNNING)

    def _continue_at(self, position: int) -> None:
        """Skip committed records; seek to the position unless the buffered records continue it."""
        went_back = self._position is not None and position < self._position
        if went_back:
            self._buffer.clear()
        if went_back or not self.fetching:
            self.session.begin(position)
        self._position = position
        self._buffer.skip(position)
        self._isolation.clear_below(position)
        self._on_capacity()

    async def _run(self) -> None:
        """Fold what is buffered. Commit when the buffer is empty or a transaction is full or lingers; never wait for a full one."""
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
            # after any failure: a committed transaction must not be folded again
            await pipeline.wait()
            with suppress(Exception):  # the next opening shows how it ended
                self._collect_commit(pipeline)

    async def _finish(self, pipeline: Pipeline) -> None:
        """Commit what is folded, so that the state matches the stored offset and a resume restores nothing."""
        while pipeline.busy or self._begin(pipeline):
            await pipeline.wait()
            self._collect_commit(pipeline)
        self.state_offset = self._position

    async def _fold(self, checkpoint: Checkpoint) -> bool:
        """Fold one chunk into the checkpoint; False when nothing is buffered or the checkpoint is full."""
        async with self._fold_lock:
            chunk, ticked = self._take(checkpoint), False
            if chunk.records:
                self._process(chunk, checkpoint)
            if self._timers is not None and _due(self._timers):
                checkpoint.ticked = ticked = True
                self._timers.tick(checkpoint.writer, self.source.partition)
            if chunk.records:
                await asyncio.sleep(0)
        return bool(chunk.records) or ticked

    def _take(self, checkpoint: Checkpoint) -> Chunk:
        most = min(FOLD_CHUNK_RECORDS, self._isolation.limit - len(checkpoint.records))
        most_bytes = BATCH_BYTES - checkpoint.bytes
        if most <= 0 or (most_bytes <= 0 and checkpoint.records):
            return Chunk((), 0)
        chunk = self._buffer.take(most, most_bytes, self._isolation.before)
        if chunk.records:
            self._on_capacity()  # of its own, or of the buffer that all partitions share
        elif not self.backlog:
            self._progress.nothing_to_do()
        return chunk

    def _process(self, chunk: Chunk, checkpoint: Checkpoint) -> None:
        checkpoint.add(*chunk)
        try:
            checkpoint.counted.append(
                self.processor.process(chunk.records, checkpoint.writer, self._isolation.poisoned)
            )
        except (PoisonError, NotReadyError):
            raise
        except Exception as failure:
            raise BatchFailedError(chunk.records) from failure

    @property
    def _opened(self) -> Pipeline:
        assert self._pipeline is not None  # noqa: S101 - opened before running
        return self._pipeline

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
            await asyncio.wait_for(self._wake.wait(), self._timers.due() if self._timers is not None else None)

    async def _release(self) -> None:
        """Close the pipeline, and buffer its unacknowledged records again in log order."""
        pipeline, self._pipeline = self._pipeline, None
        if pipeline is not None:
            for records in pipeline.unacknowledged():
                self._buffer.put_back(records)
            await pipeline.stop()


def _due(timers: TimedProcessor) -> bool:
    seconds = timers.due()
    return seconds is not None and seconds <= 0
