"""The group of workers seen from outside, all the time: who is in it, how far it has come, and when it recovered."""

import threading
import time
from collections.abc import Iterable, Mapping
from typing import Self

from kafka import KafkaAdminClient, TopicPartition
from kafka.errors import KafkaError
from kafka.protocol.consumer.offsets import IsolationLevel, OffsetSpec
from msgspec import Struct

from router.wire.errors import BrokerError

LOOK_S = 0.4
ANSWER_MS = 4000
SOON_S = 1.0


class Sample(Struct, frozen=True):
    """One look."""

    at: float
    """Of the monotonic clock."""
    members: int
    """0 while the group is not at rest."""
    committed: Mapping[TopicPartition, int]
    ends: Mapping[TopicPartition, int]

    def passed(self, marks: Mapping[TopicPartition, int]) -> bool:
        """Whether everything before the marks is committed."""
        return all(self.committed.get(tp, 0) >= mark for tp, mark in marks.items())


class Recovery:
    """When all that was acknowledged within a second after an instant had passed both stages.

    What came before that instant is mostly through already; what comes in that second needs whoever was struck.

    Args:
        begun: that instant.
        sources: partitions of the networks' topics; all others are of the grid stream.
    """

    def __init__(self, begun: float, sources: Iterable[TopicPartition]) -> None:
        self._begun, self._sources = begun, frozenset(sources)
        self._first: dict[TopicPartition, int] | None = None
        self._second: dict[TopicPartition, int] | None = None
        self.took_s: float | None = None
        """Seconds since that instant; None while it has not happened."""

    def look(self, sample: Sample) -> None:
        """Take the next look into account."""
        if self._first is None:
            if sample.at >= self._begun + SOON_S:
                self._first = {tp: end for tp, end in sample.ends.items() if tp in self._sources}
        elif self._second is None:
            if sample.passed(self._first):
                # their events stand before this; under load more come, so positions pass the markers behind them too
                self._second = {tp: end for tp, end in sample.ends.items() if tp not in self._sources}
        elif self.took_s is None and sample.passed(self._second):
            self.took_s = sample.at - self._begun


class Watch:
    """Looks at the group about twice a second in a thread of its own; a context manager.

    Args:
        bootstrap: `host:port`.
        group: of the workers.
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
        self._thread = threading.Thread(target=self._run, name="watch")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def members(self) -> int:
        """Of the group at rest, as of the last look."""
        return 0 if self.latest is None else self.latest.members

    def expect(self) -> None:
        """From now on measure how long recovering takes."""
        self.recovery = Recovery(time.monotonic(), self._sources)

    def _run(self) -> None:
        admin: KafkaAdminClient | None = None
        while not self._stop.wait(LOOK_S):
            try:
                if admin is None:
                    admin = KafkaAdminClient(
                        bootstrap_servers=self._bootstrap, request_timeout_ms=ANSWER_MS, bootstrap_timeout_ms=ANSWER_MS
                    )
                self.latest = self._look(admin)
            except (KafkaError, BrokerError, OSError, ValueError, KeyError):  # the broker is away
                if admin is not None:
                    admin.close()
                admin = None
                continue
            if self.recovery is not None:
                self.recovery.look(self.latest)
        if admin is not None:
            admin.close()

    def _look(self, admin: KafkaAdminClient) -> Sample:
        group = admin.describe_groups([self._group])[self._group]
        committed = admin.list_group_offsets({self._group: None})[self._group]
        ends = admin.list_partition_offsets(self._wanted, isolation_level=IsolationLevel.READ_COMMITTED)
        return Sample(
            at=time.monotonic(),
            members=len(group["members"]) if group["group_state"] == "Stable" else 0,
            committed={tp: there.offset for tp, there in committed.items()},
            ends={tp: there.offset for tp, there in ends.items()},
        )
