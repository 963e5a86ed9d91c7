"""What a worker watches about itself: lag, and whether commits still get anywhere."""

import asyncio
import os
import threading
import time
from contextlib import suppress

import structlog
from aiokafka.errors import IllegalStateError
from faust.types import TP

from router.stream.partition import Partition
from router.stream.transport import BatchApp
from router.wire.metrics import Metrics

STUCK_SECONDS = 120.0
"""A record in hand this long means that something hangs (known after broker outages): exit, and be started again."""
STUCK_EXIT = 3
LOOK_SECONDS = 5.0
ANSWER_SECONDS = 1.0

log = structlog.get_logger(__name__)


def watch_commits(app: BatchApp) -> threading.Thread:
    """End the process when commits have stopped; in a thread of its own, because the event loop may be what hangs."""

    def watch() -> None:
        while (age := app.owned.uncommitted_seconds) <= STUCK_SECONDS:
            time.sleep(LOOK_SECONDS)
        log.error("no commit gets through, ending this worker so that it is started again", seconds=round(age))
        os._exit(STUCK_EXIT)

    thread = threading.Thread(target=watch, name="watchdog", daemon=True)
    thread.start()
    return thread


async def observe(app: BatchApp, metrics: Metrics) -> None:
    """Update the gauges of lag and commit age."""
    metrics.uncommitted_seconds.set(app.owned.uncommitted_seconds)
    for partition in app.owned:
        # revoked meanwhile, which aiokafka tells in two ways; or the broker is away
        with suppress(IllegalStateError, AssertionError, TimeoutError):
            await asyncio.wait_for(_observe(app, partition, metrics), ANSWER_SECONDS)


async def _observe(app: BatchApp, partition: Partition, metrics: Metrics) -> None:
    source = partition.source
    tp = TP(source.topic, source.partition)
    end, position = app.consumer.highwater(tp), await app.consumer.position(tp)
    unread = max(end - position, 0) if end is not None and position is not None else 0
    lag = unread + partition.backlog
    behind = time.time() - partition.last_timestamp / 1000 if lag and partition.last_timestamp is not None else 0.0
    metrics.lag_records.labels(source.topic, str(source.partition)).set(lag)
    metrics.lag_seconds.labels(source.topic, str(source.partition)).set(max(behind, 0.0))
