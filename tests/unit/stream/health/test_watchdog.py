"""The watchdog ends what stands still, whatever else fails; gauges of lag while a partition is being taken away."""

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
from router.workers.exit_codes import STUCK
from tests.support.observations import Worker


class AssignedPartitions(list[Any]):
    uncommitted_seconds = 0.0


def test_a_partition_that_is_revoked_meanwhile_costs_a_gauge_and_no_worker() -> None:
    source = TopicPartition("reports.policing", 0)
    partition = SimpleNamespace(
        source=source,
        backlog=0,
        last_timestamp=None,
        has_capacity=True,
        begun=True,
        awaits=None,
        restoring_seconds=0.0,
        uncommitted_seconds=0.0,
    )

    async def look() -> None:
        consumer = AIOKafkaConsumer()  # not started, so nothing is assigned
        app: Any = SimpleNamespace(assignment=AssignedPartitions([partition]), consumer=consumer)
        with pytest.raises(AssertionError, match="not assigned"):
            consumer.highwater(source)
        monitor = HealthMonitor([partition], lambda: 1, lambda: False)
        await update_gauges(app, Metrics(CollectorRegistry()), monitor)
        assert monitor.seen().fetch == StallAge()
        await consumer.stop()

    asyncio.run(look())


def test_the_watchdog_ends_the_process_at_the_limit_and_not_before() -> None:
    worker, ended = Worker(), list[int]()
    registry = CollectorRegistry()
    health = Health(worker.monitor, replace(Limits(), broker_s=60))
    worker.generation = 1
    worker.monitor.beat()
    worker.clock.now += 29
    thread = start_watchdog(health, Metrics(registry), ended.append, look_seconds=0.001)
    for seconds, healthy in ((29, 1.0), (31, 0.0)):
        worker.clock.now = 100 + seconds
        worker.monitor.beat()
        while registry.get_sample_value("grid_healthy") != healthy:
            thread.join(0.001)
            assert thread.is_alive()
    assert ended == []
    worker.clock.now = 160
    thread.join(10)
    assert ended == [STUCK]


def test_a_watchdog_that_cannot_look_says_not_well_and_ends_the_process() -> None:
    def blind() -> tuple[HealthSnapshot, HealthReport]:
        raise TypeError("changed meanwhile")

    ended: list[int] = []
    registry = CollectorRegistry()
    start_watchdog(blind, Metrics(registry), ended.append, look_seconds=0.001).join(20)  # type: ignore[arg-type]
    assert ended == [STUCK]
    assert registry.get_sample_value("grid_healthy") == 0


def test_one_look_that_fails_is_no_end() -> None:
    looks = iter([TypeError, HealthReport("ok"), TypeError, HealthReport("stuck", ("why.",), fatal=True)] * 20)
    seen: list[object] = []

    def health() -> tuple[HealthSnapshot, HealthReport]:
        look = next(looks)
        seen.append(look)
        if not isinstance(look, HealthReport):
            raise TypeError
        return HealthSnapshot(), look

    ended: list[int] = []
    start_watchdog(health, Metrics(CollectorRegistry()), ended.append, look_seconds=0.001).join(20)  # type: ignore[arg-type]
    assert (ended, len(seen)) == ([STUCK], 4)
