"""The logs on the broker: committed positions, ends, and the latest values of a changelog.

One client asks for all partitions of a worker: a client of its own for every question made opening a partition five times
as dear, and a city of eleven networks has a hundred.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

FETCH_BYTES = 8 << 20
NEWEST_AMONG = 100
"""Offsets at the end of a partition among which its newest record is looked for first."""
ANSWER_SECONDS = 30.0
"""Longer than a broker takes that has a hundred partitions to tell about, much shorter than an opening may take."""
Answer = TypeVar("Answer")
FOREIGN_RECORD = "a record that the router did not write is left out of its state; only the router may write this topic"
EXPIRED = "records were removed by retention before they were read, from the position up to the beginning of the log; ask their senders"
log = structlog.get_logger(__name__)


class BeyondEndError(Exception):
    """The position lies behind the end of the log: the log was cut, and going on would skip what comes next."""


class ChangelogReader:
    """What partitions must know of the logs to begin where they left off.

    Args:
        bootstrap: `host:port` list of the cluster.
        group: the consumer group whose positions are asked for.
    """

    def __init__(self, bootstrap: str, group: str) -> None:
        self.bootstrap, self.group = bootstrap, group
        self._client: AIOKafkaConsumer | None = None
        self._starting = asyncio.Lock()

    async def position(self, source: TopicPartition, noted: int | None = None) -> int:
        """The next offset to read of a partition, 0 when nothing was ever committed. Ask after the fence, never before.

        Args:
            source: the input partition.
            noted: where it stands by its own log. Only when it has noted none, the group's coordinator is asked.

        Where retention has removed records that were never read, the log says how many.

        Raises:
            BeyondEndError: the log ends before it (an unclean election, a restored broker).
        """
        position = noted
        if position is None:
            position = await self._ask(lambda client: client.committed(source)) or 0
        begin, end = await self._begin(source), await self._end(source)
        if position > end:
            raise BeyondEndError(f"{source.topic}/{source.partition}: position {position}, end {end}")
        if 0 < position < begin:
            log.error(EXPIRED, topic=source.topic, partition=source.partition, position=position, begin=begin)
        return int(position)

    async def latest(
        self, changelog: TopicPartition, ours: Callable[[Any], bool] = lambda _: True
    ) -> dict[bytes, bytes]:
        """The last committed value of every key of a compacted partition, in the order of their last writing.

        Records that are not `ours` are a stranger's: they replace nothing, and the log says where they are. None is without key: Kafka
        rejects such on a compacted topic.

        The end is the log's own, not that of the last committed transaction: as long as a stranger's transaction is open on
        the topic, this waits, because committed records stand behind it.
        """
        found: dict[bytes, bytes] = {}
        begin, end = await self._begin(changelog), await self._end(changelog)
        if begin == end:
            return found
        async with _reader(self.bootstrap, changelog) as consumer:
            async for record in _between(consumer, changelog, begin, end):
                if not ours(record):
                    log.error(FOREIGN_RECORD, topic=record.topic, partition=record.partition, offset=record.offset)
                    continue
                found.pop(record.key, None)
                if record.value is not None:
                    found[record.key] = record.value
        return found

    async def newest(
        self, changelog: TopicPartition, key: bytes, ours: Callable[[Any], bool] = lambda _: True
    ) -> dict[bytes, bytes]:
        """The last committed value of this key alone; empty when there is none. Reads the end of the partition, not all of it.

        Records that are not `ours` are a stranger's, and the log says where they are.
        """
        begin, end = await self._begin(changelog), await self._end(changelog)
        if begin == end:
            return {}
        start, back = end, NEWEST_AMONG
        async with _reader(self.bootstrap, changelog) as consumer:
            while start > begin:  # the very last offsets are markers and what was rolled back
                start, before = max(begin, end - back), start
                found: dict[bytes, bytes] = {}
                async for record in _between(consumer, changelog, start, before):
                    if record.key == key:
                        found[key] = record.value
                    elif not ours(record):
                        log.error(FOREIGN_RECORD, topic=record.topic, partition=record.partition, offset=record.offset)
                if found:
                    return found
                back *= 10
        return {}

    async def close(self) -> None:
        """Let go of the connection; a later question makes another."""
        if self._client is not None:
            await self._drop(self._client)

    async def _begin(self, partition: TopicPartition) -> int:
        return int((await self._ask(lambda client: client.beginning_offsets([partition])))[partition])

    async def _end(self, partition: TopicPartition) -> int:
        """Of the log itself, open transactions included."""
        return int((await self._ask(lambda client: client.end_offsets([partition])))[partition])

    async def _ask(self, question: Callable[[AIOKafkaConsumer], Awaitable[Answer]]) -> Answer:
        """A question to the shared client; one that fails takes that client along, so that the next one is fresh.

        Others that wait for the same client are bounded by time: a stopped client answers some questions never.
        """
        client = await self._started()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await question(client)
        except Exception:
            await self._drop(client)
            raise

    async def _drop(self, client: Any) -> None:
        current = self._client is client
        if not current:  # a later client is innocent
            return
        self._client = None
        with suppress(Exception):  # a broker that is away cannot be told
            await client.stop()

    async def _started(self) -> AIOKafkaConsumer:
        async with self._starting:
            if self._client is None:
                client = AIOKafkaConsumer(
                    bootstrap_servers=self.bootstrap,
                    group_id=self.group,
                    isolation_level="read_uncommitted",
                    enable_auto_commit=False,
                    retry_backoff_ms=20,
                )
                try:
                    await client.start()
                except BaseException:  # a partition that is let go is cancelled here
                    await client.stop()
                    raise
                self._client = client
            return self._client


async def _between(consumer: AIOKafkaConsumer, changelog: TopicPartition, begin: int, end: int) -> AsyncIterator[Any]:
    """The committed records from one offset up to another; waits for transactions that are open among them."""
    consumer.seek(changelog, begin)
    while await consumer.position(changelog) < end:
        fetched = await consumer.getmany(changelog, timeout_ms=200, max_records=20_000)
        for record in fetched.get(changelog, []):
            yield record


@asynccontextmanager
async def _reader(bootstrap: str, changelog: TopicPartition) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=100,
        max_partition_fetch_bytes=FETCH_BYTES,
        retry_backoff_ms=20,
    )
    await consumer.start()
    try:
        consumer.assign([changelog])
        yield consumer
    finally:
        await consumer.stop()
