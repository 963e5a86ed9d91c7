"""Plan and apply of topics against a real broker."""

import asyncio
import time

import pytest
from kafka import KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType
from typer.testing import CliRunner

from router.broker.admin import apply, connected, delete, plan
from router.broker.topic_plan import TopicChange
from router.cli.topics import app
from router.stream.preflight import check_topics
from router.wire.declared_topics import DAY_MS, HOUR_MS, Topic, topics_of
from router.wire.errors import BrokerError, TopicError
from router.wire.settings import Settings
from tests.support.cities import shipped
from tests.support.patience import PATIENCE_S
from tests.support.topics import set_config

pytestmark = pytest.mark.broker


def declared(namespace: str, partitions: int = 2) -> list[Topic]:
    return [
        Topic(name=f"{namespace}grid.events", key="cell", partitions=partitions, retention_ms=90 * DAY_MS),
        Topic(name=f"{namespace}grid.cases", key="case id", partitions=partitions, cleanup="compact"),
    ]


def test_plan_changes_nothing(kafka: str, namespace: str) -> None:
    first = plan(kafka, declared(namespace))
    assert [(change.action, change.topic) for change in first.changes] == [
        ("create", f"{namespace}grid.events"),
        ("create", f"{namespace}grid.cases"),
    ]
    assert plan(kafka, declared(namespace)) == first


def test_apply_twice_changes_nothing(kafka: str, namespace: str) -> None:
    assert len(apply(kafka, declared(namespace)).changes) == 2
    again = apply(kafka, declared(namespace))
    assert again.changes == []
    assert again.unchanged == 2


def test_what_was_declared_is_what_the_broker_has(kafka: str, namespace: str) -> None:
    apply(kafka, declared(namespace))
    with connected(kafka) as admin:
        (described,) = admin.describe_topics([f"{namespace}grid.events"])
        resource = ConfigResource(ConfigResourceType.TOPIC, f"{namespace}grid.cases")
        configs = next(iter(admin.describe_configs([resource]).values()))[f"{namespace}grid.cases"]
    assert len(described["partitions"]) == 2
    assert configs["cleanup.policy"]["value"] == "compact"
    assert configs["retention.ms"]["value"] == "-1"


@pytest.mark.parametrize("hours", [24, -24])
def test_a_worker_whose_clock_is_a_day_off_can_write_to_every_topic(kafka: str, namespace: str, hours: int) -> None:
    """Kafka rejects what is stamped more than an hour ahead, unless it stamps the topic itself."""
    topics = topics_of(shipped("seattle"), Settings(kafka=kafka, namespace=namespace, partitions=1))
    apply(kafka, topics)
    now = round(time.time() * 1000)
    producer = KafkaProducer(bootstrap_servers=kafka, acks="all")
    sent = [
        producer.send(topic.name, key=b"k", value=b"v", partition=0, timestamp_ms=now + hours * HOUR_MS)
        for topic in topics
    ]
    stamps = [one.get(PATIENCE_S).timestamp for one in sent]
    producer.close()
    assert all(abs(stamp - now) < 5 * 60_000 for stamp in stamps)


def test_drift_is_corrected_and_foreign_configuration_stays(kafka: str, namespace: str) -> None:
    topics = declared(namespace)
    apply(kafka, topics)
    set_config(kafka, topics[0].name, retention_ms="60000", segment_ms="3600000")
    found = apply(kafka, topics)
    assert found.changes == [
        TopicChange(topic=topics[0].name, action="set", what="retention.ms", found="60000", declared="7776000000")
    ]
    assert found.unchanged == 1
    assert plan(kafka, topics).changes == []
    with connected(kafka) as admin:
        resource = ConfigResource(ConfigResourceType.TOPIC, topics[0].name)
        configs = next(iter(admin.describe_configs([resource]).values()))[topics[0].name]
    assert configs["segment.ms"]["value"] == "3600000"


@pytest.mark.parametrize("partitions", [1, 3])
def test_another_number_of_partitions_is_rejected_without_a_change(kafka: str, namespace: str, partitions: int) -> None:
    topics = declared(namespace)
    apply(kafka, topics)
    wider = [
        *declared(namespace, partitions),
        Topic(name=f"{namespace}tasks.lapd", key="case id", partitions=partitions),
    ]
    assert [change.topic for change in plan(kafka, wider).rejected] == [topic.name for topic in topics]
    with pytest.raises(TopicError, match=rf"has 2 partitions, {partitions} are declared.*GRID_ROUTER_PARTITIONS=2"):
        apply(kafka, wider)
    with connected(kafka) as admin:
        assert f"{namespace}tasks.lapd" not in admin.list_topics()


def old_and_new(namespace: str) -> list[Topic]:
    """A declaration of two topics, of which the second had another name."""
    offsets = Topic(
        name=f"{namespace}grid.offsets", formerly=f"{namespace}grid.positions", key="", partitions=1, cleanup="compact"
    )
    return [declared(namespace)[0], offsets]


RENAMED = (
    r"grid\.positions: the topic is now \S+grid\.offsets, and this version does not read the old one; end the old "
)


def test_a_topic_of_an_earlier_version_stops_plan_apply_and_worker(kafka: str, namespace: str) -> None:
    topics = old_and_new(namespace)
    apply(kafka, [Topic(name=f"{namespace}grid.positions", key="", partitions=1)])
    found = plan(kafka, topics)
    assert [(change.found, change.declared) for change in found.renamed] == [
        (f"{namespace}grid.positions", f"{namespace}grid.offsets")
    ]
    with pytest.raises(TopicError, match=RENAMED):
        apply(kafka, topics)
    assert plan(kafka, topics) == found
    with pytest.raises(TopicError, match=RENAMED):
        asyncio.run(check_topics(kafka, topics, namespace))


def test_topics_plan_names_an_old_topic_and_exits_with_1(
    kafka: str, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(kafka, [Topic(name=f"{namespace}grid.catalogue", key="", partitions=1)])
    for name, value in {"KAFKA": kafka, "NAMESPACE": namespace}.items():
        monkeypatch.setenv(f"GRID_ROUTER_{name}", value)
    answer = CliRunner().invoke(app, ["plan", "seattle"])
    assert answer.exit_code == 1
    assert f"{namespace}grid.catalogue: the topic is now {namespace}grid.rule-sets, and this version" in answer.stderr
    assert "docs/how-to/upgrade.md" in answer.stderr


def test_a_deployment_starts_when_the_old_topic_is_deleted(kafka: str, namespace: str) -> None:
    topics = old_and_new(namespace)
    apply(kafka, [Topic(name=f"{namespace}grid.positions", key="", partitions=1)])
    delete(kafka, [f"{namespace}grid.positions"])
    apply(kafka, topics)
    asyncio.run(check_topics(kafka, topics, namespace))


def test_too_many_replicas_is_one_sentence(kafka: str, namespace: str) -> None:
    with pytest.raises(BrokerError, match="GRID_ROUTER_REPLICATION"):
        apply(kafka, declared(namespace), replication=300)


def test_delete_removes_temporary_topics_and_skips_missing_ones(kafka: str, namespace: str) -> None:
    topics = declared(namespace)
    apply(kafka, topics)
    delete(kafka, [topics[0].name, f"{namespace}never-made"])
    assert [change.topic for change in plan(kafka, topics).changes] == [topics[0].name]


@pytest.mark.parametrize("name", ["grid.cases", "reports.hotline", "tasks.lapd"])
def test_topics_without_a_namespace_are_never_deleted(kafka: str, name: str) -> None:
    with pytest.raises(ValueError, match="no namespace"):
        delete(kafka, [name])


def test_no_cluster_is_one_sentence() -> None:
    with pytest.raises(
        BrokerError, match=r"127\.0\.0\.1:1: no Kafka broker answers; start the cluster that GRID_ROUTER_KAFKA names"
    ):
        plan("127.0.0.1:1", declared("nowhere."))
