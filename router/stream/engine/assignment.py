"""The partitions that this worker owns at the moment: opened when assigned, closed when revoked."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

from aiokafka import TopicPartition

from router.stream.engine.changelog_reader import ChangelogReader
from router.stream.engine.partition import Partition
from router.stream.engine.processor import Processor, Record
from router.wire.metrics import Metrics

MAX_BUFFERED_BYTES = 128 << 20
"""With so much waiting in all partitions together, only those where nothing waits get more."""
CLOSE_SECONDS = 8.0
"""One deadline for all partitions of a revoke: longer than a transaction, shorter than the rebalance timeout."""
Source = TypeVar("Source", bound=tuple[str, int])


class AssignedPartitions:
    """Open partitions by topic and number.

    Args:
        processors: makes the processor of a topic's partition; the keys are the topics that are consumed.
        logs: on the broker.
    """

    def __init__(
        self, processors: Mapping[str, Callable[[], Processor]], *, logs: ChangelogReader, metrics: Metrics
    ) -> None:
        self._hops, self._logs, self._metrics = processors, logs, metrics
        self._partitions: dict[tuple[str, int], Partition] = {}
        self._released: dict[TopicPartition, int] = {}
        """Positions of partitions that were closed since the last assignment."""
        self._kept: dict[tuple[str, int], tuple[Processor, int]] = {}
        """State of partitions that were closed since, with the position at which it stands: a rebalance may give them back."""
        self._capacity = asyncio.Event()
        self._fold_lock = asyncio.Lock()
        self._generation: int | None = None

    def __iter__(self) -> Iterator[Partition]:
        return iter(list(self._partitions.values()))

    async def assigned(self, sources: Iterable[tuple[str, int]], generation: int) -> None:
        """Open these partitions for a generation of the group; each opens in its own time while the others already run."""
        self._generation, self._released = generation, {}
        for topic, number in sources:
            known = self._partitions.get((topic, number))
            if known is not None:
                known.read_anew()
            elif topic in self._hops:
                processor, state_offset = self._kept.get((topic, number)) or (self._hops[topic](), None)
                self._partitions[topic, number] = Partition(
                    TopicPartition(topic, number),
                    processor,
                    state_offset=state_offset,
                    logs=self._logs,
                    metrics=self._metrics,
                    on_capacity=self._capacity.set,
                    fold_lock=self._fold_lock,
                )
        self._kept.clear()
        self._capacity.set()
        self._gauge()

    async def revoked(self, sources: Iterable[tuple[str, int]], within: float = CLOSE_SECONDS) -> None:
        """Close these partitions, all within one deadline."""
        closing = [self._partitions.pop(source) for source in list(sources) if source in self._partitions]
        deadline = time.monotonic() + within
        await asyncio.gather(*(partition.close(max(deadline - time.monotonic(), 0.1)) for partition in closing))
        # a group that is shared twice in a row takes everything away first and then nothing: what was let go is still known
        self._released |= {one.source: one.position for one in closing if one.position is not None}
        self._kept |= {
            (one.source.topic, one.source.partition): (one.processor, one.state_offset)
            for one in closing
            if one.state_offset is not None
        }
        if not self._partitions:
            await self._logs.close()
        self._gauge()

    async def close(self, within: float) -> None:
        """Close all partitions: the worker ends."""
        await self.revoked(list(self._partitions), within)

    def positions(self) -> dict[TopicPartition, int]:
        """The next offset to read of every partition that has one, also of those closed since the last assignment."""
        return self._released | {one.source: one.position for one in self if one.position is not None}

    @property
    def generation(self) -> int | None:
        """Of the group, in which the partitions are owned; None before the first."""
        return self._generation

    def seek_targets(self) -> dict[tuple[str, int], int]:
        """Where the consumer must go on reading before anything more is fetched of these partitions."""
        return {
            where: one.session.seek_target
            for where, one in self._partitions.items()
            if one.session.seek_target is not None
        }

    def on_seek(self, topic: str, number: int, position: int) -> None:
        """The consumer has been sought to this offset of a partition."""
        partition = self._partitions.get((topic, number))
        if partition is not None:
            partition.session.on_seek(position)

    def session_ids(self) -> dict[tuple[str, int], int]:
        """The reading that goes on of each partition that is read at all; what is fetched is told apart by it."""
        return {
            where: one.session.session_id
            for where, one in self._partitions.items()
            if one.session.session_id is not None
        }

    def offer(self, topic: str, number: int, records: Sequence[Record], reading: int) -> None:
        """Hand fetched records to their partition.

        What an earlier reading fetched is dropped: the partition was opened since and is read from its position, and later
        records must not overtake those before them.
        """
        partition = self._of(topic, number, reading)
        if partition is not None:
            partition.offer(records)

    def fetched(self, topic: str, number: int, position: int, reading: int) -> None:
        """What lies below this offset of a partition was fetched and is about to be handed over."""
        partition = self._of(topic, number, reading)
        if partition is not None:
            partition.session.fetched(position)

    def refetch_from(self, topic: str, number: int, offset: int, reading: int) -> None:
        """What was fetched of a partition from this offset on cannot be handed over."""
        partition = self._of(topic, number, reading)
        if partition is not None:
            partition.session.refetch_from(offset)

    def _of(self, topic: str, number: int, reading: int) -> Partition | None:
        partition = self._partitions.get((topic, number))
        return partition if partition is not None and partition.session.session_id == reading else None

    def partitions_with_capacity(self, sources: Iterable[Source]) -> set[Source]:
        """Those of which more can be taken now."""
        full = sum([partition.buffered_bytes for partition in self._partitions.values()]) >= MAX_BUFFERED_BYTES
        return {source for source in sources if self._has_capacity(source, full=full)}

    def _has_capacity(self, source: tuple[str, int], *, full: bool) -> bool:
        partition = self._partitions.get((source[0], source[1]))
        if partition is None or not partition.session.ready:
            return False
        return partition.has_capacity and not (full and partition.buffered_bytes > 0)

    async def wait_for_capacity(self, timeout: float) -> None:  # noqa: ASYNC109 - a bounded wait, not a failure
        """Wait until some partition can take more, at most `timeout` seconds."""
        self._capacity.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._capacity.wait(), timeout)

    @property
    def uncommitted_seconds(self) -> float:
        """Age of the oldest record in hand of any partition; may be asked from any thread."""
        return max((partition.uncommitted_seconds for partition in self), default=0.0)

    def _gauge(self) -> None:
        for topic in self._hops:
            self._metrics.partitions.labels(topic).set(sum(1 for name, _ in self._partitions if name == topic))
