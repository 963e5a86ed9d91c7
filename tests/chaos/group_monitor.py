"""Observes the consumer group during a run: its members, its committed offsets, and when it has recovered."""

import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Self

from kafka import KafkaAdminClient, TopicPartition
from kafka.errors import KafkaError
from kafka.protocol.consumer.offsets import IsolationLevel, OffsetSpec
from msgspec import Struct

from router.kafka.connecting import connect_options
from router.wire.errors import BrokerError

SAMPLE_INTERVAL_S = 0.4
REQUEST_TIMEOUT_MS = 4000
MARK_AFTER_S = 1.0


class Sample(Struct, frozen=True):
    """One observation."""

    at: float
    """Seconds of the monotonic clock."""
    members: int
    """0 while the group is not stable, and while a member that could have partitions has none: a worker that joins warms up copies first."""
    committed: Mapping[TopicPartition, int]
    ends: Mapping[TopicPartition, int]
    assigned: Collection[tuple[str, int]]
    """Topics and partitions of all members."""

    def passed(self, marks: Mapping[TopicPartition, int]) -> bool:
        """Whether every offset before the marks is committed."""
        return all(self.committed.get(tp, 0) >= mark for tp, mark in marks.items())


class Recovery:
    """Measures when both stages have processed every report acknowledged in the second after a fault.

    Earlier reports are mostly processed by then. Reports of that second need the component that failed.

    Args:
        begun: when the fault began.
        sources: partitions of the networks' topics; all others belong to the grid stream.
    """

    def __init__(self, begun: float, sources: Iterable[TopicPartition]) -> None:
        self._begun, self._sources = begun, frozenset(sources)
        self._first: dict[TopicPartition, int] | None = None
        self._second: dict[TopicPartition, int] | None = None
        self.took_s: float | None = None
        """Seconds since the fault began; None until it has recovered."""

    def update(self, sample: Sample) -> None:
        """Process the next sample."""
        if self._first is None:
            if sample.at >= self._begun + MARK_AFTER_S:
                self._first = {tp: end for tp, end in sample.ends.items() if tp in self._sources}
        elif self._second is None:
            if sample.passed(self._first):
                # their events are before these ends; the load goes on, so offsets pass the control records behind them
                self._second = {tp: end for tp, end in sample.ends.items() if tp not in self._sources}
        elif self.took_s is None and sample.passed(self._second):
            self.took_s = sample.at - self._begun


class GroupMonitor:
    """Samples the group about twice a second in its own thread; a context manager.

    Args:
        bootstrap: `host:port`.
        group: consumer group of the workers.
        sources: partitions of the networks' topics.
        events: partitions of the grid stream.
    """

    def __init__(
        self, bootstrap: str, group: str, *, sources: Iterable[TopicPartition], events: Iterable[TopicPartition]
    ) -> None:
        self._bootstrap, self._group = bootstrap, group
        self._sources, self._wanted = set(sources), dict.fromkeys([*sources, *events], OffsetSpec.LATEST)
        self.latest: Sample | None = None
        self.recovery: Recovery | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="group-monitor")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def members(self) -> int:
        """Members of the stable group in the last sample, each with partitions of its own; 0 if one has none."""
        return 0 if self.latest is None else self.latest.members

    def assigned(self, partitions: Iterable[TopicPartition]) -> bool:
        """Whether the group was stable in the last sample, as `members` counts, and had assigned all of these."""
        return self.members > 0 and self.latest is not None and {*partitions} <= {*self.latest.assigned}

    def measure_recovery(self) -> None:
        """Start to measure the recovery time."""
        self.recovery = Recovery(time.monotonic(), self._sources)

    def _run(self) -> None:
        admin: KafkaAdminClient | None = None
        while not self._stop.wait(SAMPLE_INTERVAL_S):
            try:
                if admin is None:
                    admin = KafkaAdminClient(
                        **connect_options(self._bootstrap),
                        request_timeout_ms=REQUEST_TIMEOUT_MS,
                        bootstrap_timeout_ms=REQUEST_TIMEOUT_MS,
                    )
                self.latest = self._sample(admin)
            except (KafkaError, BrokerError, OSError, ValueError, KeyError):  # the broker is not available
                if admin is not None:
                    admin.close()
                admin = None
                continue
            if self.recovery is not None:
                self.recovery.update(self.latest)
        if admin is not None:
            admin.close()

    def _sample(self, admin: KafkaAdminClient) -> Sample:
        group = admin.describe_groups([self._group])[self._group]
        shares = [set(_assigned(member)) for member in group["members"]]
        committed = admin.list_group_offsets({self._group: None})[self._group]
        ends = admin.list_partition_offsets(self._wanted, isolation_level=IsolationLevel.READ_COMMITTED)
        return Sample(
            at=time.monotonic(),
            members=len(shares) if group["group_state"] == "Stable" and _all_have_some(shares) else 0,
            committed={tp: found.offset for tp, found in committed.items()},
            ends={tp: found.offset for tp, found in ends.items()},
            assigned=set().union(*shares),
        )


def _all_have_some(shares: Collection[Collection[tuple[str, int]]]) -> bool:
    """Whether every member has partitions; with fewer numbers of partitions than members, whether as many have some as can."""
    numbers = {number for share in shares for _, number in share}
    return 0 < min(len(shares), len(numbers)) <= sum(bool(share) for share in shares)


def _assigned(member: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    assignment = member["member_assignment"]
    if isinstance(assignment, Mapping):  # a member that has just joined has none
        for one in assignment["assigned_partitions"]:
            for number in one["partitions"]:
                yield one["topic"], number
