"""What a stage is to its partitions: how it opens, what it makes of a batch, when it wants to be woken."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from aiokafka import TopicPartition

from router.domain.model.rejection import Rejection
from router.kafka.record_batches import Writer
from router.stream.engine.changelog_reader import ChangelogReader

Record = Any
"""A consumer record of aiokafka: topic, partition, offset, timestamp, key, value, headers."""
Counted = Callable[[], None]
"""Counts what a batch did; called only once its transaction has committed."""


POISON = Rejection(
    code="defect", reason="the router failed at this record, which is a defect of the router; please report it."
)
"""Why a record at which our own code fails is a dead letter."""
POISON_EVENT = Rejection(
    code="defect",
    reason="the router failed at this record: something else wrote it, or it is a defect of the router; please report it.",
)
"""The same on the grid stream, where the fold trusts what it reads."""


class PoisonError(Exception):
    """A record at which the fold itself failed: its batch is rolled back and the record goes to the dead letters.

    Args:
        offset: of the record in its partition.
    """

    def __init__(self, offset: int) -> None:
        super().__init__(f"the record at offset {offset} cannot be folded")
        self.offset = offset


class NotReadyError(Exception):
    """The batch needs something that has not arrived yet, and is sound: open the partition again and try."""


class UnreadableStateError(Exception):
    """What the router itself wrote cannot be read back; the sentence says where it stands and what to do."""


class Processor(Protocol):
    """One stage's work on one partition; owns the partition's state, if there is any."""

    name: str
    """`normalise` or `merge`: a metric label."""

    async def open(self, logs: ChangelogReader, source: TopicPartition) -> int | None:
        """Build the state anew from what was committed.

        Returns:
            The position that was noted with it; None when there is none.
        """

    async def resume(self, logs: ChangelogReader, source: TopicPartition, position: int) -> bool:
        """Go on with the state at hand, which stood at this position when the partition was let go.

        Returns:
            Whether that is still the noted position, so that nobody has processed the input since; otherwise `open` must follow.
        """

    def store_offset(self, position: int, writer: Writer, partition: int) -> None:
        """Write down where the reading of the input goes on: it commits with the outputs of what was read before."""

    def process(self, records: Sequence[Record], writer: Writer, poisoned: set[int]) -> Counted:
        """Write the outputs of a batch; records whose offset is poisoned go to the dead letters.

        Raises:
            PoisonError: a record failed; the state is unusable until the next `open`.
            NotReadyError: likewise, but no record is at fault.
        """

    def due(self) -> float | None:
        """Seconds until a tick is due; 0 or less means now, None never."""

    def tick(self, writer: Writer, partition: int) -> None:
        """Write the tick that is due."""

    def close(self) -> None:
        """The partition is let go: forget its gauges."""
