"""The checks of `doctor` that look at a real broker."""

import asyncio
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from kafka import KafkaProducer

from router.broker.admin import apply, connected
from router.cities.folder import city_folder, load_city
from router.cities.packing import pack
from router.cli.checks import city as city_checks
from router.cli.checks import cluster, machine
from router.cli.checks.examine import examine
from router.cli.checks.outcome import Skipped
from router.rule_sets.store import publish as append
from router.wire.declared_topics import Topic, declared, topics_of
from router.wire.errors import CityError, InputError, TopicError
from router.wire.rule_sets import RuleSetRecord
from router.wire.settings import Settings
from router.wire.topic_names import Names
from tests.support.cities import shipped
from tests.support.patience import PATIENCE_S

pytestmark = pytest.mark.broker
CITY = "los-angeles"


@pytest.fixture
def settings(kafka: str, namespace: str) -> Settings:
    """The session's broker as an outside cluster."""
    return Settings(kafka=kafka, namespace=namespace, partitions=2)


def test_a_broker_that_answers(settings: Settings) -> None:
    assert cluster.broker(settings) == f"{settings.kafka} answers, 1 broker, outside"


def test_missing_applied_and_differently_partitioned_topics(settings: Settings) -> None:
    with pytest.raises(Skipped, match=r"the city has no topics; .*topics apply los-angeles"):
        cluster.topics(settings, CITY)
    city = shipped(CITY)
    wanted = declared(
        Names(settings.namespace), networks=city.codes, departments=city.catalogue.departments, partitions=2
    )
    assert settings.kafka is not None
    apply(settings.kafka, wanted[1:])
    with pytest.raises(
        TopicError, match=rf"1 of {len(wanted)} topics are missing or differ; .*topics apply los-angeles"
    ):
        cluster.topics(settings, CITY)
    apply(settings.kafka, wanted)
    assert cluster.topics(settings, CITY) == f"{len(wanted)} as declared"
    with pytest.raises(TopicError, match=r"2 partitions, 8 declared; set GRID_ROUTER_PARTITIONS=2"):
        cluster.topics(settings.model_copy(update={"partitions": 8}), CITY)


def test_the_deployed_city_is_judged_and_its_folder_compared(settings: Settings, tmp_path: Path) -> None:
    """Two folders, one of them deployed. Its edit is named with the hint, until it is published."""
    with pytest.raises(Skipped, match="no city is deployed here"):
        city_checks.deployed_city(settings, None, [])
    for name in (CITY, "seattle"):
        shutil.copytree(city_folder(name), tmp_path / name)
    settings = settings.model_copy(update={"cities": tmp_path})
    assert settings.kafka is not None
    apply(settings.kafka, topics_of(load_city(CITY, tmp_path), settings))
    with pytest.raises(Skipped, match="no rule set is published yet"):
        city_checks.rules(settings, CITY)
    with pytest.raises(Skipped, match="no city is deployed here yet"):
        city_checks.deployed_city(settings, None, [])
    publish(settings, effective_from=None)
    old = load_city(CITY, tmp_path).rule_set
    assert [one.name for one in examine(settings, None) if one.name.split()[-1] in (CITY, "seattle")] == [
        f"topics {CITY}",
        f"catalogue {CITY}",
        f"rules {CITY}",
    ]
    assert city_checks.rules(settings, CITY) == f"the folder's rule set {old} is in effect"
    duties = tmp_path / CITY / "catalogue" / "duties.yaml"
    text = duties.read_text("utf-8")
    assert text.count("assist: [lahsa]") == 1
    duties.write_text(text.replace("assist: [lahsa]", "assist: [bss]"), "utf-8")
    new = load_city(CITY, tmp_path).rule_set
    assert new != old
    with pytest.raises(
        CityError, match=rf"\({new}\) is not the rule set in effect \({old}\).*catalogue publish {CITY}"
    ):
        city_checks.rules(settings, CITY)
    publish(settings, effective_from=datetime(2099, 1, 1, tzinfo=UTC))
    assert city_checks.rules(settings, CITY) == f"the folder's rule set {new} takes effect at 2099-01-01 00:00:00+00:00"
    publish(settings, effective_from=datetime.now(UTC))
    assert city_checks.rules(settings, CITY) == f"the folder's rule set {new} is in effect"
    with pytest.raises(
        CityError, match=f"the rule set in effect is that of the city {CITY}; run {CITY} in this namespace"
    ):
        city_checks.rules(settings, "seattle")


def publish(settings: Settings, *, effective_from: datetime | None) -> None:
    assert settings.kafka is not None
    assert settings.cities is not None
    city = load_city(CITY, settings.cities)
    record = RuleSetRecord(
        version=city.rule_set,
        city=CITY,
        published_at=datetime.now(UTC),
        effective_from=effective_from,
        texts=pack(city_folder(CITY, settings.cities)),
    )
    asyncio.run(append(settings.kafka, Names(settings.namespace).rule_sets, record))


def test_a_topic_of_an_earlier_version_is_named_with_its_new_name(settings: Settings) -> None:
    assert settings.kafka is not None
    apply(settings.kafka, [Topic(name=f"{settings.namespace}grid.places.hotline", key="", partitions=1)])
    with pytest.raises(TopicError, match=r"grid\.places\.hotline: the topic is now \S+grid\.dedup\.hotline"):
        cluster.topics(settings, CITY)


def test_a_networks_topic_without_a_network_is_named_once_it_has_records(settings: Settings) -> None:
    names = Names(settings.namespace)
    assert cluster.networks(settings, [CITY]).startswith("0 topics")
    with connected(str(settings.kafka)) as admin:
        admin.create_topics({names.reports("mine"): {"num_partitions": 2, "replication_factor": 1}})
    assert cluster.networks(settings, [CITY]).startswith("1 topics")
    producer = KafkaProducer(bootstrap_servers=settings.kafka, acks="all")
    for _ in range(3):
        producer.send(names.reports("mine"), b"{}")
    producer.close()
    with pytest.raises(TopicError, match=r"reports\.mine: the topic has 3 records, and no city here has its network"):
        cluster.networks(settings, [CITY])


def test_a_clock_behind_the_newest_record_is_wrong(settings: Settings) -> None:
    assert settings.kafka is not None
    events = Topic(name=Names(settings.namespace).events, key="cell", partitions=2)
    apply(settings.kafka, [events])
    assert "no record to compare" in machine.clock(settings)
    producer = KafkaProducer(bootstrap_servers=settings.kafka)
    producer.send(events.name, b"x", partition=1).get(PATIENCE_S)
    producer.close()
    assert "not behind the newest record" in machine.clock(settings)
    with pytest.raises(InputError, match="but the newest record is from"):
        machine.clock(settings, now=time.time() - 600)


def test_a_cluster_that_creates_topics_automatically_is_named(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The embedded one does not, and it cannot be switched on while it runs; so the answer is turned here."""
    monkeypatch.setattr(cluster, "AUTO_CREATE", "delete.topic.enable")
    with pytest.raises(Exception, match=r"auto\.create\.topics\.enable=false"):
        cluster.broker(settings)


def test_a_check_creates_no_topic(settings: Settings) -> None:
    machine.clock(settings)
    assert settings.kafka is not None
    with connected(settings.kafka) as admin:
        assert not [name for name in admin.list_topics() if name.startswith(settings.namespace)]
