"""The contract of a processor: how one stage restores, processes and closes one partition of its input topics.

`tests/stream/test_processor_contract.py` runs every processor through it.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

from aiokafka import TopicPartition

from router.domain.model.rejection import Rejection
from router.kafka.record_batches import Writer
from router.stream.engine.changelog_reader import ChangelogReader
from router.stream.engine.log_position import StoppedError
from router.stream.engine.state_copy import StateCopy
from router.wire.stored_offsets import StoredOffset

Record = Any
"""A consumer record of aiokafka: topic, partition, offset, timestamp, key, value, headers."""
Counted = Callable[[], None]
"""Updates the metrics of a batch; called only after its transaction has committed."""


POISON = Rejection(
    code="defect", reason="the router failed at this record, which is a defect of the router; please report it."
)
"""The rejection of a record at which the router's own code fails."""
POISON_EVENT = Rejection(
    code="defect",
    reason="the router failed at this record: something else wrote it, or it is a defect of the router; please report it.",
)
"""The same on the grid stream, where the fold trusts its input."""


class PoisonError(Exception):
    """Folding failed at one record. Its batch is rolled back, and the record goes to the dead letters.

    Args:
        offset: of the record in its partition.
        about: what the log line says of it beside its place.
    """

    source: TopicPartition | None = None
    """The record's partition; the engine sets it."""
    trace: str | None = None
    """Id of the record's trace; the engine sets it."""

    def __init__(self, offset: int, about: Mapping[str, str] = MappingProxyType({})) -> None:
        super().__init__(f"the record at offset {offset} cannot be folded")
        self.offset, self.about = offset, about


class NotReadyError(Exception):
    """The batch is sound but needs something that has not arrived yet. The stream task reopens and retries."""

    source: TopicPartition | None = None
    """The partition of the batch; the engine sets it."""


class UnreadableStateError(StoppedError):
    """State that the router wrote cannot be read back, or is gone."""


class Processor(Protocol):
    """One stage's work on one partition; owns the state of the partition, if it has any."""

    name: str
    """`normalise` or `merge`: a metric label."""

    async def open(self, logs: ChangelogReader, source: TopicPartition) -> StoredOffset | None:
        """Restore the state from committed records.

        Returns:
            The stored offset that belongs to the state; None when there is none.

        Raises:
            StoppedError: a topic of the state does not exist, or the state cannot be used.
        """

    async def resume(self, logs: ChangelogReader, source: TopicPartition, position: StoredOffset) -> bool:
        """Keep the state in memory, which includes everything below this offset, after the partition was revoked.

        Returns:
            Whether the stored offset is still this one, so no other worker has processed the partition, and the changelog is
            still the one that the state was restored from. If not, call `open`.

        Raises:
            StoppedError: a topic of the state does not exist.
        """

    def store_offset(self, position: StoredOffset, writer: Writer, partition: int) -> None:
        """Write the next input offset; it commits with the outputs of the records before it."""

    def process(self, records: Sequence[Record], writer: Writer, poisoned: set[int]) -> Counted:
        """Write the outputs of a batch; records whose offset is poisoned go to the dead letters.

        Raises:
            PoisonError: a record failed; the state is unusable until the next `open`.
            NotReadyError: the same, but no record is the cause.
        """

    def close(self) -> None:
        """Reset the gauges of the partition; the state stays, for a `resume`."""


@runtime_checkable
class StatefulProcessor(Processor, Protocol):
    """A processor whose state is what the latest values of a changelog say, so that another worker can keep a copy of it."""

    copy: StateCopy
    """How far the state follows the changelog. `resume` and `process` keep its `intact`."""

    def changelog_of(self, source: TopicPartition) -> TopicPartition:
        """The changelog of the state of an input partition."""


@runtime_checkable
class SigningProcessor(Processor, Protocol):
    """A processor that signs its stored offset, so that one of another program does not count."""

    @property
    def offset_overwritten(self) -> bool:
        """Whether another program has written over the stored offset: it is to be stored again before compaction removes it."""


@runtime_checkable
class TimedProcessor(Processor, Protocol):
    """A processor with timers. A timer fires as a tick record in the log (docs/explanation/ticks.md)."""

    def due(self) -> float | None:
        """Seconds until a tick is due; 0 or less means now, None never."""

    def tick(self, writer: Writer, partition: int) -> None:
        """Write the tick that is due."""
