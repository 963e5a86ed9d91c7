"""The states of a partition, and its status for the consumer, the gauges and the health check.

    CREATED ----open----> RESTORING ----restored----> RUNNING
       |                   |     ^                     |   |
       |                   |     +-------failure-------+   |
       +---------revoked---+-----------> CLOSED <--revoked-+

The states are those of a Kafka Streams task (org.apache.kafka.streams.processor.internals.Task). There is no SUSPENDED: a
revoked partition closes at once, and its processor is kept for a resume.
"""

from enum import Enum

from aiokafka import TopicPartition

from router.stream.engine.fetch_session import FetchSession
from router.stream.engine.input_buffer import InputBuffer
from router.stream.engine.pipeline import Pipeline
from router.stream.engine.progress import Progress


class PartitionStatus(Enum):
    """States of a partition; see the picture above."""

    CREATED = "created"
    """Assigned; nothing was read yet."""
    RESTORING = "restoring"
    """Fences the earlier owner and restores the state; also the retries after a failure."""
    RUNNING = "running"
    """Folds and commits records."""
    CLOSED = "closed"
    """Revoked; final."""

    def may_become(self, other: "PartitionStatus") -> bool:
        """Whether the transition is allowed."""
        return other in TRANSITIONS[self]


TRANSITIONS: dict[PartitionStatus, set[PartitionStatus]] = {
    PartitionStatus.CREATED: {PartitionStatus.RESTORING, PartitionStatus.CLOSED},
    PartitionStatus.RESTORING: {PartitionStatus.RESTORING, PartitionStatus.RUNNING, PartitionStatus.CLOSED},
    PartitionStatus.RUNNING: {PartitionStatus.RESTORING, PartitionStatus.CLOSED},
    PartitionStatus.CLOSED: set(),
}
"""State -> the states that may follow it."""


class PartitionView:
    """The status of a partition; read-only, and safe to read from any thread.

    Args:
        source: the input partition.
    """

    def __init__(self, source: TopicPartition) -> None:
        self.source, self.status = source, PartitionStatus.CREATED
        self.session = FetchSession()
        self._buffer, self._progress = InputBuffer(), Progress()
        self._pipeline: Pipeline | None = None
        """Of the current opening."""
        self.trouble = ""
        """Why the partition cannot go on until an operator acts; one sentence, empty without trouble."""
        self._position: int | None = None
        self._last_timestamp: int | None = None

    @property
    def has_capacity(self) -> bool:
        """Whether more records may be offered."""
        return self._buffer.has_capacity

    @property
    def buffered_bytes(self) -> int:
        """Bytes of the buffered values."""
        return self._buffer.bytes

    @property
    def backlog(self) -> int:
        """Number of records that were offered and are not committed."""
        return len(self._buffer) + (self._pipeline.records if self._pipeline is not None else 0)

    @property
    def uncommitted_seconds(self) -> float:
        """Age of the oldest uncommitted record, or time since the partition was opened if that is shorter; 0 without one.

        Retries after a failure do not reset it, so a stalled partition stays visible.
        """
        opens_first = self.status in {PartitionStatus.CREATED, PartitionStatus.RESTORING} and not self._progress.failing
        return 0.0 if opens_first else self._progress.busy_seconds

    @property
    def restoring_seconds(self) -> float:
        """Time since the restore began, failed attempts included; 0 after a commit or when there is nothing to do."""
        return self._progress.restoring_seconds

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
