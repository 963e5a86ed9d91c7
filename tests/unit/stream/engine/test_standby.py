"""Standby copies that nothing is known of yet."""

import asyncio

import pytest
from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry

from router.cities.folder import load_city
from router.domain.rules.rule_sets import RuleSets
from router.stream.engine.changelog_reader import ChangelogReader
from router.stream.engine.standby import StandbyCopies, rest_after
from router.stream.processors.clock import StreamClock
from router.stream.processors.merge import MergeProcessor
from router.wire.metrics import Metrics
from router.wire.topic_names import Names

SOURCE = TopicPartition("grid.events", 0)
NO_BROKER = "127.0.0.1:1"


def test_a_copy_counts_as_caught_up_only_when_its_lag_is_known() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)

    def value(name: str) -> float | None:
        return registry.get_sample_value(name, {"topic": SOURCE.topic})

    async def scenario() -> None:
        copies = StandbyCopies(ChangelogReader(NO_BROKER, "group"), metrics, lambda: False)
        processor = MergeProcessor(RuleSets(load_city("los-angeles")), Names(""), StreamClock(), metrics)
        copies.follow({SOURCE: processor})
        assert copies.ready == {SOURCE: False}
        assert value("grid_standby_partitions") == 1
        assert value("grid_standby_ready_partitions") == 0
        await copies.close()

    asyncio.run(scenario())


def test_a_worker_without_partitions_catches_up_without_rest() -> None:
    assert rest_after(0.1, busy=False) == 0.0
    assert rest_after(0.1, busy=True) == pytest.approx(0.4), "a fifth of the event loop"


class CancelledOnce(StandbyCopies):
    """Copies whose first read is cancelled by Kafka's client itself."""

    reads = 0
    again: asyncio.Event

    async def _follow(self) -> None:
        self.reads += 1
        if self.reads == 1:
            request = asyncio.get_running_loop().create_future()
            request.cancel()
            await request
        self.again.set()
        await asyncio.Event().wait()


def test_copies_are_kept_on_after_a_cancellation_that_no_one_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.stream.engine.standby.RETRY_S", 0.0)

    async def scenario() -> None:
        metrics = Metrics(CollectorRegistry())
        copies = CancelledOnce(ChangelogReader(NO_BROKER, "group"), metrics, lambda: False)
        copies.again = asyncio.Event()
        processor = MergeProcessor(RuleSets(load_city("los-angeles")), Names(""), StreamClock(), metrics)
        copies.follow({SOURCE: processor})
        async with asyncio.timeout(10):
            await copies.again.wait()
        assert copies.reads == 2
        await copies.close()

    asyncio.run(scenario())
