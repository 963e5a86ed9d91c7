"""One input partition of a stream task: its buffer, its fetch session, its processor, and how far it has come.

Its records are folded in log order into the checkpoints of the stream task. Its processor owns the state.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext

from aiokafka import TopicPartition

from router.stream.engine.changelog_reader import ChangelogReader
from router.stream.engine.checkpoint import Checkpoint
from router.stream.engine.fetch_session import FetchSession
from router.stream.engine.hold import Hold
from router.stream.engine.input_buffer import Chunk, InputBuffer
from router.stream.engine.log_position import LogChangedError, ResumePoint, StoppedError
from router.stream.engine.poison_isolation import BatchFailedError, PoisonIsolation
from router.stream.engine.processor import (
    NotReadyError,
    PoisonError,
    Processor,
    Record,
    SigningProcessor,
    StatefulProcessor,
    TimedProcessor,
)
from router.stream.engine.source_log import SourceLog
from router.stream.engine.state_copy import StateCopy
from router.stream.engine.status import StreamTaskState, StreamTaskStatus
from router.wire.stored_offsets import NO_EPOCH, StoredOffset
from router.wire.trace_context import trace_id

FOLD_CHUNK_RECORDS = 1000
"""Records folded between two turns of the event loop (about 50 ms), so that transactions of other stream tasks go on."""
BATCH_BYTES = 8 << 20
"""Most bytes of input values in one transaction; one record is always taken."""


class SourcePartition:
    """Buffers and folds one input partition. Its properties are safe to read from any thread.

    Args:
        source: the input partition.
        processor: processes its records; owns the state.
        state_offset: the stored offset of the processor's state, if this worker still has that state; None to restore it.
        partitions: how many partitions its topic has when its stream task is made; None when that is not to be checked.
        task: what the partitions of the stream task share.
        on_capacity: called when the partition may be able to take more records.
    """

    def __init__(
        self,
        source: TopicPartition,
        processor: Processor,
        *,
        state_offset: StoredOffset | None,
        partitions: int | None,
        task: StreamTaskState,
        on_capacity: Callable[[], None],
    ) -> None:
        self.source, self.processor = source, processor
        self.state_offset = state_offset
        """The stored offset of the processor's state, while no uncommitted record is folded into it; None otherwise."""
        self.stopped = ""
        """Why the partition cannot go on until an operator acts; one sentence, empty while it runs."""
        self._log = SourceLog(source, partitions)
        self.session, self.isolation, self.hold = FetchSession(), PoisonIsolation(), Hold()
        self._timers = processor if isinstance(processor, TimedProcessor) else None
        self._stateful = processor if isinstance(processor, StatefulProcessor) else None
        self._task, self._on_capacity = task, on_capacity
        self._buffer = InputBuffer()
        self._position: int | None = None
        self.leader_epoch = NO_EPOCH
        """Of the last committed record."""
        self._last_timestamp: int | None = None

    def offer(self, records: Sequence[Record]) -> None:
        """Buffer fetched records; never waits. Skips records that were offered before (after a seek back)."""
        if self.stopped:
            return  # they are fetched again when it goes on
        if self._buffer.offer(records):
            self._task.progress.work_started()
            self._task.wake.set()

    def restart_session(self) -> None:
        """Seek behind the buffered records: after a rebalance the consumer may be at any offset."""
        if self.fetching:
            self.session.begin(self._buffer.offered)

    @property
    def topic_ids(self) -> dict[str, str]:
        """Topic -> the id that it had when the partition was opened: the input and the changelogs. Without those unknown."""
        ids = {self.source.topic: self._log.topic_id}
        if self._stateful is not None:
            ids[self._stateful.changelog_of(self.source).topic] = self._stateful.copy.topic_id
        return {topic: one for topic, one in ids.items() if one}

    @property
    def copy(self) -> StateCopy | None:
        """How far its state follows the changelog; None for a processor without one."""
        return self._stateful.copy if self._stateful is not None else None

    @property
    def restore_progress(self) -> tuple[int, int]:
        """How many offsets of its changelog were read since the restore began, and how many are to be read."""
        return self.copy.progress if self.copy is not None else (0, 0)

    def log_changed(self, how: str) -> None:
        """Have the stream task open again, because the log is not what it was. The opening decides where to go on."""
        if self.status is StreamTaskStatus.RUNNING and not self.stopped and self._task.changed is None:
            self._task.changed = LogChangedError(how)
            self._task.wake.set()

    async def restore(
        self, logs: ChangelogReader, on_progress: Callable[[], None]
    ) -> tuple[ResumePoint, StoredOffset | None]:
        """Restore the state, or keep it if no other worker has changed it. Call it after the fence.

        Args:
            logs: reads the input and the changelog.
            on_progress: called when some of the changelog was read.

        Returns:
            Where to go on, and the stored offset beside the state.

        Raises:
            StoppedError: the partition cannot go on until an operator acts. `stopped` says why.
        """
        opening = self._stateful.copy.opening(on_progress) if self._stateful is not None else nullcontext()
        try:
            with opening:
                return await self._restored(logs)
        except StoppedError as failure:
            self.state_offset, self.stopped = None, str(failure)
            self._buffer.clear()
            raise

    async def _restored(self, logs: ChangelogReader) -> tuple[ResumePoint, StoredOffset | None]:
        await self._log.look(logs)
        stored = self.state_offset
        if stored is None or not await self.processor.resume(logs, self.source, stored):
            self.state_offset = None
            stored = await self.processor.open(logs, self.source)
        return await logs.position(self.source, stored, self._log.topic_id), stored

    def continue_at(self, resume: ResumePoint, stored: StoredOffset | None, checkpoint: Checkpoint) -> None:
        """Skip committed records; seek to the position unless the buffered records continue it. The state is restored.

        Args:
            resume: where to go on.
            stored: the stored offset.
            checkpoint: the next one; it stores the position when the stored offset is another, names no log, or was written over.
        """
        position, was_stopped, self.stopped = resume.position, bool(self.stopped), ""
        another = self._log.went_on()
        if self._stores_again(position, stored):
            checkpoint.moved[self.source] = position
        went_back = (self._position is not None and position < self._position) or resume.change in {"replaced", "cut"}
        if went_back or another or was_stopped:
            self._buffer.clear()
            self.isolation.reset()
        if went_back or another or was_stopped or not self.fetching:
            self.session.begin(position)
        same = stored is not None and position == stored.offset and resume.change is None
        self.leader_epoch = stored.leader_epoch if stored is not None and same else NO_EPOCH
        self._position, self.state_offset = position, self._log.stored(position, self.leader_epoch)
        self._buffer.skip(position)
        self.isolation.clear_below(position)
        self._on_capacity()

    def _stores_again(self, position: int, stored: StoredOffset | None) -> bool:
        if stored is None or not self._log.topic_id:
            return False
        overwritten = isinstance(self.processor, SigningProcessor) and self.processor.offset_overwritten
        return position != stored.offset or not stored.topic_id or overwritten

    def fold(self, checkpoint: Checkpoint) -> bool:
        """Fold one chunk into the checkpoint; False when nothing is buffered, the checkpoint is full or the partition stopped.

        Raises:
            PoisonError, NotReadyError, BatchFailedError: the state is unusable until the next restore.
        """
        chunk = self._take(checkpoint)
        if not chunk.records:
            return False
        self._on_capacity()  # of its own, or of the buffer that all partitions share
        self.state_offset = None
        checkpoint.add(self.source, *chunk)
        try:
            counted = self.processor.process(chunk.records, checkpoint.writer, self.isolation.poisoned)
        except (PoisonError, NotReadyError) as failure:
            failure.source = self.source
            if isinstance(failure, PoisonError):
                failure.trace = next(
                    (trace_id(one.headers) for one in chunk.records if one.offset == failure.offset), None
                )
            raise
        except Exception as failure:
            raise BatchFailedError({self.source: chunk.records}) from failure
        checkpoint.counted.append(counted)
        return True

    def _take(self, checkpoint: Checkpoint) -> Chunk:
        most = min(FOLD_CHUNK_RECORDS, self.isolation.limit - checkpoint.records) if self.ready else 0
        most_bytes = BATCH_BYTES - checkpoint.bytes
        if most <= 0 or (most_bytes <= 0 and checkpoint.records):
            return Chunk((), 0)
        return self._buffer.take(most, most_bytes, self.isolation.before)

    def tick(self, checkpoint: Checkpoint) -> bool:
        """Write the tick that is due; whether one was."""
        seconds = self.tick_in
        if self._timers is None or seconds is None or seconds > 0:
            return False
        checkpoint.ticked = True
        self._timers.tick(checkpoint.writer, self.source.partition)
        return True

    @property
    def tick_in(self) -> float | None:
        """Seconds until a tick is due; None when there is none."""
        return self._timers.due() if self._timers is not None and not self.stopped else None

    def store_offset(self, position: int, checkpoint: Checkpoint) -> None:
        """Write the next input offset; it commits with the outputs of the records before it."""
        stored = self._log.stored(position, self._epoch_of(checkpoint.records_of(self.source)))
        self.processor.store_offset(stored, checkpoint.writer, self.source.partition)

    def _epoch_of(self, records: Sequence[Record]) -> int:
        """Leader epoch of the last record; without records that of the last committed one."""
        return getattr(records[-1], "leader_epoch", NO_EPOCH) if records else self.leader_epoch

    def committed(self, position: int, checkpoint: Checkpoint, *, folded: bool) -> None:
        """Record what is committed.

        Args:
            position: the next offset to read.
            checkpoint: has the records before it; none when only the position was stored.
            folded: whether later records are folded into the state already.
        """
        records = checkpoint.records_of(self.source)
        if self._stateful is not None:
            self._stateful.copy.committed(checkpoint.acknowledged, self._stateful.changelog_of(self.source))
        self._position, self.leader_epoch = position, self._epoch_of(records)
        if records:
            self._last_timestamp = records[-1].timestamp
            self.hold.end()
        self.isolation.committed(position)
        if not folded:
            self.state_offset = self._log.stored(position, self.leader_epoch)

    def put_back(self, records: Sequence[Record]) -> None:
        """Put records of a failed transaction back in front of the buffer."""
        self._buffer.put_back(records)

    @property
    def ready(self) -> bool:
        """Whether it has records that may be folded."""
        return not self.stopped and len(self._buffer) > 0 and self.hold.seconds == 0

    @property
    def alone(self) -> bool:
        """Whether its records must have a transaction of their own, because they failed since its last commit."""
        return self.isolation.before is not None or self.hold.retried

    @property
    def trouble(self) -> str:
        """Why the partition does not go on; one sentence, empty without trouble."""
        again, source = self.hold.trouble, self.source
        return self.stopped or (f"{source.topic}/{source.partition} is tried again and again: {again}" if again else "")

    @property
    def status(self) -> StreamTaskStatus:
        """The state of its stream task."""
        return self._task.status

    @property
    def has_capacity(self) -> bool:
        """Whether more records may be offered."""
        return self._buffer.has_capacity and not self.stopped

    @property
    def buffered_bytes(self) -> int:
        """Bytes of the buffered values."""
        return self._buffer.bytes

    @property
    def backlog(self) -> int:
        """Number of records that were offered and are not committed."""
        return len(self._buffer) + self._task.uncommitted(self.source)

    @property
    def uncommitted_seconds(self) -> float:
        """Age of the oldest uncommitted record of its stream task, or time since the stream task was opened if that is shorter; 0 without one.

        Retries after a failure do not reset it, so a stalled task stays visible.
        """
        return self._task.uncommitted_seconds if self.backlog and not self.stopped else 0.0

    @property
    def restoring_seconds(self) -> float:
        """Time since the stream task began to restore, failed attempts included; 0 after a commit or when there is nothing to do."""
        return self._task.progress.restoring_seconds

    @property
    def last_timestamp(self) -> int | None:
        """Kafka timestamp in ms of the last committed record."""
        return self._last_timestamp

    @property
    def awaited_offset(self) -> int | None:
        """The next offset to be offered, if records from there on were or must be fetched; None otherwise."""
        offered = self._buffer.offered
        return offered if self.session.awaits(offered) else None

    @property
    def fetching(self) -> bool:
        """Whether its log is fetched at all; not before it has been opened once."""
        return self.session.session_id is not None

    @property
    def position(self) -> int | None:
        """The next offset to read after the last commit; None before the first opening."""
        return self._position
