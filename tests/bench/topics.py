"""Topics of the benchmarks: fill them, read their end offsets, read all committed records."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from kafka import KafkaConsumer
from kafka import TopicPartition as Source

from router.kafka.record_batches import Writer
from router.wire.partitioning import partition_for_key

Got = TypeVar("Got")
BATCH = 8000
FETCH_BYTES = 8 << 20


async def fill(bootstrap: str, topic: str, partitions: int, records: Iterable[tuple[bytes, bytes]]) -> None:
    """Write records in order, each to the partition of its key, with acks=all."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, max_batch_size=1 << 20
    )
    await producer.start()
    try:
        writer, held = Writer(producer), 0
        for key, value in records:
            writer.add(topic, partition_for_key(key, partitions), key, value)
            held += 1
            if held == BATCH:
                await asyncio.gather(*await writer.send())
                writer, held = Writer(producer), 0
        await asyncio.gather(*await writer.send())
    finally:
        await producer.stop()


def read(bootstrap: str, topic: str, take: Callable[[Any], Got]) -> list[Got]:
    """Apply `take` to every committed record up to the current end, partition by partition."""
    return asyncio.run(_read(bootstrap, topic, take))


async def _read(bootstrap: str, topic: str, take: Callable[[Any], Got]) -> list[Got]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=FETCH_BYTES,
    )
    await consumer.start()
    try:
        await consumer._client.add_topic(topic)
        sources = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
        found: dict[TopicPartition, list[Got]] = {source: [] for source in sources}
        consumer.assign(sources)
        await consumer.seek_to_beginning(*sources)
        ends = await consumer.end_offsets(sources)
        while [source for source in sources if await consumer.position(source) < ends[source]]:
            for source, records in (await consumer.getmany(timeout_ms=200)).items():
                found[source] += [take(record) for record in records]
    finally:
        await consumer.stop()
    return [one for several in found.values() for one in several]


class Ends:
    """Committed end offsets of topics."""

    def __init__(self, consumer: KafkaConsumer) -> None:
        self._consumer = consumer

    def of(self, topic: str) -> int:
        """Sum over all partitions; control records of transactions count."""
        return sum(self.each(topic).values())

    def each(self, topic: str) -> dict[int, int]:
        """End offset of each partition."""
        sources = [Source(topic, number) for number in self._consumer.partitions_for_topic(topic) or ()]
        return {source.partition: end for source, end in self._consumer.end_offsets(sources).items()}


@contextmanager
def ends(bootstrap: str) -> Iterator[Ends]:
    """A reader of committed end offsets."""
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap, isolation_level="read_committed", enable_auto_commit=False, metrics_enabled=False
    )
    try:
        yield Ends(consumer)
    finally:
        consumer.close()
