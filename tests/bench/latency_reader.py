"""The latency reader: when the first task of each case becomes readable. Runs in its own process, under read_committed."""

import asyncio
import time
from multiprocessing.connection import Connection

from aiokafka import AIOKafkaConsumer, TopicPartition

from router.cities.folder import load_city
from router.wire.settings import Settings
from router.wire.topic_names import Names

POLL_MS = 100


def read_tasks(settings: Settings, city: str, results: Connection) -> None:
    """Read the tasks of all departments from the current end.

    Sends `ready`. After any message it sends case id -> when its first task was read (monotonic seconds).
    """
    results.send(asyncio.run(_read_tasks(settings, city, results)))


async def _read_tasks(settings: Settings, city: str, results: Connection) -> dict[bytes, float]:
    names = Names(settings.namespace)
    topics = [names.tasks(department) for department in load_city(city).catalogue.departments]
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="latest",
        fetch_max_wait_ms=POLL_MS,
    )
    seen: dict[bytes, float] = {}
    await consumer.start()
    try:
        sources = [TopicPartition(topic, number) for topic in topics for number in range(settings.partitions)]
        consumer.assign(sources)
        await consumer.seek_to_end(*sources)
        results.send("ready")
        while not results.poll():
            fetched = await consumer.getmany(timeout_ms=POLL_MS)
            now = time.monotonic()
            for records in fetched.values():
                for record in records:
                    seen.setdefault(record.key, now)
        results.recv()
    finally:
        await consumer.stop()
    return seen
