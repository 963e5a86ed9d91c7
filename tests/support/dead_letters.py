"""Rejected records on a real broker: laid among the dead letters, found where they were redriven."""

import asyncio
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer
from kafka import KafkaProducer
from kafka.errors import MessageSizeTooLargeError
from typer.testing import Result

from router.cities.folder import city_folder, load_city
from router.domain.model.report import Rejection
from router.simulator.messages import SourceMessage
from router.simulator.scenario import history_of
from router.wire.codec import RejectedRecord, decode_case, encode_dead_letter
from router.wire.repairs import Repair, decode_repair
from router.wire.settings import Settings
from router.wire.topics import Names
from router.workers.pool import WorkerPool
from tests.support.topics import Record, committed

CITY = "los-angeles"
MANY = 3000
WHO = ("--actor", "li.wei", "--why", "the code table was corrected")
MEND = '[{"op":"replace","path":"/RequestType","value":"Graffiti Removal"}]'
UNKNOWN = Rejection(code="unknown-code", reason="code 'x' is not in the code table; correct the source.")
Run = Callable[..., Result]
"""The commands about dead letters, as a person types them."""
RECOGNISED = {
    'grid_reports_total{network="hotline",outcome="redelivered"}',
    'grid_merges_total{decision="redelivered"}',
}


def requests(number: int) -> list[SourceMessage]:
    return list(history_of(load_city(CITY), city_folder(CITY)).messages(number))


def producer_of(settings: Settings) -> KafkaProducer:
    return KafkaProducer(
        bootstrap_servers=settings.kafka, acks="all", max_request_size=16 << 20, compression_type="gzip", linger_ms=5
    )


def sent_when_taken(settings: Settings, topic: str, value: bytes) -> Any:
    """A record that the topic takes as soon as the broker follows its new configuration.

    A producer of kafka-python that was once answered that a record is too large sends none any more, so each attempt has its own.
    """
    deadline = time.monotonic() + 20
    while True:
        producer = producer_of(settings)
        try:
            return producer.send(topic, key=b"large", value=value, partition=0).get(20)
        except MessageSizeTooLargeError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        finally:
            producer.close(5)


def records(settings: Settings, topic: str) -> list[Record]:
    return committed(str(settings.kafka), topic)


def place(record: Record) -> str:
    return f"{record.topic}/{record.partition}/{record.offset}"


def header(record: Record, name: str) -> bytes | None:
    return next((content for known, content in record.headers if known == name), None)


def driven(settings: Settings, topic: str) -> dict[str, list[Record]]:
    """The records of a topic that were redriven, by the id of their letter."""
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
    departments = load_city(CITY).catalogue.departments
    return Counter(r.key + r.value for d in departments for r in records(settings, names.tasks(d)))


def until(condition: Callable[[], bool], pool: WorkerPool, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        pool.poll()
        assert time.monotonic() < deadline, pool.logs[0].read_text()[-3000:]
        time.sleep(0.2)


def until_redelivered(settings: Settings, number: int, pool: WorkerPool) -> None:
    """So many reports were recognised, by either stage."""

    def counted() -> bool:
        served = (line.rsplit(" ", 1) for line in page(settings).splitlines())
        return sum(float(value) for name, value in served if name in RECOGNISED) == number

    until(counted, pool)


def page(settings: Settings) -> str:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{settings.metrics_port}/metrics", timeout=5) as answer:
        return str(answer.read().decode())


def lay(settings: Settings, names: Names, rejected: Sequence[RejectedRecord], network: str = "hotline") -> list[str]:
    """Put records among the dead letters, as the router does; their ids."""
    producer = producer_of(settings)
    waiting = []
    for record in rejected:
        key, value, headers = encode_dead_letter(record, UNKNOWN, network)
        partition = record.partition % settings.partitions
        if key is None and value is None:
            asyncio.run(lay_bare(str(settings.kafka), names.dead_letters, partition, headers))
            continue
        waiting.append(producer.send(names.dead_letters, key=key, value=value, headers=headers, partition=partition))
    producer.flush()
    for one in waiting:
        one.get(20)
    producer.close()
    return [f"{record.topic}/{record.partition}/{record.offset}" for record in rejected]


async def lay_bare(bootstrap: str, topic: str, partition: int, headers: list[tuple[str, bytes]]) -> None:
    """A record without key and value, which only whole batches can hold."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    batch = producer.create_batch()
    batch.append(timestamp=None, key=None, value=None, headers=headers)
    await (await producer.send_batch(batch, topic, partition=partition))
    await producer.stop()


def refused_record(names: Names, offset: int, value: bytes | None, **given: Any) -> RejectedRecord:
    fields: dict[str, Any] = {
        "topic": names.reports("hotline"),
        "partition": offset % 2,
        "offset": offset,
        "timestamp": 1_790_000_000_000 + offset,
        "key": b"K-%d" % offset,
        "value": value,
        "headers": [("traceparent", b"00-%d" % offset)],
    }
    return RejectedRecord(**(fields | given))


def many(settings: Settings, names: Names) -> dict[str, SourceMessage]:
    """Sound requests that lie among the dead letters, because their code was not in the table then."""
    messages = requests(MANY)
    ids = lay(settings, names, [refused_record(names, n, m.value) for n, m in enumerate(messages)])
    return dict(zip(ids, messages, strict=True))


def with_type(request: SourceMessage, kind: str) -> bytes:
    """A request whose class is another one."""
    return orjson.dumps(orjson.loads(request.value) | {"RequestType": kind})
