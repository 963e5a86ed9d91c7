"""Records that are fetched and not delivered are fetched again, also before the partition's first commit."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from prometheus_client import CollectorRegistry

from router.broker.admin import apply
from router.domain.rules.rule_sets import RuleSets
from router.stream.engine.processor import Record
from router.stream.faust_adapter.app import build_app
from router.stream.processors.clock import StreamClock
from router.wire.declared_topics import topics_of
from router.wire.metrics import Metrics
from router.wire.settings import Settings
from router.wire.topic_names import Names
from tests.support.cities import shipped
from tests.support.patience import PATIENCE_S

pytestmark = pytest.mark.broker

CITY = "los-angeles"
N = 40


class Accepting:
    """Accepts every batch, always has capacity, and asks for each partition from its beginning."""

    def __init__(self) -> None:
        self.offsets: dict[int, list[int]] = {}
        self.owned: set[tuple[str, int]] = set()
        self.copies: dict[tuple[str, int], bool] = {}
        self._seek_targets: dict[tuple[str, int], int] = {}
        self._session_ids: dict[tuple[str, int], int] = {}

    async def assigned(self, sources: Any, *_: Any) -> None:
        self._seek_targets = dict.fromkeys(sources, 0)
        self._session_ids = dict.fromkeys(sources, 1)

    def seek_targets(self) -> dict[tuple[str, int], int]:
        return dict(self._seek_targets)

    def on_seek(self, topic: str, number: int, position: int) -> None:
        assert self._seek_targets.pop((topic, number)) == position

    def session_ids(self) -> dict[tuple[str, int], int]:
        return self._session_ids

    def refetch_from(self, topic: str, number: int, offset: int, session_id: int) -> None:
        assert session_id == 1
        self._seek_targets[topic, number] = offset

    def positions(self) -> dict[Any, int]:
        return {}

    async def revoked(self, *_: Any) -> None: ...

    def partitions_with_capacity(self, sources: Any) -> set[Any]:
        return set(sources)

    def fetched(self, *_: Any) -> None: ...

    def offer(self, topic: str, number: int, records: Sequence[Record], session_id: int) -> None:
        assert (topic, number) in self._session_ids, session_id
        self.offsets.setdefault(number, []).extend(record.offset for record in records)


async def fill(kafka: str, topic: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka, acks="all") as producer:
        for number in range(N):
            await producer.send_and_wait(topic, b"{}", partition=number % 4)


def test_records_stopped_between_fetch_and_delivery_are_fetched_again(
    kafka: str, namespace: str, tmp_path: Path
) -> None:
    settings = Settings(kafka=kafka, home=tmp_path, namespace=namespace, metrics_port=0)
    city = shipped(CITY)
    apply(kafka, topics_of(city, settings))

    async def scenario() -> tuple[Accepting, int]:
        await fill(kafka, Names(namespace).reports("hotline"))
        app = build_app(RuleSets(city), settings, kafka, StreamClock(), Metrics(CollectorRegistry()))
        accepting = app.assignment = Accepting()
        fetch, stopped = app.consumer._getmany, 0

        async def fetch_and_stop(active_partitions: Any, timeout: float) -> Any:  # noqa: ASYNC109 - Faust's signature
            nonlocal stopped
            records = await fetch(active_partitions, timeout)
            if any(records.values()) and stopped < 3:
                stopped += 1
                app.consumer.stop_flow()
                asyncio.get_running_loop().call_later(0.3, app.consumer.resume_flow)
            return records

        app.consumer._getmany = fetch_and_stop
        await app.start()
        try:
            async with asyncio.timeout(PATIENCE_S):
                while sum(map(len, accepting.offsets.values())) < N and app.consumer.should_stop is False:
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pass  # the comparison says what is missing
        finally:
            await app.stop()
        return accepting, stopped

    accepting, stopped = asyncio.run(scenario())
    assert stopped == 3
    assert {number: list(dict.fromkeys(offsets)) for number, offsets in accepting.offsets.items()} == {
        number: list(range(N // 4)) for number in range(4)
    }
