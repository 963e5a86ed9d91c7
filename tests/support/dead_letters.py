"""Rejected records on a real broker: publish dead letters, and find the redriven records."""

import asyncio
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from kafka import KafkaProducer
from kafka.errors import MessageSizeTooLargeError
from typer.testing import CliRunner, Result

from router.broker.admin import apply
from router.cli.dead_letters.commands import app
from router.domain.model.rejection import Rejection
from router.domain.model.source_record import PlainRecord
from router.simulator.messages import SourceMessage
from router.wire.codec import decode_case, encode_dead_letter
from router.wire.declared_topics import topics_of
from router.wire.repairs import Repair, decode_repair
from router.wire.settings import Settings
from router.wire.topic_names import Names
from router.workers.pool import WorkerPool
from tests.support.broker import free_ports
from tests.support.cities import open_requests, shipped
from tests.support.patience import PATIENCE_S
from tests.support.topics import Record, committed

CITY = "los-angeles"
MANY = 3000
ATTRIBUTION = ("--actor", "li.wei", "--why", "the code table was corrected")
PATCH = '[{"op":"replace","path":"/RequestType","value":"Graffiti Removal"}]'
UNKNOWN = Rejection(code="unknown-code", reason="code 'x' is not in the code table; correct the source.")
Run = Callable[..., Result]
"""Runs a dead-letter command with these arguments."""
RECOGNISED = {
    'grid_reports_total{network="hotline",outcome="redelivered"}',
    'grid_merges_total{decision="redelivered"}',
}


def deployment(kafka: str, namespace: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a deployment, which commands in this process find in the environment."""
    monkeypatch.setenv("GRID_ROUTER_KAFKA", kafka)
    monkeypatch.setenv("GRID_ROUTER_NAMESPACE", namespace)
    return Settings(kafka=kafka, home=home, namespace=namespace, partitions=2, metrics_port=free_ports(1))


def applied(settings: Settings) -> Names:
    """Names of the city's topics, which exist."""
    apply(str(settings.kafka), topics_of(shipped(CITY), settings))
    return Names(settings.namespace)


def run_command(*arguments: str) -> Result:
    """Run a dead-letter command in this process."""
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "160", "NO_COLOR": "1"})


def requests(number: int) -> list[SourceMessage]:
    return open_requests(CITY, number)


def producer_of(settings: Settings) -> KafkaProducer:
    return KafkaProducer(
        bootstrap_servers=settings.kafka, acks="all", max_request_size=16 << 20, compression_type="gzip", linger_ms=5
    )


def send_until_accepted(settings: Settings, topic: str, value: bytes) -> Any:
    """Send a record until the broker has applied the topic's new configuration.

    A producer of kafka-python sends nothing more once a record was rejected as too large. So each attempt has its own.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        producer = producer_of(settings)
        try:
            return producer.send(topic, key=b"large", value=value, partition=0).get(PATIENCE_S)
        except MessageSizeTooLargeError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        finally:
            producer.close(5)


def records(settings: Settings, *topics: str) -> list[Record]:
    return committed(str(settings.kafka), *topics)


def address(record: Record) -> str:
    return f"{record.topic}/{record.partition}/{record.offset}"


def header(record: Record, name: str) -> bytes | None:
    return next((content for known, content in record.headers if known == name), None)


def redriven(settings: Settings, topic: str) -> dict[str, list[Record]]:
    """The redriven records of a topic, by the id of their dead letter."""
    found: dict[str, list[Record]] = {}
    for record in records(settings, topic):
        id_ = header(record, "grid-redriven")
        if id_ is not None:
            found.setdefault(id_.decode(), []).append(record)
    return found


def repair_log(settings: Settings, names: Names) -> dict[str, Repair]:
    read = [decode_repair(record.key, record.value) for record in records(settings, names.repairs)]
    return {repair.dead_letter: repair for repair in read}


def reports_in_cases(settings: Settings, names: Names) -> list[str]:
    latest = {record.key: record.value for record in records(settings, names.cases)}
    return sorted(report.id for value in latest.values() for report in decode_case(value).reports)


def tasks(settings: Settings, names: Names) -> Counter[bytes]:
    departments = shipped(CITY).catalogue.departments
    return Counter(r.key + r.value for r in records(settings, *map(names.tasks, departments)))


def wait_until(condition: Callable[[], bool], pool: WorkerPool, seconds: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        pool.poll()
        assert time.monotonic() < deadline, pool.logs[0].read_text()[-3000:]
        time.sleep(0.2)


def wait_until_redelivered(settings: Settings, number: int, pool: WorkerPool) -> None:
    """Wait until this number of reports was recognised as redelivered, by either stage."""

    def counted() -> bool:
        served = (line.rsplit(" ", 1) for line in page(settings).splitlines())
        return sum(float(value) for name, value in served if name in RECOGNISED) == number

    wait_until(counted, pool)


def page(settings: Settings) -> str:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{settings.metrics_port}/metrics", timeout=PATIENCE_S) as answer:
        return str(answer.read().decode())


def publish_dead_letters(
    settings: Settings, names: Names, rejected: Sequence[PlainRecord], network: str = "hotline"
) -> list[str]:
    """Publish dead letters of these records like the router; their ids."""
    producer = producer_of(settings)
    waiting = []
    for record in rejected:
        key, value, headers = encode_dead_letter(record, UNKNOWN, network)
        partition = record.partition % settings.partitions
        if key is None and value is None:
            asyncio.run(publish_null_record(str(settings.kafka), names.dead_letters, partition, headers))
            continue
        waiting.append(producer.send(names.dead_letters, key=key, value=value, headers=headers, partition=partition))
    producer.flush()
    for one in waiting:
        one.get(PATIENCE_S)
    producer.close()
    return [f"{record.topic}/{record.partition}/{record.offset}" for record in rejected]


async def publish_null_record(bootstrap: str, topic: str, partition: int, headers: list[tuple[str, bytes]]) -> None:
    """Publish a record without key and value. Only a whole batch can contain one."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    batch = producer.create_batch()
    batch.append(timestamp=None, key=None, value=None, headers=headers)
    await (await producer.send_batch(batch, topic, partition=partition))
    await producer.stop()


def rejected_record(names: Names, offset: int, value: bytes | None, **given: Any) -> PlainRecord:
    fields: dict[str, Any] = {
        "topic": names.reports("hotline"),
        "partition": offset % 2,
        "offset": offset,
        "timestamp": 1_790_000_000_000 + offset,
        "key": b"K-%d" % offset,
        "value": value,
        "headers": [("traceparent", b"00-%d" % offset)],
    }
    return PlainRecord(**(fields | given))


def publish_many(settings: Settings, names: Names) -> dict[str, SourceMessage]:
    """Publish dead letters of valid requests whose code was not in the table, with their messages by id."""
    messages = requests(MANY)
    ids = publish_dead_letters(
        settings, names, [rejected_record(names, n, m.value, key=m.source_id.encode()) for n, m in enumerate(messages)]
    )
    return dict(zip(ids, messages, strict=True))


def with_type(request: SourceMessage, kind: str) -> bytes:
    """A request with another class."""
    return orjson.dumps(orjson.loads(request.value) | {"RequestType": kind})
