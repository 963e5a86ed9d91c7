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

from router.cities.packing import unpack
from router.domain.city import City
from router.domain.editions import Editions
from router.wire.editions import EditionRecord, decode_edition, encode_edition
from router.wire.errors import START_KAFKA, BrokerError, CityError
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

        Raises:
            KafkaError: the broker is away.
            ValueError: a record is no edition.
        """
        consumer = await self._connected()
        end = (await consumer.end_offsets([self._partition]))[self._partition]
        found: list[EditionRecord] = []
        while self._position < end:
            fetched = await consumer.getmany(self._partition, timeout_ms=500)
            values = [record.value for record in fetched.get(self._partition, [])]
            found += [decode_edition(value) for value in values if value is not None]
            self._position = await consumer.position(self._partition)
        return found

    async def _connected(self) -> AIOKafkaConsumer:
        """A consumer of this event loop, at the position reached so far."""
        if self._consumer is None:
            self._consumer = AIOKafkaConsumer(
                bootstrap_servers=self._bootstrap,
                enable_auto_commit=False,
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
    """Everything that was published; if that is nothing, one's own edition is published first.

    Raises:
        BrokerError: the broker is away.
        CityError: the topic holds something that is no edition.
    """
    try:
        async with asyncio.timeout(TIMEOUT_S):
            records = await shelf.read()
            if not records:
                await publish(bootstrap, topic, own)
                records = await shelf.read()
            return records
    except (KafkaError, OSError, TimeoutError) as error:
        what = f"the editions cannot be read ({type(error).__name__})"
        raise BrokerError(what, where=f"{bootstrap}, {topic}", cure=START_KAFKA) from error
    except ValueError as error:
        raise CityError(str(error), where=topic, cure="find out who else writes to this topic") from error
    finally:
        await shelf.close()


def shelve(city: City, records: Sequence[EditionRecord]) -> Editions:
    """The editions of a city, whose folder is `city`.

    Raises:
        CityError: the edition that holds last, or the first, cannot be used.
    """
    founding = next((record for record in records if record.since is None), None)
    if founding is None or founding.version == city.edition:
        editions = Editions(city)
    else:
        first = unpack(city.name, founding.texts, founding.version)
        editions = Editions(replace(first, merging=city.merging))
    take(editions, records)
    editions.of(editions.latest)
    if editions.latest != city.edition:
        log.warning("the folder is not the edition that holds", folder=city.edition, holds=editions.latest)
    return editions


def take(editions: Editions, records: Sequence[EditionRecord]) -> None:
    """Add what was published for a time to come; of the editions of the beginning only the first counts."""
    for record in records:
        if record.since is not None:
            editions.add(record.version, record.since, partial(unpack, record.city, record.texts, record.version))


def own_edition(city: City, texts: dict[str, str]) -> EditionRecord:
    """The edition of the beginning that a city's folder amounts to."""
    return EditionRecord(version=city.edition, city=city.name, published_at=datetime.now(UTC), texts=texts)


async def follow(shelf: Shelf, editions: Editions) -> None:
    """Take in what was published meanwhile; its rules are read in a thread, so that partitions work on.

    A broker that is away is no news here: the partitions find out, and the next call reads on.
    """
    try:
        records = await shelf.read()
    except (KafkaError, OSError):
        await shelf.close()
        return
    for record in records:
        take(editions, [record])
        await asyncio.to_thread(editions.of, record.version)
        log.warning("an edition was published", version=record.version, since=str(record.since), actor=record.actor)
