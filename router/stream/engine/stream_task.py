"""A stream task: partition n of all input topics of a stage. It opens, folds and commits them together. `status.py` has its states.

Opening means, in this order:

1. Fence every earlier owner (InitProducerId).
2. Restore the states up to the end of their changelogs, and the stored offset beside each.
3. Have the consumer seek to these offsets. Records below them are skipped.

Running means: fold buffered records into the next checkpoint while the last one commits, one transaction at a time. After a
failure the stream task opens again (`failure_policy.py`). Buffered records survive that; those that turn out to be committed are
skipped. Docs: docs/explanation/exactly-once.md, docs/explanation/batches.md.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType

import structlog
from aiokafka import TopicPartition

from router.kafka.cancellation import own_cancellation
from router.stream.engine.changelog_reader import ChangelogReader
from router.stream.engine.checkpoint import Checkpoint
from router.stream.engine.failure_policy import Effect, recovery_for
from router.stream.engine.log_position import StoppedError
from router.stream.engine.pipeline import Pipeline
from router.stream.engine.poison_isolation import BatchFailedError
from router.stream.engine.processor import NotReadyError, PoisonError, Processor
from router.stream.engine.source_partition import SourcePartition
from router.stream.engine.status import StreamTaskState, StreamTaskStatus
from router.stream.engine.stream_task_id import StreamTaskId
from router.stream.engine.transaction import Transactions
from router.stream.engine.turns import Turns
from router.wire.metrics import Metrics
from router.wire.stored_offsets import StoredOffset

RESTORE_STALL_S = 120.0
"""A restore that reads nothing for so long is tried again. It waits for transactions that are open on the changelog, and those of the
router end within 30 s."""
RETRY_STOPPED_S = 2.0
"""How often a partition that waits for an operator tries again."""
Owned = Mapping[TopicPartition, tuple[Processor, StoredOffset | None]]
"""Input partition -> its processor, and the stored offset of the processor's state or None (see `SourcePartition`)."""
log = structlog.get_logger(__name__)


class StreamTask:
    """Processes its input partitions in transactions, one in flight at a time.

    Args:
        task_id: makes the transactional id.
        owned: its input partitions.
        counts: how many partitions each of these topics has; without a topic whose number is not to be checked.
        logs: reads offsets and changelogs; shared with other stream tasks.
        on_capacity: called when a partition may be able to take more records.
        fold_lock: held while folding. The stream tasks of a worker share it, so the event loop turns between two of them.
    """

    def __init__(
        self,
        task_id: StreamTaskId,
        owned: Owned,
        *,
        counts: Mapping[str, int] = MappingProxyType({}),
        logs: ChangelogReader,
        metrics: Metrics,
        on_capacity: Callable[[], None],
        fold_lock: asyncio.Lock,
    ) -> None:
        self.id = task_id
        self._state = StreamTaskState()
        self._partitions = {
            source: SourcePartition(
                source,
                processor,
                state_offset=state_offset,
                partitions=counts.get(source.topic),
                task=self._state,
                on_capacity=on_capacity,
            )
            for source, (processor, state_offset) in owned.items()
        }
        self._turns = Turns(self.partitions)
        self._predecessor_fenced = False
        self._logs, self._metrics, self._fold_lock = logs, metrics, fold_lock
        self._work = asyncio.create_task(self._run_forever(), name=f"task {task_id}")

    @property
    def partitions(self) -> Sequence[SourcePartition]:
        """Its input partitions."""
        return list(self._partitions.values())

    async def close(self, timeout: float) -> None:  # noqa: ASYNC109 - the revoke shares one deadline among tasks
        """Finish the running transaction within `timeout` seconds, or leave it to the next owner's fence."""
        self._state.become(StreamTaskStatus.CLOSED)
        self._state.wake.set()
        _, unfinished = await asyncio.wait([self._work], timeout=timeout)
        for work in unfinished:
            work.cancel()
            if self._state.pipeline is not None:
                self._state.pipeline.abandon()
        await asyncio.gather(self._work, return_exceptions=True)
        await self._release()
        for partition in self.partitions:
            partition.processor.close()

    async def _run_forever(self) -> None:
        while self._state.become(StreamTaskStatus.RESTORING):
            try:
                with own_cancellation():
                    await self._open()
                    await self._run(self._opened)
            except Exception as failure:  # noqa: BLE001 - reopening is safe after any failure
                await self._recover(failure)

    async def _recover(self, failure: Exception) -> None:
        recovery, progress = recovery_for(failure), self._state.progress
        effect = recovery.apply(failure, {source: one.isolation for source, one in self._partitions.items()}, self.id)
        if self._state.become(StreamTaskStatus.RESTORING):
            progress.restore_started()
        backoff = recovery.backoff(progress.failures)
        held = self._to_hold(failure, effect)
        if held is not None:
            held.hold.begin(str(failure), backoff)
            effect, backoff = Effect.PROGRESS, 0.0
        if effect is Effect.PROGRESS:
            progress.progress_made()
        elif effect is Effect.FAILURE:
            for source in self._partitions:
                self._metrics.reopened.labels(source.topic).inc()
            progress.failed()
        await self._pause(backoff)

    def _to_hold(self, failure: Exception, effect: Effect) -> SourcePartition | None:
        """The partition that waits so that the others go on: its records need something, or failed again as before."""
        if len(self._partitions) == 1:
            return None
        if isinstance(failure, BatchFailedError) and effect is Effect.FAILURE:
            return self._partitions[next(iter(failure.batches))]
        if isinstance(failure, NotReadyError) or (isinstance(failure, PoisonError) and effect is Effect.FAILURE):
            return self._partitions[failure.source] if failure.source is not None else None
        return None

    async def _pause(self, seconds: float) -> None:
        deadline, wake = time.monotonic() + seconds, self._state.wake
        while self._state.status is not StreamTaskStatus.CLOSED and (left := deadline - time.monotonic()) > 0:
            wake.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(wake.wait(), left)

    async def _open(self) -> None:
        begun = time.monotonic()
        await self._release()
        transactions = Transactions(self._logs.bootstrap, self._logs.group, self.id)
        self._state.pipeline = Pipeline(transactions, self._state.wake.set)
        async with asyncio.timeout(RESTORE_STALL_S) as stall:
            await transactions.fence(predecessor=not self._predecessor_fenced)
            self._predecessor_fenced, self._state.changed = True, None
            try:
                async with asyncio.TaskGroup() as restores:
                    for partition in self._turns:
                        restores.create_task(self._restore(partition, stall))
            except ExceptionGroup as failures:
                raise failures.exceptions[0] from failures
        self._metrics.restore_seconds.observe(time.monotonic() - begun)
        self._state.progress.opened()
        self._state.become(StreamTaskStatus.RUNNING)

    async def _restore(self, partition: SourcePartition, stall: asyncio.Timeout) -> None:
        """Restore a partition. One that cannot go on until an operator acts stops alone; the others run.

        Args:
            partition: of this stream task.
            stall: begins again whenever the partition comes further.
        """
        source, before = partition.source, partition.stopped

        def further() -> None:
            if not stall.expired():
                stall.reschedule(asyncio.get_running_loop().time() + RESTORE_STALL_S)
            copies = [one.copy for one in self._turns]
            self._state.progress.restored(sum(copy.next for copy in copies if copy is not None))

        with suppress(StoppedError), own_cancellation():
            resume, stored = await partition.restore(self._logs, further)
            self._metrics.restored_records.labels(self.id.stage).inc(partition.restore_progress[1])
            if resume.change is not None:
                self._metrics.log_changes.labels(source.topic, resume.change).inc()
            partition.continue_at(resume, stored, self._opened.open)
        if partition.stopped and partition.stopped != before:
            log.error("partition stopped", topic=source.topic, partition=source.partition, reason=partition.stopped)

    async def _retry(self, stopped: SourcePartition) -> None:
        """Restore a partition that stopped, while the others run. No fence: the stream task has its owner's epoch."""
        while stopped.stopped:
            await asyncio.sleep(RETRY_STOPPED_S)
            try:
                async with asyncio.timeout(RESTORE_STALL_S) as stall:
                    await self._restore(stopped, stall)
            except Exception:
                source = stopped.source
                log.warning(
                    "a stopped partition cannot be restored",
                    topic=source.topic,
                    partition=source.partition,
                    exc_info=True,
                )
        self._state.wake.set()

    async def _run(self, pipeline: Pipeline) -> None:
        """Fold what is buffered. Commit when the buffers are empty or a transaction is full or lingers; never wait for a full one."""
        retries = [asyncio.create_task(self._retry(one)) for one in self._turns if one.stopped]
        try:
            while self._state.status is StreamTaskStatus.RUNNING:
                self._state.wake.clear()
                self._collect_commit(pipeline)
                if self._state.changed is not None:
                    raise self._state.changed
                folded = await self._fold(pipeline.open)
                begun = (pipeline.open.linger_expired or not folded) and self._begin(pipeline)
                if not folded and not begun:
                    await self._rest(pipeline)
            await self._finish(pipeline)
        finally:
            for retry in retries:
                retry.cancel()
            await asyncio.gather(*retries, return_exceptions=True)
            # after any failure: a committed transaction must not be folded again
            await pipeline.wait()
            with suppress(Exception):  # the next opening shows how it ended
                self._collect_commit(pipeline)

    async def _finish(self, pipeline: Pipeline) -> None:
        """Commit what is folded, so that each state matches its stored offset and a resume restores nothing."""
        while pipeline.busy or self._begin(pipeline):
            await pipeline.wait()
            self._collect_commit(pipeline)

    async def _fold(self, checkpoint: Checkpoint) -> bool:
        """Fold one chunk of one partition into the checkpoint; False when there is none or the checkpoint is full."""
        async with self._fold_lock:
            folded, ticked = self._turns.fold(checkpoint), self._turns.tick(checkpoint)
            if folded:
                await asyncio.sleep(0)
            elif not self._has_backlog:
                self._state.progress.nothing_to_do()
        return folded or ticked

    @property
    def _has_backlog(self) -> bool:
        """Whether a partition that runs has uncommitted records."""
        return any(one.backlog and not one.stopped for one in self._turns)

    @property
    def _opened(self) -> Pipeline:
        assert self._state.pipeline is not None  # noqa: S101 - opened before running
        return self._state.pipeline

    def _begin(self, pipeline: Pipeline) -> bool:
        begun = pipeline.begin(self._store_offsets)
        if begun:
            self._state.progress.work_started()
        return begun

    def _store_offsets(self, checkpoint: Checkpoint) -> None:
        for source, position in checkpoint.positions.items():
            self._partitions[source].store_offset(position, checkpoint)

    def _collect_commit(self, pipeline: Pipeline) -> None:
        checkpoint = pipeline.completed()
        if checkpoint is not None:
            self._committed(checkpoint, pipeline.open)

    def _committed(self, checkpoint: Checkpoint, later: Checkpoint) -> None:
        self._metrics.transaction_seconds.labels(self.id.stage).observe(time.monotonic() - checkpoint.begun)
        for count in checkpoint.counted:
            count()
        if checkpoint.records:
            self._metrics.batch_records.labels(self.id.stage).observe(checkpoint.records)
        for source, position in checkpoint.positions.items():
            folded = bool(later.records_of(source))
            self._partitions[source].committed(position, checkpoint, folded=folded)
        self._state.progress.committed(more=self._has_backlog)

    async def _rest(self, pipeline: Pipeline) -> None:
        if not pipeline.busy:
            self._state.progress.idle()
        due = [seconds for one in self._turns if (seconds := one.tick_in) is not None]
        due += [seconds for one in self._turns if (seconds := one.hold.seconds) > 0]
        with suppress(TimeoutError):
            await asyncio.wait_for(self._state.wake.wait(), min(due, default=None))

    async def _release(self) -> None:
        """Close the pipeline, and buffer its unacknowledged records again in log order."""
        pipeline, self._state.pipeline = self._state.pipeline, None
        if pipeline is not None:
            for checkpoint in pipeline.unacknowledged():
                for source, records in checkpoint.batches.items():
                    self._partitions[source].put_back(records)
            await pipeline.stop()
