"""What a worker watches about itself: lag, and whether it still gets anywhere."""

import asyncio
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError
from faust.types import TP

from router.stream.engine.partition import Partition
from router.stream.faust_adapter.transport import BatchApp
from router.stream.health.broker_probe import Probe
from router.stream.health.observations import HealthMonitor
from router.stream.health.verdict import HealthReport, HealthSnapshot, Limits, evaluate
from router.wire.metrics import Metrics
from router.workers.exit_codes import STUCK, exit_after_logging

LOOK_SECONDS = 1.0
BLIND_LOOKS = 10
"""So many looks in a row that fail end the worker, too."""
BLIND = ("looking after this worker fails.",)
ENDS = "this worker gets nowhere and ends itself, to be started again"
ANSWER_SECONDS = 1.0

log = structlog.get_logger(__name__)


class Health:
    """The verdict on a worker, at any moment and from any thread."""

    def __init__(self, monitor: HealthMonitor, limits: Limits) -> None:
        self._vitals, self._limits = monitor, limits

    def __call__(self) -> tuple[HealthSnapshot, HealthReport]:
        """What is seen, and what follows from it."""
        seen = self._vitals.seen()
        return seen, evaluate(seen, self._limits)


def start_watchdog(
    health: Health, metrics: Metrics, end: Callable[[int], None] = os._exit, look_seconds: float = LOOK_SECONDS
) -> threading.Thread:
    """End the process when only a new one helps; in a thread of its own, because the event loop may be what hangs."""

    def look() -> None:
        before, blind = "", 0
        reasons: tuple[str, ...] = BLIND
        while blind < BLIND_LOOKS:
            verdict = _verdict(health, metrics)
            if verdict is None:
                blind += 1
            elif verdict.fatal:
                reasons = verdict.reasons
                break
            else:
                blind = 0
                before = _told(verdict, before)
            time.sleep(look_seconds)
        exit_after_logging(STUCK, lambda: log.error(ENDS, reasons=reasons), end)

    thread = threading.Thread(target=look, name="watchdog", daemon=True)
    thread.start()
    return thread


def _verdict(health: Health, metrics: Metrics) -> HealthReport | None:
    """None when looking itself fails: a watchdog that ended by that would be missed by nobody."""
    try:
        _, verdict = health()
        metrics.healthy.set(verdict.status == "ok")
    except Exception:  # noqa: BLE001 - whatever it is, it is counted
        metrics.healthy.set(False)
        return None
    return verdict


def _told(verdict: HealthReport, before: str) -> str:
    """Say that a worker stands still, or that it does no more; the status."""
    if verdict.status != before and "stuck" in (verdict.status, before):
        with suppress(Exception):  # a full disk must not end the watchdog
            log.warning("health", status=verdict.status, reasons=verdict.reasons)
    return verdict.status


async def probe_cluster(app: BatchApp, probe: Probe, monitor: HealthMonitor) -> None:
    """Ask the cluster whether it answers, and how far the logs of the worker's partitions reach."""
    if not await probe.answers():
        return
    monitor.answered()
    ends = await probe.ends([partition.source for partition in app.assignment])
    if ends is not None:
        monitor.reach(ends)


async def update_gauges(app: BatchApp, metrics: Metrics, monitor: HealthMonitor) -> None:
    """Update the gauges of lag and commit age, and what is known of each partition's reading."""
    metrics.uncommitted_seconds.set(app.assignment.uncommitted_seconds)
    for partition in app.assignment:
        position = None
        # revoked meanwhile, of which one of aiokafka's two questions makes an assertion; or the broker is away
        with suppress(IllegalStateError, AssertionError, TimeoutError):
            position = await asyncio.wait_for(_observe(app, partition, metrics), ANSWER_SECONDS)
        monitor.read(partition, position)
    monitor.forget()


async def _observe(app: BatchApp, partition: Partition, metrics: Metrics) -> int | None:
    source: TopicPartition = partition.source
    tp = TP(source.topic, source.partition)
    end, position = app.consumer.highwater(tp), await app.consumer.position(tp)
    fetch = max(end - position, 0) if end is not None and position is not None else 0
    lag = fetch + partition.backlog
    behind = time.time() - partition.last_timestamp / 1000 if lag and partition.last_timestamp is not None else 0.0
    metrics.lag_records.labels(source.topic, str(source.partition)).set(lag)
    metrics.lag_seconds.labels(source.topic, str(source.partition)).set(max(behind, 0.0))
    return None if position is None else int(position)
