"""What a worker watches about itself: lag, and whether commits still get anywhere."""

import os
import time
from typing import NoReturn

import structlog
from faust.types import TP

from router.stream.transport import BatchApp
from router.wire.metrics import Metrics

STUCK_SECONDS = 120.0
"""A record in hand this long means that something hangs (known after broker outages): exit, and be started again."""
STUCK_EXIT = 3

log = structlog.get_logger(__name__)


async def observe(app: BatchApp, metrics: Metrics) -> None:
    """Update the gauges of lag and commit age; ends the process when commits have stopped."""
    metrics.uncommitted_seconds.set(app.owned.uncommitted_seconds)
    if app.owned.uncommitted_seconds > STUCK_SECONDS:
        _stuck(app.owned.uncommitted_seconds)
    for partition in app.owned:
        source = partition.source
        tp = TP(source.topic, source.partition)
        end, position = app.consumer.highwater(tp), await app.consumer.position(tp)
        unread = max(end - position, 0) if end is not None and position is not None else 0
        lag = unread + partition.backlog
        behind = time.time() - partition.last_timestamp / 1000 if lag and partition.last_timestamp is not None else 0.0
        metrics.lag_records.labels(source.topic, str(source.partition)).set(lag)
        metrics.lag_seconds.labels(source.topic, str(source.partition)).set(max(behind, 0.0))


def _stuck(seconds: float) -> NoReturn:
    log.error("no commit gets through, ending this worker so that it is started again", seconds=round(seconds))
    os._exit(STUCK_EXIT)
