"""The watchdog ends a stalled worker, whatever else fails; lag gauges while a partition is revoked."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from prometheus_client import CollectorRegistry

from router.stream.health.observations import HealthMonitor
from router.stream.health.verdict import HealthReport, HealthSnapshot, Limits, StallAge
from router.stream.health.watchdog import Health, start_watchdog, update_gauges
from router.wire.metrics import Metrics
from router.workers.exit_codes import STALLED
from tests.support.observations import Worker
from tests.support.patience import PATIENCE_S


class AssignedPartitions(list[Any]):
    uncommitted_seconds = 0.0


def test_a_partition_that_is_revoked_during_the_update_is_harmless() -> None:
    source = TopicPartition("reports.policing", 0)
    partition = SimpleNamespace(
        source=source,
        trouble="",
        backlog=0,
        last_timestamp=None,
        has_capacity=True,
        fetching=True,
        awaited_offset=None,
        restoring_seconds=0.0,
        uncommitted_seconds=0.0,
    )

    async def update() -> None:
        consumer = AIOKafkaConsumer()  # not started, so nothing is assigned
        app: Any = SimpleNamespace(assignment=AssignedPartitions([partition]), consumer=consumer)
        with pytest.raises(AssertionError, match="not assigned"):
            consumer.highwater(source)
        monitor = HealthMonitor([partition], lambda: 1, lambda: False)
        await update_gauges(app, Metrics(CollectorRegistry()), monitor)
        assert monitor.snapshot().fetch == StallAge()
        await consumer.stop()

    asyncio.run(update())


def test_a_revoked_partition_leaves_no_lag_behind() -> None:
    """Its next owner reports the lag. A stale value beside it would never become 0."""
    metrics = Metrics(CollectorRegistry())
    source = TopicPartition("grid.events", 2)
    partition = SimpleNamespace(source=source, backlog=35, last_timestamp=1, has_capacity=True, restoring_seconds=0.0)
    assignment = AssignedPartitions([partition])

    class Consumer:
        def highwater(self, _: Any) -> int:
            return 40

        async def position(self, _: Any) -> int:
            assignment.remove(partition)  # the rebalance revokes it while the consumer answers
            metrics.remove_lag(source.topic, source.partition)
            return 5

    app: Any = SimpleNamespace(assignment=assignment, consumer=Consumer())
    monitor: Any = SimpleNamespace(set_position=lambda *_: None, forget_revoked=lambda: None, snapshot=HealthSnapshot)
    metrics.lag_records.labels(source.topic, "2").set(35)
    asyncio.run(update_gauges(app, metrics, monitor))
    assert metrics.registry.get_sample_value("grid_lag_records", {"topic": "grid.events", "partition": "2"}) is None


def test_the_watchdog_ends_the_process_at_the_limit_and_not_before() -> None:
    worker, ended = Worker(), list[int]()
    registry = CollectorRegistry()
    health = Health(worker.monitor, replace(Limits(), broker_s=60))
    worker.generation = 1
    worker.monitor.beat()
    worker.clock.now += 29
    thread = start_watchdog(health, Metrics(registry), ended.append, check_seconds=0.001)
    for seconds, healthy in ((29, 1.0), (31, 0.0)):
        worker.clock.now = 100 + seconds
        worker.monitor.beat()
        while registry.get_sample_value("grid_healthy") != healthy:
            thread.join(0.001)
            assert thread.is_alive()
    assert ended == []
    worker.clock.now = 160
    thread.join(PATIENCE_S)
    assert ended == [STALLED]


def test_a_watchdog_whose_checks_fail_ends_the_process() -> None:
    def failing() -> tuple[HealthSnapshot, HealthReport]:
        raise TypeError("changed during iteration")

    ended: list[int] = []
    registry = CollectorRegistry()
    start_watchdog(failing, Metrics(registry), ended.append, check_seconds=0.001).join(PATIENCE_S)  # type: ignore[arg-type]
    assert ended == [STALLED]
    assert registry.get_sample_value("grid_healthy") == 0


def test_one_failed_check_does_not_end_the_process() -> None:
    checks = iter([TypeError, HealthReport("ok"), TypeError, HealthReport("stalled", ("why.",), fatal=True)] * 20)
    seen: list[object] = []

    def health() -> tuple[HealthSnapshot, HealthReport]:
        check = next(checks)
        seen.append(check)
        if not isinstance(check, HealthReport):
            raise TypeError
        return HealthSnapshot(), check

    ended: list[int] = []
    start_watchdog(health, Metrics(CollectorRegistry()), ended.append, check_seconds=0.001).join(PATIENCE_S)  # type: ignore[arg-type]
    assert (ended, len(seen)) == ([STALLED], 4)
