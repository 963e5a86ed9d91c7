"""What is observed of a worker, so that its health can be judged: written by the event loop, read from any thread."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from aiokafka import TopicPartition

from router.stream.health.verdict import HealthSnapshot, StallAge

LASTING_SECONDS = 5.0
"""A sharing of the partitions has ended when it lasts: one that begins again and again must be seen."""


class Observed(Protocol):
    """A partition, as far as its health goes."""

    source: TopicPartition

    @property
    def has_capacity(self) -> bool:
        """Whether it takes more records."""

    @property
    def begun(self) -> bool:
        """Whether its log is read at all."""

    @property
    def backlog(self) -> int:
        """Records in hand; as long as there are some, it may well be given no more."""

    @property
    def awaits(self) -> int | None:
        """The next offset, of records that were fetched and have not come; None when there are none."""

    @property
    def uncommitted_seconds(self) -> float:
        """Age of the oldest record in hand."""

    @property
    def restoring_seconds(self) -> float:
        """How long it has been on the way to processing."""


class HealthMonitor:
    """Ages of everything that may stand still.

    Args:
        owned: the worker's partitions.
        generation: the group's generation in which they are owned; None before the first.
        sharing: whether the group shares the partitions at present.
        now: a clock that never goes back, in seconds.
    """

    def __init__(
        self,
        assignment: Iterable[Observed],
        generation: Callable[[], int | None],
        rebalancing: Callable[[], bool],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._owned, self._generation, self._rebalancing, self._now = assignment, generation, rebalancing, now
        begun = now()
        self._beat: float | None = None
        self._answered = begun
        self._shares_since: float | None = begun
        self._lasting, self._lasting_since = generation(), begun
        self._ends: Mapping[TopicPartition, int] = {}
        self._behind: dict[TopicPartition, tuple[int | None, float]] = {}
        self._stopping = False

    def beat(self) -> None:
        """The event loop turns."""
        now, generation = self._now(), self._generation()
        self._beat = now
        if generation != self._lasting:
            self._lasting, self._lasting_since = generation, now
        if generation is None or self._rebalancing():
            self._shares_since = now if self._shares_since is None else self._shares_since
        elif now - self._lasting_since >= LASTING_SECONDS:
            self._shares_since = None

    def answered(self) -> None:
        """A broker has answered."""
        self._answered = self._now()

    def reach(self, ends: Mapping[TopicPartition, int]) -> None:
        """How far the logs of the worker's partitions reach, as far as they are committed."""
        self._ends = ends

    def read(self, partition: Observed, position: int | None) -> None:
        """Where the reading of a partition stands; None when nobody knows."""
        source, now = partition.source, self._now()
        end, awaited = self._ends.get(source), partition.awaits
        if awaited is not None:  # on its way from the consumer to the partition, and perhaps stuck there
            position = awaited
        before, since = self._behind.get(source, (None, now))
        # what is opened for the first time has a limit of its own
        busy = partition.backlog or not partition.has_capacity or not partition.begun
        if busy or end is None or (position is not None and position >= end):
            self._behind.pop(source, None)
        elif source not in self._behind or (position is not None and position != before):
            self._behind[source] = position, now
        else:
            self._behind[source] = before, since

    def forget(self) -> None:
        """Drop what is known of partitions that are no longer owned."""
        assignment = {partition.source for partition in self._owned}
        self._behind = {source: kept for source, kept in self._behind.items() if source in assignment}

    def stop(self) -> None:
        """The worker was asked to end."""
        self._stopping = True

    def seen(self) -> HealthSnapshot:
        """Everything at this moment."""
        now, partitions = self._now(), list(self._owned)
        restore = [(partition.restoring_seconds, partition) for partition in partitions]
        behind = [(now - since, source) for source, (_, since) in self._behind.copy().items()]
        return HealthSnapshot(
            # before the first beat nobody could tell that the loop hangs, so the worker is still starting
            generation=None if self._beat is None else self._generation(),
            rebalancing=self._rebalancing(),
            assigned=len(partitions),
            restoring=sum(1 for seconds, _ in restore if seconds > 0),
            stopping=self._stopping,
            commit=_worst((partition.uncommitted_seconds, partition.source) for partition in partitions),
            loop=StallAge(0.0 if self._beat is None else now - self._beat),
            broker=StallAge(now - self._answered),
            rebalance=StallAge(0.0 if self._shares_since is None else now - self._shares_since),
            restore=_worst((seconds, partition.source) for seconds, partition in restore),
            fetch=_worst(behind),
        )


def _worst(ages: Iterable[tuple[float, TopicPartition]]) -> StallAge:
    seconds, source = max(ages, key=lambda age: age[0], default=(0.0, None))
    return StallAge(seconds, f"{source.topic}/{source.partition}") if source is not None and seconds > 0 else StallAge()
