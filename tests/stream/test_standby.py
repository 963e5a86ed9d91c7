"""A worker that is killed: the other one goes on with its standby copies, and reads only the end of the changelogs."""

import time
from collections.abc import Callable
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest
from kafka import TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from router.broker.admin import apply
from router.kafka.blocking import PATIENT_MS, open_consumer
from router.stream.faust_adapter.app import SESSION_SECONDS
from router.wire.declared_topics import topics_of
from router.wire.settings import Settings
from router.wire.topic_names import Names
from router.workers.pool import WorkerPool
from tests.stream.test_rebalance import CITY, Load, await_members, await_progress, reports_in_cases
from tests.support.broker import free_ports
from tests.support.cities import shipped
from tests.support.patience import PATIENCE_S

PARTITIONS = 4 * 6
"""Of the five networks of Los Angeles and of the grid stream."""
TAKEOVER_S = 10.0
"""From the end of the killed worker's session to the first cases of its partitions, on a machine that does other work, too. Alone it
takes 1 to 2 s (docs/benchmarks.md); the timeout of a rebalance or of a transaction would be 20 or 30 s."""
pytestmark = [pytest.mark.broker, pytest.mark.long, pytest.mark.timeout(600)]


def total(settings: Settings, name: str) -> float:
    """The sum of a metric of worker 0 over all its labels, without the topics of feedback: they have no state, and so no copies."""
    feedback = f"{settings.namespace}feedback."
    opener = build_opener(ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{settings.metrics_port}/metrics", timeout=PATIENCE_S) as answer:
        families = text_string_to_metric_families(answer.read().decode())
        samples = [sample for family in families for sample in family.samples if sample.name == name]
        return sum(one.value for one in samples if not one.labels.get("topic", "").startswith(feedback))


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def await_all_partitions(settings: Settings) -> None:
    """Wait until each partition of the cases has a record that was committed after the call."""
    topic = Names(settings.namespace).cases
    with open_consumer(str(settings.kafka), connect_ms=PATIENT_MS) as reader:
        missing = {TopicPartition(topic, number) for number in range(settings.partitions)}
        reader.assign(sorted(missing))
        reader.seek_to_end()
        deadline = time.monotonic() + PATIENCE_S
        while missing:
            assert time.monotonic() < deadline
            missing -= {source for source, records in reader.poll(timeout_ms=100).items() if records}


def test_a_killed_worker_is_replaced_by_its_copies(kafka: str, namespace: str, tmp_path: Path) -> None:
    settings = Settings(kafka=kafka, home=tmp_path / "one", namespace=namespace, metrics_port=free_ports(1))
    other = settings.model_copy(update={"home": tmp_path / "two", "metrics_port": 0})
    apply(kafka, topics_of(shipped(CITY), settings))
    with WorkerPool(CITY, settings, 1, "stream") as staying, WorkerPool(CITY, other, 1, "stream") as killed:
        await_members(settings, 2, staying, killed)
        with Load(settings, Names(namespace).reports("hotline")) as load:
            # both have their share at last: each has a copy of the other's
            half = PARTITIONS / 2
            until(
                lambda: total(settings, "grid_partitions") == total(settings, "grid_standby_ready_partitions") == half
            )
            await_progress(load, 3000)
            before, restored = len(load.sent), total(settings, "grid_restored_records_total")
            rebalances, at = total(settings, "grid_rebalances_total"), time.monotonic()
            killed.kill(0)
            until(lambda: total(settings, "grid_partitions") == PARTITIONS)
            await_all_partitions(settings)
            seconds = time.monotonic() - at
            assert total(settings, "grid_rebalances_total") - rebalances == 1
        deadline = time.monotonic() + PATIENCE_S
        while len(found := reports_in_cases(settings)) < len(load.sent) and time.monotonic() < deadline:
            time.sleep(0.5)
        tail = total(settings, "grid_restored_records_total") - restored
        assert staying.restarts == 0
    logged = "".join(file.read_text("utf-8") for file in (tmp_path / "one" / "logs").iterdir())
    assert "a standby copy cannot be kept" not in logged
    assert sorted(set(load.sent) - set(found)) == [], "lost"
    assert [report for report, times in found.items() if times > 1] == [], "in two cases"
    # without copies it would read an entry of the dedup index for each report of the killed worker, and its cases
    assert tail < before / 4
    assert seconds < SESSION_SECONDS + TAKEOVER_S
