"""Workers that join, leave and are killed under load: both stages process every record once.

A rebalance without a crash is the most common fault. Records are lost there when a consumer neither hands over nor refetches
what it fetched in an earlier generation of the group.
"""

import threading
import time
from collections import Counter
from pathlib import Path
from typing import Self

import pytest
from kafka import KafkaProducer

from router.broker.admin import apply, connected
from router.wire.codec import decode_case
from router.wire.declared_topics import topics_of
from router.wire.errors import BrokerError
from router.wire.settings import Settings
from router.wire.topic_names import Names
from router.workers.client_id import client_id
from router.workers.dead_members import DeadMembers
from router.workers.pool import WorkerPool
from tests.support.cities import recorded, shipped
from tests.support.patience import PATIENCE_S
from tests.support.topics import committed

pytestmark = [pytest.mark.broker, pytest.mark.long, pytest.mark.timeout(600)]

CITY = "los-angeles"
PER_SECOND = 500


class Load:
    """Recorded requests with fresh ids at a steady rate, until stopped; what Kafka acknowledged is in `sent`."""

    def __init__(self, settings: Settings, topic: str) -> None:
        self._settings, self._topic = settings, topic
        self.sent: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        messages = recorded(CITY).messages(1_000_000)
        producer = KafkaProducer(bootstrap_servers=self._settings.kafka, acks="all", linger_ms=5)
        while not self._stop.wait(0.02):
            batch = [next(messages) for _ in range(PER_SECOND // 50)]
            sending = [producer.send(self._topic, value=m.value, key=m.source_id.encode()) for m in batch]
            for future in sending:
                future.get(PATIENCE_S)
            self.sent += [message.report for message in batch]
        producer.close()


def members(settings: Settings) -> int:
    """Number of members of the workers' group while it is stable, else 0."""
    name = Names(settings.namespace).group
    try:
        with connected(str(settings.kafka)) as admin:
            group = admin.describe_groups([name])[name]
    except BrokerError:  # a broker that has just started has no coordinator yet
        return 0
    return len(group["members"]) if group["group_state"] == "Stable" else 0


def reports_in_cases(settings: Settings) -> Counter[str]:
    cases = {r.key: r.value for r in committed(str(settings.kafka), Names(settings.namespace).cases)}
    return Counter(report.id for value in cases.values() for report in decode_case(value).reports)


def await_members(settings: Settings, number: int, *pools: WorkerPool) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while members(settings) != number:
        for pool in pools:
            pool.poll()
        assert time.monotonic() < deadline, f"the group never had {number} members"
        time.sleep(0.2)


def await_progress(load: Load, records: int) -> None:
    """Wait until this many more records are sent in the current generation."""
    goal = len(load.sent) + records
    while len(load.sent) < goal:
        time.sleep(0.05)


def test_workers_that_join_leave_and_die_lose_and_duplicate_nothing(kafka: str, namespace: str, tmp_path: Path) -> None:
    settings = Settings(kafka=kafka, home=tmp_path / "one", namespace=namespace, metrics_port=0)
    other = settings.model_copy(update={"home": tmp_path / "two"})
    said: list[str] = []
    apply(kafka, topics_of(shipped(CITY), settings))
    with WorkerPool(CITY, settings, 1, "stream") as staying:
        await_members(settings, 1, staying)
        with Load(settings, Names(namespace).reports("hotline")) as load:
            for leaves_by in ("stop", "kill", "stop"):
                with WorkerPool(CITY, other, 1, "stream") as visiting:
                    await_members(settings, 2, staying, visiting)
                    await_progress(load, 500)
                    if leaves_by == "kill":
                        pid = visiting.pids[0]
                        visiting.kill(0)
                        dead = DeadMembers(kafka, Names(namespace).group, said.append)
                        dead.remove(pid).join(PATIENCE_S)
                await_members(settings, 1, staying)
                await_progress(load, 500)
        deadline = time.monotonic() + PATIENCE_S
        while len(found := reports_in_cases(settings)) < len(load.sent) and time.monotonic() < deadline:
            time.sleep(0.5)
    assert said == [f"the group goes on without {client_id(pid)}, whose process has ended"]
    assert len(load.sent) > 3000
    assert sorted(set(load.sent) - set(found)) == [], "lost"
    assert [report for report, times in found.items() if times > 1] == [], "in two cases"
    assert staying.restarts == 0
