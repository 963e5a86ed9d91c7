"""A deployment is copied, and goes on in another cluster: every report, task, answer and receipt, none lost and none twice."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from typer.testing import CliRunner

from router.backup.check import checked
from router.backup.cluster import configs_of, topics_of_deployment
from router.backup.make import make_backup
from router.backup.restore import Restore
from router.broker.admin import apply, connected, delete, plan
from router.cities.folder import city_folder, load_city
from router.cli.main import app
from router.domain.lifecycle.journal import broken_at
from router.domain.model.task import Task
from router.gateway.followed_cases import FollowedCases
from router.gateway.receipt_index import KnownReport, ReceiptIndex
from router.gateway.receipt_keys import ReceivedReport
from router.kafka.blocking import open_consumer, prepare_consumers
from router.simulator.scenario import history_of
from router.wire.codec import decode_case, read_dead_letter
from router.wire.declared_topics import topics_of
from router.wire.errors import BrokerError, InputError, TopicError
from router.wire.offset_signing import make_offset_keys, read_offset_keys
from router.wire.settings import Settings
from router.wire.stored_offsets import STORED_OFFSET_KEY, StoredOffset, encode_stored_offset
from router.wire.topic_names import Names
from router.workers.pool import WorkerPool
from tests.stream.test_feedback import CITY, Scene, alone
from tests.support.broker import free_ports, session_broker
from tests.support.patience import PATIENCE_S
from tests.support.topics import committed, create_topics

pytestmark = [pytest.mark.broker, pytest.mark.timeout(600)]

NOW = datetime(2026, 11, 30, 18, tzinfo=UTC)
BROKEN = b'{"Request Number": '
NETWORK = "hotline"
AT = datetime.now(UTC).isoformat()


@contextmanager
def running(kafka: str, namespace: str, home: Path, keys: Path) -> Iterator[Scene]:
    """A worker of Los Angeles that signs its offsets; it has ended when the context ends."""
    settings = Settings(
        kafka=kafka, home=home, namespace=namespace, partitions=2, metrics_port=free_ports(1), offset_keys=keys
    )
    with WorkerPool(CITY, settings, 1, "wall") as pool:
        scene = Scene(settings, pool)
        try:
            yield scene
        finally:
            scene.producer.close()


def messages(first: int, end: int) -> list[tuple[bytes, bytes]]:
    """Keys and values of open requests of the hotline."""
    found = list(history_of(load_city(CITY), city_folder(CITY)).messages(end))[first:]
    values = [json.loads(one.value) | {"Status": "Open", "ClosedDate": ""} for one in found]
    return [(one.source_id.encode(), json.dumps(value).encode()) for one, value in zip(found, values, strict=True)]


def send(kafka: str, topic: str, *records: tuple[bytes, bytes]) -> None:
    with closing(KafkaProducer(bootstrap_servers=kafka, acks="all")) as producer:
        for key, value in records:
            producer.send(topic, value, key=key)


def said(task: Task, kind: str) -> tuple[bytes, bytes]:
    fields = {"id": f"{kind}-{task.id}", "task": task.id, "partition_key": task.partition_key, "kind": kind}
    fields |= {"actor": "officer-17", "occurred_at": AT}
    return task.id.encode(), json.dumps(fields).encode()


def reports(scene: Scene) -> Counter[str]:
    """How many cases have each report."""
    return Counter(one.id for value in scene.cases().values() for one in decode_case(value).reports)


def rows(kafka: str, topics: Sequence[str]) -> list[tuple[Any, ...]]:
    """Every committed record of these topics but stored offsets, partition by partition."""
    return [
        (one.topic, one.partition, one.timestamp, one.key, one.value, list(one.headers))
        for one in committed(kafka, *topics)
        if one.key != STORED_OFFSET_KEY and not one.topic.endswith("offsets")
    ]


def read_some(kafka: str, names: Names, department: str, number: int) -> list[bytes]:
    """Values that a group of a department reads next, committed."""
    prepare_consumers()  # kafka-python alone may forget a join
    values, deadline = list[bytes](), time.monotonic() + PATIENCE_S
    options: dict[str, Any] = {"isolation_level": "read_committed", "auto_offset_reset": "earliest"}
    consumer = KafkaConsumer(
        names.tasks(department), bootstrap_servers=kafka, group_id=f"{names.namespace}{department}",
        enable_auto_commit=False, max_poll_records=1, **options,
    )  # fmt: skip
    with closing(consumer):
        while len(values) < number:
            assert time.monotonic() < deadline, f"{len(values)} of {number} tasks were read"
            values += [one.value for records in consumer.poll(timeout_ms=500).values() for one in records]
        consumer.commit()
    return values


def busiest(kafka: str, names: Names, tasks: Sequence[Task]) -> tuple[str, list[bytes]]:
    """The department of these tasks that has most records, and their values."""
    found: dict[str, list[bytes]] = {}
    for one in committed(kafka, *sorted({names.tasks(one.department) for one in tasks})):
        found.setdefault(one.topic.removeprefix(names.tasks("")), []).append(one.value)
    return max(found.items(), key=lambda item: len(item[1]))


def receipts(kafka: str, names: Names, ids: Sequence[str], received_s: dict[str, int]) -> list[KnownReport]:
    """What a gateway knows of these reports that starts now."""

    async def known() -> list[KnownReport]:
        cases = FollowedCases(kafka, names, lambda: load_city(CITY).codes, ReceiptIndex())
        while not cases.ready:
            await cases.read()
        found = [cases.index.of(ReceivedReport(received_s[id_], NETWORK, id_, 0, 0)) for id_ in ids]
        await cases.close()
        return found

    return asyncio.run(known())


def restored(kafka: str, folder: Path, keys: Path) -> None:
    one = Restore(kafka, folder, checked(folder), read_offset_keys(keys), replication=1, min_insync=None)
    asyncio.run(one.run())


def test_a_deployment_goes_on_in_another_cluster(kafka: str, namespace: str, tmp_path: Path) -> None:
    names, keys, folder = Names(namespace), tmp_path / "offset-keys", tmp_path / "backup"
    make_offset_keys(keys, datetime.now(UTC) - timedelta(hours=2))  # what is not signed does not count
    topics = topics_of(load_city(CITY), Settings(namespace=namespace, partitions=2))
    apply(kafka, topics)
    send(kafka, names.reports(NETWORK), (b"broken", BROKEN))
    with running(kafka, namespace, tmp_path / "a", keys) as scene:
        tasks = alone(scene.report(60))
        with pytest.raises(TopicError, match="1 workers are in the group"):
            make_backup(kafka, namespace, tmp_path / "early", NOW, keys={})
        first, second, *_ = tasks
        send(kafka, names.feedback(first.department), said(first, "accept"))
        scene.until(lambda: scene.stages(first)[-1] == "handling")
    department, of_department = busiest(kafka, names, tasks)
    read = read_some(kafka, names, department, len(of_department) // 2)

    # what no worker has processed yet: reports, an old one again, what cannot be read, and feedback
    send(kafka, names.reports(NETWORK), *messages(55, 70), (b"broken", BROKEN))
    send(kafka, names.feedback(first.department), said(first, "accept"), said(first, "handled"))
    send(kafka, names.feedback(second.department), said(second, "accept"))
    ids = [key.decode() for key, _ in messages(0, 60)]
    times: dict[str, int] = {}
    for one in committed(kafka, names.reports(NETWORK)):
        times.setdefault(one.key.decode(), one.timestamp // 1000)
    before = receipts(kafka, names, ids, times)
    assert all(one.progress is not None for one in before)
    manifest = make_backup(kafka, namespace, folder, NOW, keys={"offset-keys": keys})

    with session_broker(tmp_path / "other") as other:
        restored(other, folder, keys)
        everywhere = [one.name for one in topics]
        assert rows(other, everywhere) == rows(kafka, everywhere)
        assert plan(other, topics, replication=1).changes == []
        with connected(kafka) as there, connected(other) as here:
            assert configs_of(here, topics_of_deployment(here, namespace)) == configs_of(
                there, topics_of_deployment(there, namespace)
            )
        assert receipts(other, names, ids, times) == before
        rest = read_some(other, names, department, len(of_department) - len(read))
        assert Counter([*read, *rest]) == Counter(of_department)
        with pytest.raises(TopicError, match="topics of this deployment already"):
            restored(other, folder, keys)

        with running(other, namespace, tmp_path / "b", keys) as scene:
            send(other, names.reports(NETWORK), *messages(50, 90), (b"broken", BROKEN))
            scene.until(lambda: len(reports(scene)) == 90)
            scene.until(lambda: scene.stages(first)[-1] == "closed" and scene.stages(second)[-1] == "handling")
            scene.until(lambda: len(committed(other, names.dead_letters)) == 3)
            assert set(reports(scene).values()) == {1}
            assert scene.stages(first) == ["dispatched", "handling", "closed"]
            assert [broken_at(life) for life in scene.transitions().values() if broken_at(life) is not None] == []
            dispatched = Counter(one.id for one in scene.tasks() if one.state == "dispatched")
            assert set(dispatched.values()) == {1}
            assert len(scene.rejected(first.department)) == 0
            dead = [read_dead_letter(r.key, r.value, list(r.headers)) for r in committed(other, names.dead_letters)]
            assert len({one.id for one in dead}) == 3  # no offset is used a second time
    assert manifest.records == checked(folder).records


def test_an_emptied_partition_ends_where_it_ended(kafka: str, namespace: str, tmp_path: Path) -> None:
    """Retention left no record on the last partition of a topic, and the brokers reject old records by default."""
    names, keys, folder = Names(namespace), tmp_path / "offset-keys", tmp_path / "backup"
    make_offset_keys(keys, NOW)
    asyncio.run(create_topics(kafka, names.offsets, names.reports(NETWORK)))
    send(kafka, names.reports(NETWORK), *messages(0, 3))
    place = TopicPartition(names.reports(NETWORK), 0)
    with connected(kafka) as admin:
        admin.delete_records({place: 3})
    make_backup(kafka, namespace, folder, NOW, keys={})
    delete(kafka, [names.offsets, names.reports(NETWORK)])
    default = "log.message.timestamp.before.max.ms"
    with connected(kafka) as admin:
        (broker,) = [str(one["broker_id"]) for one in admin.describe_cluster()["brokers"]]
        admin.alter_configs([ConfigResource(ConfigResourceType.BROKER, broker, {default: "3600000"})])
        try:
            restored(kafka, folder, keys)
        finally:
            admin.reset_configs([ConfigResource(ConfigResourceType.BROKER, broker, {default: ""})])
    with open_consumer(kafka) as consumer:
        assert (consumer.beginning_offsets([place]), consumer.end_offsets([place])) == ({place: 3}, {place: 3})


def test_a_transaction_of_a_dead_worker_is_waited_for(kafka: str, namespace: str, tmp_path: Path) -> None:
    """Kafka aborts it, and its marker is before the end. Keys that cannot verify what was copied are named at once."""
    names, folder = Names(namespace), tmp_path / "backup"
    asyncio.run(create_topics(kafka, names.offsets, names.events, names.repairs))
    signed = StoredOffset(offset=1, topic_id="t", leader_epoch=0, signature="0" * 64)
    send(kafka, names.offsets, encode_stored_offset(signed))
    with closing(
        KafkaProducer(bootstrap_servers=kafka, transactional_id=f"{namespace}dead", transaction_timeout_ms=1000)
    ) as dead:
        dead.init_transactions()
        dead.begin_transaction()
        dead.send(names.repairs, b"{}", key=b"k")
        dead.flush()
        with pytest.raises(
            InputError, match=r"the backup is complete, but these keys cannot restore it: .* there are no keys"
        ):
            make_backup(kafka, namespace, folder, NOW, keys={})
    (repairs,) = [one for one in checked(folder).topics if one.name == names.repairs]
    assert [(one.records, one.end) for one in repairs.partitions] == [(0, 2)]


def test_the_commands(kafka: str, namespace: str, tmp_path: Path) -> None:
    """What they reject is one sentence; keys are copied only when asked."""
    names, folder, keys = Names(namespace), tmp_path / "backup", tmp_path / "offset-keys"
    make_offset_keys(keys, NOW)
    environment = {"GRID_ROUTER_KAFKA": kafka, "GRID_ROUTER_NAMESPACE": namespace, "GRID_ROUTER_OFFSET_KEYS": str(keys)}

    def run(*words: str, **more: str) -> tuple[str, str]:
        done = CliRunner().invoke(app, list(words), env=environment | more)
        return done.stdout, str(done.exception)

    assert "there is no deployment to copy" in run("backup", "make", str(folder))[1]
    asyncio.run(create_topics(kafka, names.offsets, names.repairs, names.reports(NETWORK)))
    send(kafka, names.reports(NETWORK), *messages(0, 3))
    manifest = json.loads(run("backup", "make", str(folder), "--keys", "-o", "json")[0])
    assert (folder / "keys" / "offset-keys").read_bytes() == keys.read_bytes()
    assert {oct(one.stat().st_mode & 0o077) for one in folder.rglob("*")} == {"0o0"}
    assert "3 records on 3 topics" in run("backup", "check", str(folder))[0]
    assert len(manifest["keys"]["offset-keys"]) == 1
    assert "not empty" in run("backup", "make", str(folder))[1]
    assert "is of the namespace" in run("restore", str(folder), GRID_ROUTER_NAMESPACE="other.")[1]
    assert "has 3 topics of this deployment already" in run("restore", str(folder))[1]

    def late(topic: str, _records: int) -> None:
        if topic == names.repairs:
            send(kafka, topic, (b"k", b"{}"))

    with pytest.raises(BrokerError, match=r"grid\.repairs: the topic got records while it was copied"):
        make_backup(kafka, namespace, tmp_path / "late", NOW, keys={}, on_topic=late)
