"""The committed position and the changelog of a partition: where to go on, and from which state."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition

FETCH_BYTES = 8 << 20


class BeyondEndError(Exception):
    """The committed position lies behind the end of the log: the log was cut, and going on would skip what comes next."""


@asynccontextmanager
async def _consumer(
    bootstrap: str, group: str | None = None, isolation: str = "read_committed"
) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=group,
        isolation_level=isolation,
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
    """The next offset to read of a partition, 0 when nothing was ever committed. Read it after the fence, never before.

    Raises:
        BeyondEndError: the log ends before it (an unclean election, a restored broker).
    """
    async with _consumer(bootstrap, group, "read_uncommitted") as consumer:
        consumer.assign([source])
        position = await consumer.committed(source) or 0
        end = (await consumer.end_offsets([source]))[source]
    if position > end:
        raise BeyondEndError(f"{source.topic}/{source.partition}: position {position}, end {end}")
    return position


async def latest(bootstrap: str, changelog: TopicPartition) -> dict[bytes, bytes]:
    """The last committed value of every key of a compacted partition, in the order of their last writing.

    The end is the log's own, not that of the last committed transaction: as long as a stranger's transaction is open on the
    topic, this waits, because committed records stand behind it.
    """
    found: dict[bytes, bytes] = {}
    async with _consumer(bootstrap) as consumer, _consumer(bootstrap, isolation="read_uncommitted") as scout:
        consumer.assign([changelog])
        await consumer.seek_to_beginning(changelog)
        end = (await scout.end_offsets([changelog]))[changelog]
        while await consumer.position(changelog) < end:
            fetched = await consumer.getmany(changelog, timeout_ms=200, max_records=20_000)
            for record in fetched.get(changelog, []):
                found.pop(record.key, None)
                if record.value is not None:
                    found[record.key] = record.value
    return found
