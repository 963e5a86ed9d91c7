"""StreamTask ids: which input partitions are folded and committed together.

A stream task is partition n of all input topics of a stage, as in Kafka Streams. The group assigns partition n of two topics to
one worker only if both have the same number of partitions. So a partition of a topic with another number is a stream task alone. Docs: docs/adr/0019-stream-tasks.md.
"""

from typing import NamedTuple


class StreamTaskId(NamedTuple):
    """The id of a stream task; as text it is the end of the transactional id."""

    stage: str
    """`normalise` or `merge`."""
    partition: int
    """Number of the partition in each input topic."""

    topic: str | None = None
    """The only input topic, if that has another number of partitions than the stage's topics should have."""

    def __str__(self) -> str:
        return f"{self.stage if self.topic is None else self.topic}-{self.partition}"

    @property
    def predecessor(self) -> "StreamTaskId | None":
        """The stream task that owned the partition before its topic got more partitions."""
        return None if self.topic is None else StreamTaskId(self.stage, self.partition)
