"""StreamTask ids: which input partitions are folded and committed together.

A stream task is partition n of all input topics of a stage, as in Kafka Streams. Docs: docs/adr/0019-stream-tasks.md.
"""

from typing import NamedTuple


class StreamTaskId(NamedTuple):
    """The id of a stream task; as text it is the end of the transactional id."""

    stage: str
    """`normalise` or `merge`."""
    partition: int
    """Number of the partition in each input topic."""

    def __str__(self) -> str:
        return f"{self.stage}-{self.partition}"
