"""The shelf of editions: `grid.catalogue` read to its end at start, and on while the worker runs.

A worker that finds the topic empty publishes its own folder as the edition of the beginning. From then on the topic is
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
from router.domain.rules.rule_sets import EditionError, Editions, UnreadableEditionError
from router.wire.errors import START_KAFKA, BrokerError, CityError
from router.wire.rule_sets import EditionRecord, decode_edition, encode_edition
from router.wire.topics import LARGEST_EDITION

TIMEOUT_S = 60.0
log = structlog.get_logger(__name__)


class Shelf:
    """Reads the editions of one deployment.

    Args:
        bootstrap: `host:port` list.
        topic: `grid.catalogue` of the deployment.
    """

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._bootstrap, self._partition = bootstrap, TopicPartition(topic, 0)
        self._position = 0
        self._consumer: AIOKafkaConsumer | None = None

    async def read(self) -> list[EditionRecord]:
        """What was published since the last call, up to the topic's present end.

        What is no edition is told in the log and left out.

        Raises:
            KafkaError: the broker is away; the next call begins where this one did.
        """
        consumer = await self._connected()
        end = (await consumer.end_offsets([self._partition]))[self._partition]
        found: list[EditionRecord] = []
        position = self._position
        while position < end:
            fetched = await consumer.getmany(self._partition, timeout_ms=500)
            values = [record.value for record in fetched.get(self._partition, [])]
            found += [edition for value in values if value is not None and (edition := _decoded(value)) is not None]
            position = await consumer.position(self._partition)
        self._position = position
        return found

    async def _connected(self) -> AIOKafkaConsumer:
        """A consumer of this event loop, at the position reached so far."""
        if self._consumer is None:
            self._consumer = AIOKafkaConsumer(
                bootstrap_servers=self._bootstrap,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                isolation_level="read_committed",
                fetch_max_bytes=LARGEST_EDITION,
                max_partition_fetch_bytes=LARGEST_EDITION,
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


async def publish(bootstrap: str, topic: str, record: EditionRecord) -> None:
    """Append an edition, acknowledged by all replicas. Raises KafkaError."""
    key, value, headers = encode_edition(record)
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, max_request_size=LARGEST_EDITION
    )
    await producer.start()
    try:
        await producer.send_and_wait(topic, value, key=key, headers=headers, partition=0)
    finally:
        await producer.stop()


async def found(shelf: Shelf, own: EditionRecord, bootstrap: str, topic: str) -> list[EditionRecord]:
    """Everything that was published; if none holds from the beginning, one's own edition is published as that one.

    Raises:
        BrokerError: the broker is away.
    """
    try:
        async with asyncio.timeout(TIMEOUT_S):
            records = await shelf.read()
            if all(record.since is not None for record in records):
                await publish(bootstrap, topic, own)
                records += await shelf.read()
            return records
    except (KafkaError, OSError, TimeoutError) as error:
        what = f"the editions cannot be read ({type(error).__name__})"
        raise BrokerError(what, where=f"{bootstrap}, {topic}", cure=START_KAFKA) from error
    finally:
        await shelf.close()


def shelve(city: City, records: Sequence[EditionRecord]) -> Editions:
    """The editions of a city, whose folder is `city`.

    Raises:
        CityError: an edition cannot be used; every one of them may be asked for.
    """
    founders = sorted((r for r in records if r.since is None), key=lambda record: (record.published_at, record.version))
    founding = founders[0] if founders else None
    if founding is None or founding.version == city.edition:
        editions = Editions(city)
    else:
        first = unpack(city.name, founding.texts, founding.version)
        editions = Editions(replace(first, merging=city.merging))
    for record in founders:  # several workers may have begun at once: one edition holds, reports may carry any
        editions.know(record.version, partial(unpack, record.city, record.texts, record.version))
    take(editions, records)
    for version in editions.versions:
        try:
            editions.of(version)
        except UnreadableEditionError as error:
            raise error.__cause__ if isinstance(error.__cause__, CityError) else error from error
    if editions.latest != city.edition:
        log.warning("the folder is not the edition that holds", folder=city.edition, holds=editions.latest)
    return editions


def take(editions: Editions, records: Sequence[EditionRecord]) -> None:
    """Add what was published for a time to come; which edition holds from the beginning is settled at start."""
    for record in records:
        if record.since is not None:
            editions.add(record.version, record.since, partial(unpack, record.city, record.texts, record.version))


def own_edition(city: City, texts: dict[str, str]) -> EditionRecord:
    """The edition of the beginning that a city's folder amounts to."""
    return EditionRecord(version=city.edition, city=city.name, published_at=datetime.now(UTC), texts=texts)


async def follow(shelf: Shelf, editions: Editions) -> None:
    """Take in what was published meanwhile; its rules are read in a thread, so that partitions work on.

    A broker that is away is no news here: the partitions find out, and the next call reads on. An edition whose rules cannot
    be read is told in the log; a partition that needs it waits.
    """
    try:
        records = await shelf.read()
    except (KafkaError, OSError):
        await shelf.close()
        return
    for record in records:
        take(editions, [record])
        try:
            await asyncio.to_thread(editions.of, record.version)
        except EditionError:
            log.exception("an edition cannot be read", version=record.version)
            continue
        log.warning("an edition was published", version=record.version, since=str(record.since), actor=record.actor)
    editions.readings += 1


def _decoded(value: bytes) -> EditionRecord | None:
    try:
        return decode_edition(value)
    except ValueError:
        log.exception("a record of the catalogue's topic is no edition")
        return None
