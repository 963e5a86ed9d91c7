"""Partitions that were added to a network's topic are read, and its reports keep their identity."""

import asyncio
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from kafka import TopicPartition

from router.broker.admin import apply, connected, plan
from router.cities.folder import load_city
from router.kafka.blocking import PATIENT_MS, open_consumer
from router.wire.declared_topics import topics_of
from router.wire.errors import TopicError
from router.wire.settings import Settings
from router.wire.topic_names import Names
from router.workers.pool import WorkerPool
from tests.stream.test_changed_logs import make_again
from tests.stream.test_rule_sets import BEGUN, CITY, alarm, cases_with, cities, pool, send, settings
from tests.support.patience import PATIENCE_S
from tests.support.topics import committed

__all__ = ["cities", "pool", "settings"]

pytestmark = pytest.mark.broker

IDS = [f"a{number}" for number in range(12)]
GROWN = 5


def grow(settings: Settings, topic: str) -> None:
    with connected(str(settings.kafka)) as admin:
        admin.create_partitions({topic: GROWN})


def ends(settings: Settings, topic: str) -> list[int]:
    with open_consumer(str(settings.kafka), connect_ms=PATIENT_MS) as consumer:
        partitions = [TopicPartition(topic, number) for number in range(GROWN)]
        return list(consumer.end_offsets(partitions).values())


def test_corrections_in_added_partitions_reach_their_cases_after_a_restart(
    settings: Settings, pool: WorkerPool, cities: Path
) -> None:
    """The router could be started neither with the old nor with the new number of partitions."""
    names, city = Names(settings.namespace), load_city(CITY, cities)
    hours = {name: BEGUN + timedelta(hours=9 * number) for number, name in enumerate(IDS)}
    send(settings, *(alarm(name, at) for name, at in hours.items()))
    assert cases_with(settings, len(IDS), pool).keys() == set(IDS)
    grow(settings, names.reports("policing"))
    (change,) = plan(str(settings.kafka), topics_of(city, settings)).changes
    assert (change.topic, change.action, change.found, change.declared) == (
        names.dedup_index("policing"),
        "grow",
        "2",
        "5",
    )
    apply(str(settings.kafka), topics_of(city, settings))
    assert plan(str(settings.kafka), topics_of(city, settings)).changes == []
    pool.kill(0)
    send(settings, *(alarm(name, hours[name], bjnr="as found") for name in IDS))
    assert all(ends(settings, names.reports("policing"))[2:]), "no report moved to an added partition"
    cases = cases_with(settings, 2 * len(IDS), pool)
    assert {name: [report.version for report in case.reports] for name, case in cases.items()} == {
        name: [2] for name in IDS
    }


def test_reports_are_known_when_a_grown_topic_is_made_again_with_fewer_partitions(
    settings: Settings, pool: WorkerPool, cities: Path
) -> None:
    """Their entries are in partitions of the dedup index that the topic no longer has."""
    names, city = Names(settings.namespace), load_city(CITY, cities)
    topic, topics = names.reports("policing"), topics_of(city, settings)
    grow(settings, topic)
    apply(str(settings.kafka), topics)
    pool.kill(0)
    sent = [alarm(name, BEGUN + timedelta(hours=9 * number)) for number, name in enumerate(IDS)]
    send(settings, *sent)
    assert cases_with(settings, len(IDS), pool).keys() == set(IDS)
    assert sum(ends(settings, names.dedup_index("policing"))[2:]) > 0, "no report was in an added partition"
    asyncio.run(make_again(str(settings.kafka), topic, settings.partitions))
    pool.kill(0)
    send(settings, *sent, alarm("last", BEGUN + timedelta(days=9)))
    assert cases_with(settings, len(IDS) + 1, pool).keys() == {*IDS, "last"}
    events = [dict(record.headers)["ce_id"].decode() for record in committed(str(settings.kafka), names.events)]
    assert Counter(one for one in events if one.startswith("policing:")) == {
        f"policing:{name}": 1 for name in (*IDS, "last")
    }


def test_a_topic_keyed_by_place_never_grows(settings: Settings, cities: Path) -> None:
    """A street would move away from its cases."""
    events, topics = Names(settings.namespace).events, topics_of(load_city(CITY, cities), settings)
    apply(str(settings.kafka), topics)
    grow(settings, events)
    deadline = time.monotonic() + PATIENCE_S
    while not plan(str(settings.kafka), topics).rejected:  # until the broker shows the new partitions
        assert time.monotonic() < deadline
    with pytest.raises(TopicError, match=f"^{events}: the topic has 5 partitions, 2 are declared"):
        apply(str(settings.kafka), topics)
