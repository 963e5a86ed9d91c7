"""The states of a stream task, and what its partitions share.

    CREATED ----open----> RESTORING ----restored----> RUNNING
       |                   |     ^                     |   |
       |                   |     +-------failure-------+   |
       +---------revoked---+-----------> CLOSED <--revoked-+

The states are those of a Kafka Streams task (org.apache.kafka.streams.processor.internals.StreamTask). There is no SUSPENDED: a
revoked task closes at once, and its processors are kept for a resume.
"""

import asyncio
from enum import Enum

from aiokafka import TopicPartition

from router.stream.engine.log_position import LogChangedError
from router.stream.engine.pipeline import Pipeline
from router.stream.engine.progress import Progress


class StreamTaskStatus(Enum):
    """States of a stream task; see the picture above."""

    CREATED = "created"
    """Assigned; nothing was read yet."""
    RESTORING = "restoring"
    """Fences the earlier owner and restores the state; also the retries after a failure."""
    RUNNING = "running"
    """Folds and commits records."""
    CLOSED = "closed"
    """Revoked; final."""

    def may_become(self, other: "StreamTaskStatus") -> bool:
        """Whether the transition is allowed."""
        return other in TRANSITIONS[self]


TRANSITIONS: dict[StreamTaskStatus, set[StreamTaskStatus]] = {
    StreamTaskStatus.CREATED: {StreamTaskStatus.RESTORING, StreamTaskStatus.CLOSED},
    StreamTaskStatus.RESTORING: {StreamTaskStatus.RESTORING, StreamTaskStatus.RUNNING, StreamTaskStatus.CLOSED},
    StreamTaskStatus.RUNNING: {StreamTaskStatus.RESTORING, StreamTaskStatus.CLOSED},
    StreamTaskStatus.CLOSED: set(),
}
"""State -> the states that may follow it."""


class StreamTaskState:
    """Status, progress and transactions of a stream task. The event loop changes it; any thread may read it."""

    def __init__(self) -> None:
        self.status = StreamTaskStatus.CREATED
        self.progress = Progress()
        self.wake = asyncio.Event()
        """Set when there may be something to do."""
        self.pipeline: Pipeline | None = None
        """Of the current opening."""
        self.changed: LogChangedError | None = None
        """The log of a partition is not the one that was opened, so the stream task opens again."""

    def become(self, status: StreamTaskStatus) -> bool:
        """Change the status if that is allowed: a stream task that was closed in between stays closed."""
        allowed = self.status.may_become(status)
        if allowed:
            self.status = status
        return allowed

    def uncommitted(self, source: TopicPartition) -> int:
        """Number of records of an input partition that are folded and not known to be committed."""
        pipeline = self.pipeline
        return pipeline.records_of(source) if pipeline is not None else 0

    @property
    def uncommitted_seconds(self) -> float:
        """Age of the oldest uncommitted record, or time since the stream task was opened if that is shorter; 0 without one."""
        opens_first = (
            self.status in {StreamTaskStatus.CREATED, StreamTaskStatus.RESTORING} and not self.progress.failing
        )
        return 0.0 if opens_first else self.progress.busy_seconds
