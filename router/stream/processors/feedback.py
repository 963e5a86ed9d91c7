"""Feedback of departments and supervision becomes events of the grid stream, or dead letters.

`read_feedback` in router/domain/feedback decides about each record. This processor encodes the decisions and counts them. It has no
state: what was said before, the case remembers. So its stored offset is all that it restores.
"""

from collections import Counter
from collections.abc import Sequence

from aiokafka import TopicPartition

from router.domain.feedback.reading import read_feedback
from router.domain.model.feedback import Feedback
from router.domain.model.rejection import Rejection, RejectionCode
from router.kafka.record_batches import Writer
from router.stream.engine.changelog_reader import ChangelogReader
from router.stream.engine.processor import POISON, Counted, PoisonError, Record
from router.stream.engine.shared_offsets import SharedOffset, SharedOffsets
from router.tracing.carrying import CARRYING, Tracing
from router.wire.codec import encode_dead_letter, encode_feedback
from router.wire.metrics import Metrics
from router.wire.partitioning import partition_for_cell
from router.wire.rejected_feedback import FEEDBACK, UNREADABLE_KIND, encode_unreadable_feedback
from router.wire.stored_offsets import StoredOffset
from router.wire.topic_names import Names
from router.wire.trace_context import TraceHeaders


class FeedbackProcessor:
    """Reads the records of one partition of a sender's topic.

    Args:
        sender: the department whose topic it is, or `supervision`.
        names: of the topics.
        partitions: of `grid.events`.
        metrics: of the worker.
        offsets: of all topics of feedback.
        history: whether history is replayed; see `read_feedback`.
        tracing: of the worker.
    """

    name = "normalise"
    """It is an input of this stage: it shares the stream tasks, and so the transactions, of the networks' topics."""

    def __init__(
        self,
        sender: str,
        names: Names,
        partitions: int,
        metrics: Metrics,
        offsets: SharedOffsets,
        *,
        history: bool = False,
        tracing: Tracing = CARRYING,
    ) -> None:
        self._sender, self._names, self._partitions, self._metrics = sender, names, partitions, metrics
        self._shared, self._history, self._tracing = offsets, history, tracing
        self._offset: SharedOffset | None = None

    async def open(self, logs: ChangelogReader, source: TopicPartition) -> StoredOffset | None:
        """Read the stored offset."""
        self._offset = SharedOffset(self._shared, source)
        return await self._offset.read(logs)

    async def resume(self, logs: ChangelogReader, source: TopicPartition, position: StoredOffset) -> bool:
        """Go on at this offset, if no other worker has owned the partition since."""
        stored = await self.open(logs, source)
        return stored is not None and stored.same_place(position)

    @property
    def offset_overwritten(self) -> bool:
        """Whether another program has written over the stored offset."""
        return self._offset is not None and self._offset.overwritten

    def store_offset(self, position: StoredOffset, writer: Writer, partition: int) -> None:
        """Store the offset; it commits with the events of the records before it."""
        del partition  # the key says which one
        assert self._offset is not None  # noqa: S101 - opened before
        self._offset.write(position, writer)

    def process(self, records: Sequence[Record], writer: Writer, poisoned: set[int]) -> Counted:
        """Write an event for each record, or its dead letter and a rejection for its sender."""
        rejected: Counter[RejectionCode] = Counter()
        masked: Counter[str] = Counter()
        traces = self._tracing.batch(self.name, records)
        for record in records:
            read = POISON if record.offset in poisoned else self._read(record)
            if isinstance(read, Rejection):
                rejected[read.code] += 1
                self._reject(record, read, traces.headers.get(record.offset, []), writer)
                traces.rejected(record.offset, read.code)
                continue
            masked.update(read.masked)
            key, value, headers = encode_feedback(read)
            headers += traces.headers.get(record.offset, ())
            writer.add(self._names.events, partition_for_cell(key, self._partitions), key, value, headers)

        def count() -> None:
            self._count(rejected, masked)
            traces.committed()

        return count

    def _read(self, record: Record) -> Feedback | Rejection:
        try:
            return read_feedback(record, self._sender, history=self._history)
        except Exception as failure:
            raise PoisonError(record.offset) from failure

    def _reject(self, record: Record, rejection: Rejection, trace: TraceHeaders, writer: Writer) -> None:
        dead_letter = encode_dead_letter(record, rejection, FEEDBACK)
        writer.add(self._names.dead_letters, record.partition % self._partitions, *dead_letter)
        key, value, headers = encode_unreadable_feedback(record, rejection)
        writer.add(self._names.rejected_feedback(self._sender), 0, key, value, [*headers, *trace])

    def _count(self, rejected: Counter[RejectionCode], masked: Counter[str]) -> None:
        for code, number in rejected.items():
            self._metrics.feedback.labels(self._sender, UNREADABLE_KIND, code).inc(number)
            self._metrics.dead_letters.labels(FEEDBACK, code).inc(number)
        for kind, number in masked.items():
            self._metrics.masked.labels(FEEDBACK, kind).inc(number)

    def close(self) -> None:
        """Do nothing: the stage has no gauges."""
