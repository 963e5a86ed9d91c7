"""Another program writes into the router's own topics, in the router's own format, while its workers are away."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from aiokafka import AIOKafkaProducer

from router.cities.folder import city_folder, load_city
from router.cities.packing import pack
from router.kafka.connecting import connect_options
from router.rule_sets.store import publish
from router.wire.rule_sets import RuleSetRecord
from router.wire.stored_offsets import STORED_OFFSET_KEY, StoredOffset, encode_stored_offset
from router.wire.topic_names import Names
from tests.chaos.audit.topics import KafkaLog
from tests.chaos.cities import CITY, NEXT
from tests.chaos.deployment import Deployment
from tests.chaos.faults.worker import frozen_workers
from tests.chaos.schedule import Fault
from tests.support.patience import PATIENCE_S

BEHIND_S = 1.0
"""How long records arrive that a forged offset would skip."""
LEAST = 500
"""Records that are committed before, so that most partitions have a stored offset."""
LEAST_ANSWERS = 100
"""Feedback that is committed before, so that some senders' topics have a stored offset."""
ANSWERS_BEHIND = 20
"""Feedback that arrives while the workers are frozen, of which forged offsets would skip some."""
Forged = tuple[str, int, bytes, bytes]
"""Topic, partition, key and value of a stored offset."""


def written(deployment: Deployment, _: Fault) -> dict[str, float]:
    """Write stored offsets at the end of each log, of other topics, and old ones again; and rule sets. The workers then start again."""
    settings, names = deployment.settings, Names(deployment.settings.namespace)
    bootstrap = str(settings.kafka)
    deployment.until(lambda: _committed(deployment) >= LEAST, PATIENCE_S, f"fewer than {LEAST} records are committed")
    with frozen_workers(deployment.pool):
        deployment.pause(BEHIND_S)
        latest = deployment.monitor.latest
        ends = {} if latest is None else {(tp.topic, tp.partition): end for tp, end in latest.ends.items()}
        changelogs = {names.reports(one): names.dedup_index(one) for one in deployment.city.codes}
        with KafkaLog(bootstrap, {}) as log:
            forged = list(_offsets(log, ends, changelogs | {names.events: names.offsets}))
        asyncio.run(_write(bootstrap, forged))
        for record in _rule_sets(deployment):
            asyncio.run(publish(bootstrap, names.rule_sets, record))
        for number in list(deployment.pool.pids):
            deployment.pool.kill(number)
    return {"injected": float(bool(forged)), "offsets": float(len(forged))}


def feedback_written(deployment: Deployment, _: Fault) -> dict[str, float]:
    """Write stored offsets of feedback, which share one topic: at the end of each sender's topic, of other topics, and old ones again.

    The workers then start again.
    """
    names, bootstrap = Names(deployment.settings.namespace), str(deployment.settings.kafka)
    answers = deployment.answerers.ledger
    prefix = names.feedback("")
    deployment.until(
        lambda: _committed(deployment, prefix) >= LEAST_ANSWERS,
        PATIENCE_S,
        f"fewer than {LEAST_ANSWERS} records of feedback are committed",
    )
    with frozen_workers(deployment.pool):
        behind = answers.kept + ANSWERS_BEHIND
        deployment.until(lambda: answers.kept >= behind, PATIENCE_S, "no feedback waits")
        with KafkaLog(bootstrap, {}) as log:
            forged = list(_feedback_offsets(log, names.feedback_offsets))
        asyncio.run(_write(bootstrap, forged))
        for number in list(deployment.pool.pids):
            deployment.pool.kill(number)
    return {"injected": float(bool(forged)), "offsets": float(len(forged))}


def _committed(deployment: Deployment, prefix: str = "") -> int:
    """How many records the group has committed, of input topics whose name begins so."""
    latest = deployment.monitor.latest
    committed = {} if latest is None else latest.committed
    return sum(max(0, offset) for tp, offset in committed.items() if tp.topic.startswith(prefix))


def _offsets(log: KafkaLog, ends: Mapping[tuple[str, int], int], changelogs: Mapping[str, str]) -> Iterator[Forged]:
    """Of each partition: its first stored offset again, one of another topic, and last of all one at the end of its log."""
    for topic, changelog in changelogs.items():
        seen: dict[int, bytes] = {}
        for record in log.read([changelog]):
            if record.key == STORED_OFFSET_KEY:
                seen.setdefault(record.partition, record.value)
        for (name, partition), end in ends.items():
            if name == topic and end and partition in seen:
                yield from _three(changelog, partition, STORED_OFFSET_KEY, seen[partition], end)


def _feedback_offsets(log: KafkaLog, changelog: str) -> Iterator[Forged]:
    """The same of each sender's topic that has a stored offset, under the keys of its partitions."""
    seen: dict[bytes, tuple[int, bytes]] = {}
    for record in log.read([changelog]):
        seen.setdefault(record.key, (record.partition, record.value))
    topics = sorted({key.decode().rpartition("/")[0] for key in seen})
    ends = {f"{one.topic}/{one.partition}".encode(): one.offset + 1 for one in log.read(topics)}
    for key, end in ends.items():
        if key in seen:
            yield from _three(changelog, seen[key][0], key, seen[key][1], end)


def _three(changelog: str, partition: int, key: bytes, first: bytes, end: int) -> Iterator[Forged]:
    for value in (
        first,
        _value(StoredOffset(offset=end, topic_id="A" * 22)),
        _value(StoredOffset(offset=end, number=1 << 40, signature="0" * 32)),
    ):
        yield changelog, partition, key, value


def _value(stored: StoredOffset) -> bytes:
    return encode_stored_offset(stored)[1]


async def _write(bootstrap: str, forged: list[Forged]) -> None:
    async with AIOKafkaProducer(**connect_options(bootstrap), acks="all") as producer:
        for topic, partition, key, value in forged:
            await producer.send(topic, value, key=key, partition=partition)
        await producer.flush()


def _rule_sets(deployment: Deployment) -> Iterator[RuleSetRecord]:
    """Other rules under an invented version, another initial rule set, and one that cannot be read and holds from 2099."""
    cities, now = deployment.settings.cities, datetime.now(UTC)
    texts, version = pack(city_folder(NEXT, cities)), load_city(NEXT, cities).rule_set
    yield RuleSetRecord(version="f" * len(version), city=CITY, published_at=now, effective_from=now, texts=texts)
    yield RuleSetRecord(version=version, city=CITY, published_at=datetime(2020, 1, 1, tzinfo=UTC), texts=texts)
    in_2099 = datetime(2099, 1, 1, tzinfo=UTC)
    yield RuleSetRecord(version="e" * len(version), city=CITY, published_at=now, effective_from=in_2099, texts={})
