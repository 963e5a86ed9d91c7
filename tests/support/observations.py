"""A health monitor over a manual clock and partitions whose status a test sets."""

from aiokafka import TopicPartition

from router.stream.health.observations import HealthMonitor
from router.stream.health.verdict import HealthSnapshot


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Partition:
    """The status of one partition, as a health monitor reads it."""

    def __init__(self, number: int) -> None:
        self.source = TopicPartition("grid.events", number)
        self.has_capacity = self.fetching = True
        self.backlog = 0
        self.trouble = ""
        self.awaited_offset: int | None = None
        self.uncommitted_seconds = 0.0
        self.restoring_seconds = 0.0
        self.restore_progress = (0, 0)


class Worker:
    """A health monitor, and what it observes."""

    def __init__(self, partitions: int = 2) -> None:
        self.clock, self.partitions = Clock(), [Partition(number) for number in range(partitions)]
        self.generation: int | None = None
        self.rebalancing = False
        self.monitor = HealthMonitor(self.partitions, lambda: self.generation, lambda: self.rebalancing, self.clock)

    def after(self, seconds: float) -> HealthSnapshot:
        self.clock.now += seconds
        return self.monitor.snapshot()
