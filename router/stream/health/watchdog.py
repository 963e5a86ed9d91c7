"""The watchdog of a worker, and the observations and gauges that it depends on."""

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

from router.stream.engine.source_partition import SourcePartition
from router.stream.faust_adapter.transport import BatchApp
from router.stream.health.broker_probe import Probe
from router.stream.health.observations import HealthMonitor
from router.stream.health.verdict import HealthReport, HealthSnapshot, Limits, evaluate
from router.wire.metrics import Metrics
from router.workers.exit_codes import STALLED, exit_after_logging

CHECK_SECONDS = 1.0
MAX_FAILED_CHECKS = 10
"""The worker also exits after this many failed checks in a row."""
CHECKS_FAIL = ("the health checks of this worker fail.",)
EXITS = "this worker makes no progress and exits, to be restarted"
POSITION_TIMEOUT_S = 1.0

log = structlog.get_logger(__name__)


class Health:
    """The health report of a worker, at any moment and from any thread."""

    def __init__(self, monitor: HealthMonitor, limits: Limits) -> None:
        self._monitor, self._limits = monitor, limits

    def __call__(self) -> tuple[HealthSnapshot, HealthReport]:
        """A snapshot, and the report that follows from it."""
        snapshot = self._monitor.snapshot()
        return snapshot, evaluate(snapshot, self._limits)


def start_watchdog(
    health: Health, metrics: Metrics, end: Callable[[int], None] = os._exit, check_seconds: float = CHECK_SECONDS
) -> threading.Thread:
    """End the process when only a new one helps. Runs in its own thread, because the event loop may hang."""

    def watch() -> None:
        status, failed_checks = "", 0
        reasons: tuple[str, ...] = CHECKS_FAIL
        while failed_checks < MAX_FAILED_CHECKS:
            report = _check(health, metrics)
            if report is None:
                failed_checks += 1
            elif report.fatal:
                reasons = report.reasons
                break
            else:
                failed_checks = 0
                _log_change(report, status)
                status = report.status
            time.sleep(check_seconds)
        exit_after_logging(STALLED, lambda: log.error(EXITS, reasons=reasons), end)

    thread = threading.Thread(target=watch, name="watchdog", daemon=True)
    thread.start()
    return thread


def _check(health: Health, metrics: Metrics) -> HealthReport | None:
    """One health check; None when the check itself fails, so that the watchdog survives and counts it."""
    try:
        _, report = health()
        metrics.healthy.set(report.status == "ok")
    except Exception:  # noqa: BLE001 - any failure is counted
        metrics.healthy.set(False)
        return None
    return report


def _log_change(report: HealthReport, before: str) -> None:
    """Log when a worker stalls, and when it makes progress again."""
    if report.status != before and "stalled" in (report.status, before):
        with suppress(Exception):  # a full disk must not end the watchdog
            log.warning("health", status=report.status, reasons=report.reasons)


async def probe_cluster(app: BatchApp, probe: Probe, monitor: HealthMonitor) -> None:
    """Ask the cluster whether it answers, and where the logs of the worker's partitions end."""
    if not await probe.answers():
        return
    monitor.broker_answered()
    ends = await probe.ends([partition.source for partition in app.assignment])
    if ends is not None:
        monitor.set_ends(ends)


async def update_gauges(app: BatchApp, metrics: Metrics, monitor: HealthMonitor) -> None:
    """Update the gauges of lag and commit age, and the fetch position of each partition."""
    metrics.uncommitted_seconds.set(app.assignment.uncommitted_seconds)
    snapshot = monitor.snapshot()
    metrics.restore_records.labels("done").set(snapshot.restored)
    metrics.restore_records.labels("remaining").set(snapshot.to_restore - snapshot.restored)
    for partition in app.assignment:
        position = None
        # the partition may have been revoked (aiokafka then raises AssertionError), or the broker may be unreachable
        with suppress(IllegalStateError, AssertionError, TimeoutError):
            position = await asyncio.wait_for(_update_lag(app, partition, metrics), POSITION_TIMEOUT_S)
        monitor.set_position(partition, position)
    monitor.forget_revoked()


async def _update_lag(app: BatchApp, partition: SourcePartition, metrics: Metrics) -> int | None:
    """Update the lag gauges of a partition; the consumer's fetch position."""
    source: TopicPartition = partition.source
    tp = TP(source.topic, source.partition)
    end, position = app.consumer.highwater(tp), await app.consumer.position(tp)
    unread = max(end - position, 0) if end is not None and position is not None else 0
    lag = unread + partition.backlog
    if partition not in list(app.assignment):  # revoked while the consumer answered; its next owner reports the lag
        return None
    age = time.time() - partition.last_timestamp / 1000 if lag and partition.last_timestamp is not None else 0.0
    metrics.lag_records.labels(source.topic, str(source.partition)).set(lag)
    metrics.lag_seconds.labels(source.topic, str(source.partition)).set(max(age, 0.0))
    return None if position is None else int(position)
