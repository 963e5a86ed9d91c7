"""The committed position and the changelog of a partition: where to go on, and from which state."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition

FETCH_BYTES = 8 << 20


@asynccontextmanager
async def _consumer(bootstrap: str, group: str | None = None) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=group,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=100,
        max_partition_fetch_bytes=FETCH_BYTES,
        retry_backoff_ms=20,
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def committed_position(bootstrap: str, group: str, source: TopicPartition) -> int:
    """The next offset to read of a partition, 0 when nothing was ever committed. Read it after the fence, never before."""
    async with _consumer(bootstrap, group) as consumer:
        consumer.assign([source])
        return await consumer.committed(source) or 0


async def latest_values(bootstrap: str, changelog: TopicPartition) -> list[bytes]:
    """The last committed value of every key of a compacted partition, in the order of their last writing."""
    latest: dict[bytes, bytes] = {}
    async with _consumer(bootstrap) as consumer:
        consumer.assign([changelog])
        await consumer.seek_to_beginning(changelog)
        end = (await consumer.end_offsets([changelog]))[changelog]
        while await consumer.position(changelog) < end:
            fetched = await consumer.getmany(changelog, timeout_ms=200, max_records=20_000)
            for record in fetched.get(changelog, []):
                latest.pop(record.key, None)
                if record.value is not None:
                    latest[record.key] = record.value
    return list(latest.values())
