"""Gauges of lag while a partition is being taken away."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from prometheus_client import CollectorRegistry

from router.stream.health import Age
from router.stream.vitals import Vitals
from router.stream.watch import observe
from router.wire.metrics import Metrics


class Owned(list[Any]):
    uncommitted_seconds = 0.0


def test_a_partition_that_is_revoked_meanwhile_costs_a_gauge_and_no_worker() -> None:
    source = TopicPartition("reports.policing", 0)
    partition = SimpleNamespace(
        source=source,
        backlog=0,
        last_timestamp=None,
        room=True,
        begun=True,
        awaits=None,
        opening_seconds=0.0,
        uncommitted_seconds=0.0,
    )

    async def look() -> None:
        consumer = AIOKafkaConsumer()  # not started, so nothing is assigned
        app: Any = SimpleNamespace(owned=Owned([partition]), consumer=consumer)
        with pytest.raises(AssertionError, match="not assigned"):
            consumer.highwater(source)
        vitals = Vitals([partition], lambda: 1, lambda: False)
        await observe(app, Metrics(CollectorRegistry()), vitals)
        assert vitals.seen().unread == Age()
        await consumer.stop()

    asyncio.run(look())
