"""The partitions that this worker owns at the moment: opened when assigned, closed when revoked."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

from aiokafka import TopicPartition

from router.stream.hop import Hop, Record
from router.stream.logs import Logs
from router.stream.partition import Partition
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
        self._room = asyncio.Event()
        self._core = asyncio.Lock()
        self._generation: int | None = None

    def __iter__(self) -> Iterator[Partition]:
        return iter(list(self._partitions.values()))

    async def assigned(self, sources: Iterable[tuple[str, int]], generation: int) -> None:
        """Open these partitions for a generation of the group; each opens in its own time while the others already run."""
        self._generation = generation
        for topic, number in sources:
            if topic in self._hops and (topic, number) not in self._partitions:
                self._partitions[topic, number] = Partition(
                    TopicPartition(topic, number),
                    self._hops[topic](),
                    logs=self._logs,
                    metrics=self._metrics,
                    has_room=self._room.set,
                    core=self._core,
                )
        self._room.set()
        self._gauge()

    async def revoked(self, sources: Iterable[tuple[str, int]], within: float = CLOSE_SECONDS) -> None:
        """Close these partitions, all within one deadline."""
        closing = [self._partitions.pop(source) for source in list(sources) if source in self._partitions]
        deadline = time.monotonic() + within
        await asyncio.gather(*(partition.close(max(deadline - time.monotonic(), 0.1)) for partition in closing))
        if not self._partitions:
            await self._logs.close()
        self._gauge()

    async def close(self, within: float) -> None:
        """Close all partitions: the worker ends."""
        await self.revoked(list(self._partitions), within)

    @property
    def generation(self) -> int | None:
        """Of the group, in which the partitions are owned; None before the first."""
        return self._generation

    def offer(self, topic: str, number: int, records: Sequence[Record], generation: int) -> None:
        """Hand fetched records to their partition.

        What was fetched in an earlier generation of the group is dropped: the partition was opened again since, the
        consumer's reading began anew at its committed position, and later records must not overtake those before them.
        """
        partition = self._partitions.get((topic, number))
        if partition is not None and generation == self._generation:
            partition.offer(records)

    def fetched(self, topic: str, number: int, position: int) -> None:
        """What lies below this offset of a partition was fetched and is about to be handed over."""
        partition = self._partitions.get((topic, number))
        if partition is not None:
            partition.fetched(position)

    def with_room(self, sources: Iterable[Source]) -> set[Source]:
        """Those of which more can be taken; also those that are unknown here."""
        full = sum([partition.waiting_bytes for partition in self._partitions.values()]) >= WAITING_BYTES
        return {source for source in sources if self._has_room(source, full=full)}

    def _has_room(self, source: tuple[str, int], *, full: bool) -> bool:
        partition = self._partitions.get((source[0], source[1]))
        return partition is None or (partition.room and not (full and partition.waiting_bytes))

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
