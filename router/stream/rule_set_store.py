"""The shelf of rule sets: `grid.rule-sets` read to its end at start, and on while the worker runs.

A worker that finds the topic empty publishes its own folder as the rule set of the beginning. From then on the topic is
what holds, and another folder changes nothing until it is published.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from router.cities.archive import unpack
from router.domain.rules.city import City
from router.domain.rules.rule_sets import RuleSetError, RuleSets, UnreadableRuleSetError
from router.wire.errors import START_KAFKA, BrokerError, CityError
from router.wire.rule_sets import RuleSetRecord, decode_rule_set, encode_rule_set
from router.wire.topics import MAX_RULE_SET_BYTES

TIMEOUT_S = 60.0
log = structlog.get_logger(__name__)


class RuleSetStore:
    """Reads the rule sets of one deployment.

    Args:
        bootstrap: `host:port` list.
        topic: `grid.rule-sets` of the deployment.
    """

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._bootstrap, self._partition = bootstrap, TopicPartition(topic, 0)
        self._position = 0
        self._consumer: AIOKafkaConsumer | None = None

    async def read(self) -> list[RuleSetRecord]:
        """What was published since the last call, up to the topic's present end.

        What is no rule set is told in the log and left out.

        Raises:
            KafkaError: the broker is away; the next call begins where this one did.
        """
        consumer = await self._connected()
        end = (await consumer.end_offsets([self._partition]))[self._partition]
        load_or_bootstrap: list[RuleSetRecord] = []
        position = self._position
        while position < end:
            fetched = await consumer.getmany(self._partition, timeout_ms=500)
            values = [record.value for record in fetched.get(self._partition, [])]
            load_or_bootstrap += [
                rule_set for value in values if value is not None and (rule_set := _decoded(value)) is not None
            ]
            position = await consumer.position(self._partition)
        self._position = position
        return load_or_bootstrap

    async def _connected(self) -> AIOKafkaConsumer:
        """A consumer of this event loop, at the position reached so far."""
        if self._consumer is None:
            self._consumer = AIOKafkaConsumer(
                bootstrap_servers=self._bootstrap,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                isolation_level="read_committed",
                fetch_max_bytes=MAX_RULE_SET_BYTES,
                max_partition_fetch_bytes=MAX_RULE_SET_BYTES,
            )
            await self._consumer.start()
            self._consumer.assign([self._partition])
            self._consumer.seek(self._partition, self._position)
        return self._consumer

    async def close(self) -> None:
        """Let go of the connection; a later `read` makes another."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()


async def publish(bootstrap: str, topic: str, record: RuleSetRecord) -> None:
    """Append a rule set, acknowledged by all replicas. Raises KafkaError."""
    key, value, headers = encode_rule_set(record)
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, max_request_size=MAX_RULE_SET_BYTES
    )
    await producer.start()
    try:
        await producer.send_and_wait(topic, value, key=key, headers=headers, partition=0)
    finally:
        await producer.stop()


async def load_or_bootstrap(store: RuleSetStore, own: RuleSetRecord, bootstrap: str, topic: str) -> list[RuleSetRecord]:
    """Everything that was published; if none holds from the beginning, one's own rule set is published as that one.

    Raises:
        BrokerError: the broker is away.
    """
    try:
        async with asyncio.timeout(TIMEOUT_S):
            records = await store.read()
            if all(record.effective_from is not None for record in records):
                await publish(bootstrap, topic, own)
                records += await store.read()
            return records
    except (KafkaError, OSError, TimeoutError) as error:
        what = f"the rule sets cannot be read ({type(error).__name__})"
        raise BrokerError(what, where=f"{bootstrap}, {topic}", hint=START_KAFKA) from error
    finally:
        await store.close()


def build_rule_sets(city: City, records: Sequence[RuleSetRecord]) -> RuleSets:
    """The rule sets of a city, whose folder is `city`.

    Raises:
        CityError: a rule set cannot be used; every one of them may be asked for.
    """
    initial = sorted(
        (r for r in records if r.effective_from is None), key=lambda record: (record.published_at, record.version)
    )
    founding = initial[0] if initial else None
    if founding is None or founding.version == city.rule_set:
        rule_sets = RuleSets(city)
    else:
        first = unpack(city.name, founding.texts, founding.version)
        rule_sets = RuleSets(replace(first, merging=city.merging))
    for record in initial:  # several workers may have begun at once: one rule set holds, reports may carry any
        rule_sets.know(record.version, partial(unpack, record.city, record.texts, record.version))
    register(rule_sets, records)
    for version in rule_sets.versions:
        try:
            rule_sets.of(version)
        except UnreadableRuleSetError as error:
            raise error.__cause__ if isinstance(error.__cause__, CityError) else error from error
    if rule_sets.latest != city.rule_set:
        log.warning("the folder is not the rule set that holds", folder=city.rule_set, holds=rule_sets.latest)
    return rule_sets


def register(rule_sets: RuleSets, records: Sequence[RuleSetRecord]) -> None:
    """Add what was published for a time to come; which rule set holds from the beginning is settled at start."""
    for record in records:
        if record.effective_from is not None:
            rule_sets.add(
                record.version, record.effective_from, partial(unpack, record.city, record.texts, record.version)
            )


def rule_set_from_folder(city: City, texts: dict[str, str]) -> RuleSetRecord:
    """The rule set of the beginning that a city's folder amounts to."""
    return RuleSetRecord(version=city.rule_set, city=city.name, published_at=datetime.now(UTC), texts=texts)


async def poll(store: RuleSetStore, rule_sets: RuleSets) -> None:
    """Take in what was published meanwhile; its rules are read in a thread, so that partitions work on.

    A broker that is away is no news here: the partitions find out, and the next call reads on. A rule set whose rules cannot
    be read is told in the log; a partition that needs it waits.
    """
    try:
        records = await store.read()
    except (KafkaError, OSError):
        await store.close()
        return
    for record in records:
        register(rule_sets, [record])
        try:
            await asyncio.to_thread(rule_sets.of, record.version)
        except RuleSetError:
            log.exception("a rule set cannot be read", version=record.version)
            continue
        log.warning(
            "a rule set was published",
            version=record.version,
            effective_from=str(record.effective_from),
            actor=record.actor,
        )
    rule_sets.polls += 1


def _decoded(value: bytes) -> RuleSetRecord | None:
    try:
        return decode_rule_set(value)
    except ValueError:
        log.exception("a record of the catalogue's topic is no rule set")
        return None
