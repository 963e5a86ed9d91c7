"""Topics of tests: created, configured, and their committed records in offset order of each partition."""

import asyncio
import time
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType

from router.broker.admin import connected
from router.kafka.blocking import PATIENT_MS, open_consumer
from tests.support.patience import PATIENCE_S

Record = Any


def committed(bootstrap: str, *topics: str) -> list[Record]:
    """The committed records of all partitions of a topic, or of several: one partition after the other."""
    with open_consumer(bootstrap, connect_ms=PATIENT_MS) as consumer:
        partitions = [
            TopicPartition(topic, number)
            for topic in topics
            for number in sorted(consumer.partitions_for_topic(topic) or ())
        ]
        consumer.assign(partitions)
        consumer.seek_to_beginning()
        ends = consumer.end_offsets(partitions)
        found: dict[TopicPartition, list[Record]] = {partition: [] for partition in partitions}
        deadline = time.monotonic() + PATIENCE_S
        while any(consumer.position(partition) < end for partition, end in ends.items()):
            assert time.monotonic() < deadline, f"{', '.join(topics)} cannot be read to the end"
            for partition, records in consumer.poll(timeout_ms=200, max_records=5000).items():
                found[partition] += records
    return [record for records in found.values() for record in records]


def set_config(kafka: str, topic: str, **configs: str) -> None:
    """Change a topic's configuration; write `_` for `.` in names."""
    values = {name.replace("_", "."): value for name, value in configs.items()}
    with connected(kafka) as admin:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, values)], raise_on_unknown=False)


async def create_topics(bootstrap: str, *names: str) -> None:
    """Create topics of one partition, and wait until the broker serves them: it answers the creation some time before."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, 1, 1) for name in names])
        async with asyncio.timeout(PATIENCE_S):
            while not all(_is_served(one) for one in await admin.describe_topics(list(names))):
                await asyncio.sleep(0.02)
    finally:
        await admin.close()


def _is_served(topic: dict[str, Any]) -> bool:
    return not topic["error_code"] and all(one["leader"] >= 0 for one in topic["partitions"])
