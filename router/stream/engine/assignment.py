"""The partitions that this worker owns at the moment: opened when assigned, closed when revoked."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

from aiokafka import TopicPartition

from router.stream.engine.changelog_reader import Logs
from router.stream.engine.partition import Partition
from router.stream.engine.processor import Hop, Record
from router.wire.metrics import Metrics

WAITING_BYTES = 128 << 20
"""With so much waiting in all partitions together, only those where nothing waits get more."""
CLOSE_SECONDS = 8.0
"""One deadline for all partitions of a revoke: longer than a transaction, shorter than the rebalance timeout."""
Source = TypeVar("Source", bound=tuple[str, int])


class Owned:
    """Open partitions by topic and number.

    Args:
        hops: makes the hop of a topic's partition; the keys are the topics that are consumed.
        logs: on the broker.
    """

    def __init__(self, hops: Mapping[str, Callable[[], Hop]], *, logs: Logs, metrics: Metrics) -> None:
        self._hops, self._logs, self._metrics = hops, logs, metrics
        self._partitions: dict[tuple[str, int], Partition] = {}
        self._let_go: dict[TopicPartition, int] = {}
        """Positions of partitions that were closed since the last assignment."""
        self._kept: dict[tuple[str, int], tuple[Hop, int]] = {}
        """State of partitions that were closed since, with the position at which it stands: a rebalance may give them back."""
        self._room = asyncio.Event()
        self._core = asyncio.Lock()
        self._generation: int | None = None

    def __iter__(self) -> Iterator[Partition]:
        return iter(list(self._partitions.values()))

    async def assigned(self, sources: Iterable[tuple[str, int]], generation: int) -> None:
        """Open these partitions for a generation of the group; each opens in its own time while the others already run."""
        self._generation, self._let_go = generation, {}
        for topic, number in sources:
            known = self._partitions.get((topic, number))
            if known is not None:
                known.read_anew()
            elif topic in self._hops:
                hop, stands = self._kept.get((topic, number)) or (self._hops[topic](), None)
                self._partitions[topic, number] = Partition(
                    TopicPartition(topic, number),
                    hop,
                    stands=stands,
                    logs=self._logs,
                    metrics=self._metrics,
                    has_room=self._room.set,
                    core=self._core,
                )
        self._kept.clear()
        self._room.set()
        self._gauge()

    async def revoked(self, sources: Iterable[tuple[str, int]], within: float = CLOSE_SECONDS) -> None:
        """Close these partitions, all within one deadline."""
        closing = [self._partitions.pop(source) for source in list(sources) if source in self._partitions]
        deadline = time.monotonic() + within
        await asyncio.gather(*(partition.close(max(deadline - time.monotonic(), 0.1)) for partition in closing))
        # a group that is shared twice in a row takes everything away first and then nothing: what was let go is still known
        self._let_go |= {one.source: one.position for one in closing if one.position is not None}
        self._kept |= {
            (one.source.topic, one.source.partition): (one.hop, one.stands) for one in closing if one.stands is not None
        }
        if not self._partitions:
            await self._logs.close()
        self._gauge()

    async def close(self, within: float) -> None:
        """Close all partitions: the worker ends."""
        await self.revoked(list(self._partitions), within)

    def positions(self) -> dict[TopicPartition, int]:
        """The next offset to read of every partition that has one, also of those closed since the last assignment."""
        return self._let_go | {one.source: one.position for one in self if one.position is not None}

    @property
    def generation(self) -> int | None:
        """Of the group, in which the partitions are owned; None before the first."""
        return self._generation

    def sought(self) -> dict[tuple[str, int], int]:
        """Where the consumer must go on reading before anything more is fetched of these partitions."""
        return {where: one.reading.sought for where, one in self._partitions.items() if one.reading.sought is not None}

    def found(self, topic: str, number: int, position: int) -> None:
        """The consumer has been sought to this offset of a partition."""
        partition = self._partitions.get((topic, number))
        if partition is not None:
            partition.reading.found(position)

    def readings(self) -> dict[tuple[str, int], int]:
        """The reading that goes on of each partition that is read at all; what is fetched is told apart by it."""
        return {where: one.reading.number for where, one in self._partitions.items() if one.reading.number is not None}

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
            partition.reading.fetched(position)

    def missed(self, topic: str, number: int, offset: int, reading: int) -> None:
        """What was fetched of a partition from this offset on cannot be handed over."""
        partition = self._of(topic, number, reading)
        if partition is not None:
            partition.reading.missed(offset)

    def _of(self, topic: str, number: int, reading: int) -> Partition | None:
        partition = self._partitions.get((topic, number))
        return partition if partition is not None and partition.reading.number == reading else None

    def with_room(self, sources: Iterable[Source]) -> set[Source]:
        """Those of which more can be taken now."""
        full = sum([partition.waiting_bytes for partition in self._partitions.values()]) >= WAITING_BYTES
        return {source for source in sources if self._has_room(source, full=full)}

    def _has_room(self, source: tuple[str, int], *, full: bool) -> bool:
        partition = self._partitions.get((source[0], source[1]))
        if partition is None or not partition.reading.ready:
            return False
        return partition.room and not (full and partition.waiting_bytes > 0)

    async def wait_for_room(self, timeout: float) -> None:  # noqa: ASYNC109 - a bounded wait, not a failure
        """Wait until some partition can take more, at most `timeout` seconds."""
        self._room.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._room.wait(), timeout)

    @property
    def uncommitted_seconds(self) -> float:
        """Age of the oldest record in hand of any partition; may be asked from any thread."""
        return max((partition.uncommitted_seconds for partition in self), default=0.0)

    def _gauge(self) -> None:
        for topic in self._hops:
            self._metrics.partitions.labels(topic).set(sum(1 for name, _ in self._partitions if name == topic))
