"""One worker on a real broker: poison among sound records, its metrics, and what it does not start with."""

import asyncio
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import orjson
import pytest
from aiokafka import AIOKafkaConsumer
from kafka import KafkaProducer

from router.broker.admin import apply
from router.domain.intake.normalise import MAX_BYTES
from router.simulator.messages import SourceMessage
from router.stream.faust_adapter.assignor import ASSIGNOR
from router.stream.preflight import check_group
from router.wire.codec import decode_case, read_dead_letter
from router.wire.declared_topics import topics_of
from router.wire.rejections import decode_rejection
from router.wire.settings import Settings
from router.wire.topic_names import Names
from router.workers.pool import WorkerPool, environment
from tests.support.broker import free_ports
from tests.support.cities import open_requests, shipped
from tests.support.patience import PATIENCE_S
from tests.support.topics import Record, committed

pytestmark = pytest.mark.broker

CITY = "los-angeles"
GARBAGE = [
    None,
    b"",
    b"\xff\xfe not text",
    b'{"SRNumber": ',
    b'{"SRNumber": "x"}',
    b"[" * 100_000,
    b"x" * (MAX_BYTES + 1),
    b"x" * ((4 << 20) - 200),
]
"""Values that no network may send; the largest is as large as its topic allows."""
REDELIVERED = 'grid_reports_total{network="hotline",outcome="redelivered"}'
METRICS = {
    "grid_reports_total",
    "grid_merges_total",
    "grid_tasks_total",
    "grid_rule_hits_total",
    "grid_dead_letters_total",
    "grid_lag_records",
    "grid_lag_seconds",
    "grid_oldest_uncommitted_seconds",
    "grid_transaction_seconds_count",
    "grid_restore_seconds_count",
    "grid_matchable_cases",
    "grid_batch_records_count",
}
"""The metrics that docs/reference/metrics.md promises."""


@pytest.fixture
def settings(kafka: str, namespace: str, tmp_path: Path) -> Settings:
    return Settings(kafka=kafka, home=tmp_path, namespace=namespace, partitions=2, metrics_port=free_ports(1))


@pytest.fixture
def names(settings: Settings) -> Names:
    apply(str(settings.kafka), topics_of(shipped(CITY), settings))
    return Names(settings.namespace)


@pytest.fixture
def worker(settings: Settings, names: Names) -> Iterator[WorkerPool]:
    """One running worker."""
    del names  # its topics exist
    with WorkerPool(CITY, settings, 1, "wall") as pool:
        yield pool


def some_requests(number: int) -> list[SourceMessage]:
    return open_requests(CITY, number)


def produce(settings: Settings, topic: str, values: Sequence[bytes | None], key: bytes | None = None) -> None:
    """Send values to partition 0, a request under its id unless a key is given."""
    producer = KafkaProducer(
        bootstrap_servers=settings.kafka, acks="all", max_request_size=16 << 20, compression_type="gzip"
    )
    for value in values:
        found = re.search(rb'"SRNumber":"([^"]+)"', value or b"")
        own = key if key is not None else found[1] if found else b"k"
        producer.send(topic, value=value, key=own, partition=0, headers=[("traceparent", b"00-1")]).get(PATIENCE_S)
    producer.close()


def until(condition: Callable[[], bool], pool: WorkerPool, seconds: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        pool.poll()
        assert time.monotonic() < deadline, pool.logs[0].read_text()[-3000:]
        time.sleep(0.2)


def records(settings: Settings, *topics: str) -> list[Record]:
    return committed(str(settings.kafka), *topics)


def reports_in_cases(settings: Settings, names: Names) -> list[str]:
    latest = {record.key: record.value for record in records(settings, names.cases)}
    return sorted(report.id for value in latest.values() for report in decode_case(value).reports)


def test_poison_stops_no_partition_and_no_other_record(settings: Settings, names: Names, worker: WorkerPool) -> None:
    requests = some_requests(20)
    topic = names.reports("hotline")
    for request, value in zip(requests, [*GARBAGE, *[None] * len(requests)], strict=False):
        produce(settings, topic, [value, request.value])
    produce(settings, names.events, [b"not an event", None], key=b"060371002014001")
    expected = sorted(request.report for request in requests)
    until(lambda: reports_in_cases(settings, names) == expected, worker)
    until(lambda: len(records(settings, names.dead_letters)) >= 20 + 2, worker)
    dead_letters = [read_dead_letter(r.key, r.value, list(r.headers)) for r in records(settings, names.dead_letters)]
    sent = [record for name in (topic, names.events) for record in records(settings, name)]
    by_address = {(record.topic, record.partition, record.offset): record for record in sent}
    assert len({dead_letter.id for dead_letter in dead_letters}) == len(dead_letters) == 22
    for dead_letter in dead_letters:
        original = by_address[dead_letter.topic, dead_letter.partition, dead_letter.offset]
        assert dead_letter.key == original.key
        assert (dead_letter.value, dead_letter.omitted) == (original.value, None)
        assert dead_letter.headers == (("traceparent", b"00-1"),)
        assert dead_letter.reason.endswith(".")
    rejections = [decode_rejection(record.value) for record in records(settings, names.rejections("hotline"))]
    assert sorted((one.topic, one.partition, one.offset, one.code, one.reason) for one in rejections) == sorted(
        (one.topic, one.partition, one.offset, one.code, one.reason) for one in dead_letters if one.topic == topic
    )
    assert {dead_letter.code for dead_letter in dead_letters} == {
        "empty",
        "too-large",
        "not-utf8",
        "not-json",
        "schema",
        "not-an-event",
    }
    assert worker.restarts == 0


def test_a_redelivered_report_is_counted_and_has_no_effect(
    settings: Settings, names: Names, worker: WorkerPool
) -> None:
    (request,) = some_requests(1)
    produce(settings, names.reports("hotline"), [request.value] * 3)
    until(lambda: metric(settings, REDELIVERED) == 2, worker)
    until(lambda: reports_in_cases(settings, names) == [request.report], worker)
    assert len(records(settings, *map(names.tasks, shipped(CITY).catalogue.departments))) == 1


def page(settings: Settings) -> str:
    url = f"http://127.0.0.1:{settings.metrics_port}/metrics"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=PATIENCE_S) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def metric(settings: Settings, name: str) -> float | None:
    samples = [line.rsplit(" ", 1)[1] for line in page(settings).splitlines() if line.startswith(f"{name} ")]
    return float(samples[0]) if samples else None


def test_every_promised_metric_is_served_on_loopback(settings: Settings, names: Names, worker: WorkerPool) -> None:
    produce(settings, names.reports("hotline"), [*[one.value for one in some_requests(3)], b"garbage"])
    until(lambda: metric(settings, 'grid_reports_total{network="hotline",outcome="rejected"}') == 1, worker)
    until(lambda: metric(settings, 'grid_merges_total{decision="opened"}') is not None, worker)
    until(lambda: metric(settings, f'grid_lag_records{{partition="0",topic="{names.events}"}}') == 0, worker)
    assert metric(settings, 'grid_reports_total{network="hotline",outcome="accepted"}') == 3
    served = {line.split("{")[0].split(" ")[0] for line in page(settings).splitlines() if not line.startswith("#")}
    assert served >= METRICS
    assert settings.metrics_host == "127.0.0.1"
    top = [sys.executable, "-m", "router.cli.main", "top", "--once"]
    shown = subprocess.run(
        top, env=environment(settings), capture_output=True, text=True, check=True, timeout=PATIENCE_S
    )
    assert shown.stdout.startswith("read 4 (0/s)  opened 3 ")
    assert shown.stdout.endswith("workers 1/1\n"), "one healthy worker, and nothing to look at"


def start_worker(settings: Settings, city: str = CITY) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "router.cli.main", "worker", city]
    return subprocess.run(
        command, env=environment(settings), capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )


def test_a_worker_without_its_topics_or_broker_ends_with_one_sentence(settings: Settings) -> None:
    prefix, others = settings.namespace, len(topics_of(shipped(CITY), settings)) - 1
    for done, sentence in (
        (
            start_worker(settings),
            f"{prefix}reports.environment: the topic does not exist (and {others} more); run `grid-router",
        ),
        (start_worker(settings, "atlantis"), "no city 'atlantis'"),
        (start_worker(settings.model_copy(update={"kafka": "127.0.0.1:1"})), "127.0.0.1:1: no Kafka broker answers"),
    ):
        assert done.returncode == 2
        assert sentence in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_worker_with_another_number_of_partitions_ends_with_one_sentence(settings: Settings, names: Names) -> None:
    done = start_worker(settings.model_copy(update={"partitions": 8}))
    assert done.returncode == 2
    assert done.stderr == (
        f"{names.reports('environment')}: the topic has 2 partitions, 8 are declared; "
        "set GRID_ROUTER_PARTITIONS=2, or use another GRID_ROUTER_NAMESPACE.\n"
    )


def test_a_worker_beside_those_of_an_earlier_version_ends_with_one_sentence(settings: Settings, names: Names) -> None:
    """Kafka lets no member into a group whose members have another assignor, and the client only waits."""
    kafka, group = str(settings.kafka), Names(settings.namespace).group

    async def scenario() -> subprocess.CompletedProcess[str]:
        await check_group(kafka, group, ASSIGNOR)  # of no member yet
        async with AIOKafkaConsumer(names.events, bootstrap_servers=kafka, group_id=group) as earlier:
            async with asyncio.timeout(PATIENCE_S):
                while not earlier.assignment():
                    await earlier.getmany(timeout_ms=200)
            await check_group(kafka, group, "roundrobin")
            return await asyncio.to_thread(start_worker, settings)

    done = asyncio.run(scenario())
    assert done.returncode == 2
    assert done.stderr == (
        f"group {group}: a worker of another version runs (1 in all), beside which this one gets no partition; "
        "end all workers of the earlier version before the first new one starts.\n"
    )


def run_city(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "router.cli.main", "demo", CITY, "--exit-at-end", "--speed", "max", *arguments]
    return subprocess.run(command, env=environment(settings), capture_output=True, text=True, check=False, timeout=120)


def test_a_second_demo_continues_with_the_data_of_the_first(settings: Settings, names: Names) -> None:
    first = run_city(settings, "--reports", "300", "--workers", "1")
    assert first.returncode == 0, first.stderr
    assert len(reports_in_cases(settings, names)) >= 300
    second = run_city(settings, "--reports", "400", "--workers", "1")
    assert second.returncode == 0, second.stderr
    assert "Continuing after" in second.stderr
    reports = reports_in_cases(settings, names)
    assert len(reports) == len(set(reports))
    assert len([report for report in reports if report.startswith("hotline:")]) == 400
    assert orjson.loads(records(settings, names.cases)[0].value)["catalogue"] == shipped(CITY).catalogue.version
