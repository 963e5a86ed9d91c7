"""The stream tasks of the partitions that the group has assigned to this worker: opened on assignment, closed on revocation."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import TypeVar

from aiokafka import TopicPartition

from router.stream.engine.changelog_reader import ChangelogReader
from router.stream.engine.placement import can_take_over
from router.stream.engine.processor import Processor, Record, StatefulProcessor
from router.stream.engine.source_partition import SourcePartition
from router.stream.engine.standby import StandbyCopies
from router.stream.engine.stream_task import StreamTask
from router.stream.engine.stream_task_id import StreamTaskId
from router.wire.metrics import Metrics
from router.wire.stored_offsets import StoredOffset

MAX_BUFFERED_BYTES = 128 << 20
"""When all partitions together buffer so much, only partitions with an empty buffer get more."""
CLOSE_SECONDS = 8.0
"""One deadline for all stream tasks of a revoke: longer than a transaction, shorter than the rebalance timeout."""
COUNT_SECONDS = 2.0
"""Within this time a broker says how many partitions topics have. No heartbeat is sent meanwhile."""
Source = TypeVar("Source", bound=tuple[str, int])


class AssignedPartitions:
    """The assigned partitions by topic and number, and their stream tasks.

    Args:
        processors: topic -> makes the processor of a partition; the keys are the topics that are consumed.
        partitions: how many partitions each of these topics should have.
        logs: reads offsets and changelogs; shared by the stream tasks.
    """

    def __init__(
        self,
        processors: Mapping[str, Callable[[], Processor]],
        *,
        partitions: int,
        logs: ChangelogReader,
        metrics: Metrics,
    ) -> None:
        self._processors, self._logs, self._metrics = processors, logs, metrics
        self._partition_counts = dict.fromkeys(processors, partitions)
        """Topic -> number of its partitions, as far as a broker has answered."""
        self._should_have = partitions
        self._tasks: dict[StreamTaskId, StreamTask] = {}
        self._partitions: dict[TopicPartition, SourcePartition] = {}
        self._without_state: frozenset[TopicPartition] = frozenset()
        """The partitions of which this worker should keep a copy, and that have no state."""
        """Those of the stream tasks."""
        self._released: dict[TopicPartition, int] = {}
        """Positions of the partitions that were revoked since the last assignment."""
        self._kept: dict[TopicPartition, tuple[Processor, StoredOffset]] = {}
        """Processors of those partitions, with the offset of their state: a rebalance may assign them to this worker again."""
        self._standbys = StandbyCopies(logs, metrics, lambda: bool(self._partitions))
        self._owned: frozenset[TopicPartition] = frozenset()
        self._capacity = asyncio.Event()
        self._fold_lock = asyncio.Lock()
        self._generation: int | None = None

    def __iter__(self) -> Iterator[SourcePartition]:
        return iter(list(self._partitions.values()))

    @property
    def topics(self) -> Collection[str]:
        """The topics that the worker consumes, whether or not it has partitions of them."""
        return self._processors.keys()

    @property
    def owned(self) -> Collection[TopicPartition]:
        """The partitions of the last assignment, also while the group rebalances. Any thread may read it."""
        return self._owned

    @property
    def copies(self) -> Mapping[TopicPartition, bool]:
        """The partitions of whose state there is a standby copy, and whether it has caught up. Any thread may read it.

        One without a state needs no copy, so that it is caught up at once.
        """
        return {**self._standbys.ready, **dict.fromkeys(self._without_state, True)}

    def can_take_over(self, warm_ups: Collection[TopicPartition]) -> bool:
        """Whether the group should assign again, because copies of these partitions have caught up."""
        return can_take_over(warm_ups, self.copies, self._standbys.given_up)

    async def assigned(
        self, sources: Iterable[tuple[str, int]], generation: int, standbys: Collection[TopicPartition] = ()
    ) -> None:
        """Open the stream tasks of these partitions for a generation of the group. Each opens in the background while others run.

        A stream task that gets more partitions than it had closes first, and keeps its states. A partition of which there is a
        standby copy goes on with that.

        Args:
            sources: the partitions to process.
            generation: of the group.
            standbys: the partitions of whose state to keep a copy.
        """
        self._generation, self._released = generation, {}
        self._metrics.rebalances.inc()
        wanted = [TopicPartition(*source) for source in sources]
        for partition in [self._partitions[source] for source in wanted if source in self._partitions]:
            partition.restart_session()
        new = [source for source in wanted if source not in self._partitions and source.topic in self._processors]
        if new:
            self._partition_counts |= await self._logs.partition_counts(self._processors, within=COUNT_SECONDS)
        copies = await self._standbys.take()
        await self._open(new, copies)
        self._owned = frozenset(self._partitions)
        self._follow([one for one in standbys if one.topic in self._processors and one not in self._owned], copies)
        self._kept.clear()
        self._capacity.set()
        self._update_gauge()

    def _follow(self, sources: Iterable[TopicPartition], copies: Mapping[TopicPartition, StatefulProcessor]) -> None:
        """Keep copies of these partitions' states. What was a copy, or was processed here, goes on from there."""
        followed: dict[TopicPartition, StatefulProcessor] = {}
        without: set[TopicPartition] = set()
        for source in sources:
            kept, _ = self._kept.get(source, (None, None))
            if isinstance(kept, StatefulProcessor):
                kept.copy.intact = True
            processor = kept or copies.get(source) or self._processors[source.topic]()
            if isinstance(processor, StatefulProcessor):
                followed[source] = processor
            else:
                without.add(source)
        self._standbys.follow(followed)
        self._without_state = frozenset(without)

    async def _open(
        self, sources: Iterable[TopicPartition], copies: Mapping[TopicPartition, Processor] = MappingProxyType({})
    ) -> None:
        """Open stream tasks for these partitions, together with the other partitions of a stream task that is open already."""
        owned: dict[StreamTaskId, dict[TopicPartition, tuple[Processor, StoredOffset | None]]] = {}
        for source in sources:
            kept = self._kept.pop(source, None) or (copies.get(source) or self._processors[source.topic](), None)
            owned.setdefault(self._task_id(source, kept[0].name), {})[source] = kept
        grown = [self._tasks[task_id] for task_id in owned if task_id in self._tasks]
        await self._close(grown, CLOSE_SECONDS)
        for task in grown:
            owned[task.id] |= {one.source: (one.processor, one.state_offset) for one in task.partitions}
        for task_id, partitions in owned.items():
            self._tasks[task_id] = task = StreamTask(
                task_id,
                partitions,
                counts=self._partition_counts,
                logs=self._logs,
                metrics=self._metrics,
                on_capacity=self._capacity.set,
                fold_lock=self._fold_lock,
            )
            self._partitions |= {one.source: one for one in task.partitions}

    def _task_id(self, source: TopicPartition, stage: str) -> StreamTaskId:
        alone = self._partition_counts[source.topic] != self._should_have
        return StreamTaskId(stage, source.partition, source.topic if alone else None)

    async def revoked(self, sources: Iterable[tuple[str, int]], within: float = CLOSE_SECONDS) -> None:
        """Close the stream tasks of these partitions, all before one deadline in `within` seconds.

        A stream task that loses only some of its partitions opens again with the others.
        """
        lost = {TopicPartition(*source) for source in sources} & self._partitions.keys()
        closing = [task for task in self._tasks.values() if any(one.source in lost for one in task.partitions)]
        closed = await self._close(closing, within)
        self._keep(closed)
        for source in lost:
            self._metrics.remove_lag(source.topic, source.partition)
        await self._open([one.source for one in closed if one.source not in lost])
        self._update_gauge()

    async def _close(self, tasks: Sequence[StreamTask], within: float) -> Sequence[SourcePartition]:
        """Close these stream tasks before one deadline; their partitions."""
        closed = [partition for task in tasks for partition in task.partitions]
        for task in tasks:
            del self._tasks[task.id]
        for partition in closed:
            del self._partitions[partition.source]
        await asyncio.gather(*(task.close(within) for task in tasks))
        return closed

    def _keep(self, closed: Sequence[SourcePartition]) -> None:
        """Keep positions and states of closed partitions until the next assignment.

        Two rebalances in a row revoke everything and then nothing, so what the first one released stays.
        """
        self._released |= {one.source: one.position for one in closed if one.position is not None}
        self._kept |= {one.source: (one.processor, one.state_offset) for one in closed if one.state_offset is not None}

    async def close(self, within: float) -> None:
        """Close all stream tasks before one deadline in `within` seconds: the worker stops."""
        await self._standbys.close()
        await self.revoked(list(self._partitions), within)
        await self._logs.close()

    def positions(self) -> dict[TopicPartition, int]:
        """The next offset to read of each partition that has one; includes those revoked since the last assignment."""
        return self._released | {one.source: one.position for one in self if one.position is not None}

    @property
    def generation(self) -> int | None:
        """The group's generation of this assignment; None before the first."""
        return self._generation

    def seek_targets(self) -> dict[tuple[str, int], int]:
        """The offsets that the consumer must seek to before it fetches more of these partitions."""
        return {
            source: one.session.seek_target
            for source, one in self._partitions.items()
            if one.session.seek_target is not None
        }

    def on_seek(self, topic: str, number: int, position: int) -> None:
        """Record that the consumer's position is now this offset of a partition."""
        partition = self._partitions.get(TopicPartition(topic, number))
        if partition is not None:
            partition.session.on_seek(position)

    def session_ids(self) -> dict[tuple[str, int], int]:
        """The current fetch session of each partition that is fetched; fetched batches carry it."""
        return {
            source: one.session.session_id
            for source, one in self._partitions.items()
            if one.session.session_id is not None
        }

    def offer(self, topic: str, number: int, records: Sequence[Record], session_id: int) -> None:
        """Hand fetched records to their partition.

        Batches of an earlier fetch session are dropped: the partition was reopened since and is fetched from its position,
        so these records would overtake earlier ones.
        """
        partition = self._in_session(topic, number, session_id)
        if partition is not None:
            partition.offer(records)

    def fetched(self, topic: str, number: int, first: int, position: int, session_id: int) -> None:
        """Record that a partition's records from `first` to below `position` were fetched and will be offered.

        The consumer goes back by itself only when the log no longer has its position (OffsetOutOfRange).
        """
        partition = self._in_session(topic, number, session_id)
        if partition is None:
            return
        if first < partition.session.expected:
            partition.log_changed(f"the consumer was set back from {partition.session.expected} to {first}")
        partition.session.fetched(first, position)

    def refetch_from(self, topic: str, number: int, offset: int, session_id: int) -> None:
        """Fetch a partition again from this offset: the fetched records cannot be offered."""
        partition = self._in_session(topic, number, session_id)
        if partition is not None:
            partition.session.refetch_from(offset)

    def _in_session(self, topic: str, number: int, session_id: int) -> SourcePartition | None:
        partition = self._partitions.get(TopicPartition(topic, number))
        return partition if partition is not None and partition.session.session_id == session_id else None

    def partitions_with_capacity(self, sources: Iterable[Source]) -> set[Source]:
        """Those partitions that can take more records now."""
        full = sum([partition.buffered_bytes for partition in self._partitions.values()]) >= MAX_BUFFERED_BYTES
        return {source for source in sources if self._has_capacity(source, full=full)}

    def _has_capacity(self, source: tuple[str, int], *, full: bool) -> bool:
        partition = self._partitions.get(TopicPartition(source[0], source[1]))
        if partition is None or not partition.session.ready:
            return False
        return partition.has_capacity and not (full and partition.buffered_bytes > 0)

    async def wait_for_capacity(self, timeout: float) -> None:  # noqa: ASYNC109 - a bounded wait, not a failure
        """Wait at most `timeout` seconds until some partition can take more."""
        self._capacity.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._capacity.wait(), timeout)

    @property
    def uncommitted_seconds(self) -> float:
        """Age of the oldest uncommitted record of all partitions; safe to read from any thread."""
        return max((partition.uncommitted_seconds for partition in self), default=0.0)

    def _update_gauge(self) -> None:
        for topic in self._processors:
            self._metrics.partitions.labels(topic).set(sum(1 for name, _ in self._partitions if name == topic))
