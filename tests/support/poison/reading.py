"""Everything committed on topics, by the quicker of the two clients: large and many-headed records are half of the collection's bytes."""

import asyncio
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

Record = Any
LIMIT_S = 60.0


async def read(bootstrap: str, *topics: str) -> list[Record]:
    """The committed records of all partitions of these topics, one partition after the other.

    Raises:
        TimeoutError: they cannot be read to their ends.
    """
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=50,
        max_partition_fetch_bytes=8 << 20,
    )
    await consumer.start()
    try:
        async with asyncio.timeout(LIMIT_S):
            numbers = {topic: await _partitions(consumer, topic) for topic in topics}
            partitions = [TopicPartition(topic, number) for topic in topics for number in numbers[topic]]
            consumer.assign(partitions)
            await consumer.seek_to_beginning(*partitions)
            ends = await consumer.end_offsets(partitions)
            found: dict[TopicPartition, list[Record]] = {partition: [] for partition in partitions}
            for partition, end in ends.items():
                while await consumer.position(partition) < end:
                    for of, records in (await consumer.getmany(timeout_ms=100)).items():
                        found[of] += records
    finally:
        await consumer.stop()
    return [record for records in found.values() for record in records]


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> list[int]:
    while (numbers := consumer.partitions_for_topic(topic)) is None:  # new topics are learnt one after the other
        await consumer._client.add_topic(topic)
    return sorted(numbers)
