"""What the health of a worker is evaluated from; the event loop writes it, any thread reads it."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from aiokafka import TopicPartition

from router.stream.health.verdict import HealthSnapshot, StallAge

STABLE_SECONDS = 5.0
"""A rebalance has ended when the group's generation stays the same so long; so a storm of rebalances stays visible."""


class Observed(Protocol):
    """The status of a partition that its health depends on."""

    source: TopicPartition

    @property
    def trouble(self) -> str:
        """Why the partition does not go on; one sentence, empty without trouble."""

    @property
    def has_capacity(self) -> bool:
        """Whether it takes more records."""

    @property
    def fetching(self) -> bool:
        """Whether its log is fetched at all."""

    @property
    def backlog(self) -> int:
        """Number of uncommitted records; while there are some, the consumer may rightly fetch no more."""

    @property
    def awaited_offset(self) -> int | None:
        """The next offset, if records from there on were fetched and have not arrived; None otherwise."""

    @property
    def uncommitted_seconds(self) -> float:
        """Age of the oldest uncommitted record."""

    @property
    def restoring_seconds(self) -> float:
        """Time since the restore began or last came further."""

    @property
    def restore_progress(self) -> tuple[int, int]:
        """How many offsets of its changelog are read, and how many are to be read."""


class HealthMonitor:
    """Measures how long each part of a worker has made no progress.

    Args:
        assignment: the worker's partitions.
        generation: the group's generation of the assignment; None before the first.
        rebalancing: whether the group rebalances now.
        now: a monotonic clock, in seconds.
    """

    def __init__(
        self,
        assignment: Iterable[Observed],
        generation: Callable[[], int | None],
        rebalancing: Callable[[], bool],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._assignment, self._generation, self._rebalancing, self._now = assignment, generation, rebalancing, now
        start = now()
        self._beat: float | None = None
        self._answered = start
        self._rebalance_since: float | None = start
        self._last_generation, self._generation_since = generation(), start
        self._ends: Mapping[TopicPartition, int] = {}
        self._unread: dict[TopicPartition, tuple[int | None, float]] = {}
        """Partitions with unread records: the fetch position, and since when it has not moved."""
        self._stopping = False
        self._findings: tuple[str, ...] = ()

    def beat(self) -> None:
        """The event loop turns."""
        now, generation = self._now(), self._generation()
        self._beat = now
        if generation != self._last_generation:
            self._last_generation, self._generation_since = generation, now
        if generation is None or self._rebalancing():
            self._rebalance_since = now if self._rebalance_since is None else self._rebalance_since
        elif now - self._generation_since >= STABLE_SECONDS:
            self._rebalance_since = None

    def broker_answered(self) -> None:
        """A broker has answered."""
        self._answered = self._now()

    def set_ends(self, ends: Mapping[TopicPartition, int]) -> None:
        """Record where the committed part of each partition's log ends."""
        self._ends = ends

    def set_position(self, partition: Observed, position: int | None) -> None:
        """Record the fetch position of a partition; None when it is unknown."""
        source, now = partition.source, self._now()
        end, awaited = self._ends.get(source), partition.awaited_offset
        if awaited is not None:  # fetched, but stalled between the consumer and the partition
            position = awaited
        before, since = self._unread.get(source, (None, now))
        # a partition that restores for the first time has a limit of its own
        busy = partition.backlog or not partition.has_capacity or not partition.fetching
        if busy or end is None or (position is not None and position >= end):
            self._unread.pop(source, None)
        elif source not in self._unread or (position is not None and position != before):
            self._unread[source] = position, now
        else:
            self._unread[source] = before, since

    def set_findings(self, findings: Iterable[str]) -> None:
        """Record what is wrong outside of the worker's partitions, a sentence each."""
        self._findings = tuple(findings)

    def forget_revoked(self) -> None:
        """Drop the fetch positions of partitions that are no longer assigned."""
        assigned = {partition.source for partition in self._assignment}
        self._unread = {source: unread for source, unread in self._unread.items() if source in assigned}

    def stop(self) -> None:
        """The worker was asked to stop."""
        self._stopping = True

    def snapshot(self) -> HealthSnapshot:
        """Everything at this moment."""
        now, partitions = self._now(), list(self._assignment)
        restore = [(partition.restoring_seconds, partition.source) for partition in partitions]
        restoring = [one for one in partitions if one.restoring_seconds > 0 and not one.trouble]
        progress = [one.restore_progress for one in restoring]
        return HealthSnapshot(
            # the age of the event loop begins with the first beat; until then the worker is starting
            generation=None if self._beat is None else self._generation(),
            rebalancing=self._rebalancing(),
            assigned=len(partitions),
            restoring=len(restoring),
            restored=sum(done for done, _ in progress),
            to_restore=sum(of for _, of in progress),
            stopping=self._stopping,
            findings=(
                *dict.fromkeys(partition.trouble for partition in partitions if partition.trouble),
                *self._findings,
            ),
            commit=_oldest((partition.uncommitted_seconds, partition.source) for partition in partitions),
            loop=StallAge(0.0 if self._beat is None else now - self._beat),
            broker=StallAge(now - self._answered),
            rebalance=StallAge(0.0 if self._rebalance_since is None else now - self._rebalance_since),
            restore=_oldest(restore),
            fetch=_oldest((now - since, source) for source, (_, since) in self._unread.copy().items()),
        )


def _oldest(ages: Iterable[tuple[float, TopicPartition]]) -> StallAge:
    seconds, source = max(ages, key=lambda age: age[0], default=(0.0, None))
    return StallAge(seconds, f"{source.topic}/{source.partition}") if source is not None and seconds > 0 else StallAge()
