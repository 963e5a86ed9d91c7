"""Reads what the broker keeps for a partition: committed offsets, the ends of logs, the latest values of a changelog.

All partitions of a worker share one client for their short requests. A client for each request made opening a partition
five times as slow, and a city of eleven networks has a hundred partitions.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from router.kafka.cancellation import own_cancellation
from router.kafka.cluster_metadata import TopicDescription, describe_topics, epoch_end
from router.kafka.consumers import LazyConsumer, partition_consumer
from router.stream.engine.log_position import LogBounds, LogChange, ResumePoint, StoppedError, resume_point
from router.wire.stored_offsets import NO_EPOCH, StoredOffset

FETCH_BYTES = 8 << 20
FETCH_RECORDS = 20_000
NEWEST_AMONG = 100
"""How many offsets `newest` reads at first, from the end of a partition."""
ANSWER_SECONDS = 30.0
"""Longer than a broker needs to answer for a hundred partitions, much shorter than opening a partition may take."""
RETRY_BACKOFF_MS = 20
Answer = TypeVar("Answer")
FOREIGN_RECORD = "a record that the router did not write is left out of its state; only the router may write this topic"
CHANGED: Mapping[LogChange, str] = {
    "expired": "records were removed by retention before they were read, from the position up to the beginning of the log; "
    "ask their senders",
    "replaced": "the topic was deleted and made again, so it is read from its beginning; what the deleted topic still held "
    "unread is lost, ask its senders",
    "cut": "the log lost records that were processed, so it is read from the cut on",
}
log = structlog.get_logger(__name__)


class Portion(NamedTuple):
    """The next records of a changelog."""

    values: dict[bytes, bytes | None]
    """The last value of each key among them, ordered by its offset; None for a key that was deleted."""
    next: int
    """The next offset to read."""
    behind: int = 0
    """The offset behind the last of the records; 0 without any. Transaction markers may lie between it and `next`."""
    leader_epoch: int = NO_EPOCH
    """Of the last of the records; unknown without any."""


class ChangelogReader:
    """Reads what a partition needs to resume.

    Args:
        bootstrap: `host:port` list of the cluster.
        group: the consumer group whose committed offsets are read.
    """

    def __init__(self, bootstrap: str, group: str) -> None:
        self.bootstrap, self.group = bootstrap, group
        # read_uncommitted, so that an end includes open transactions
        self._client = LazyConsumer(
            bootstrap, group_id=group, isolation_level="read_uncommitted", retry_backoff_ms=RETRY_BACKOFF_MS
        )

    async def describe(self, topic: str) -> TopicDescription:
        """What a topic is now.

        Raises:
            StoppedError: it does not exist.
            KafkaError: no broker answers.
        """
        described = await self._request(lambda client: describe_topics(client, [topic]))
        if topic not in described:
            raise StoppedError(missing_topic(topic))
        return described[topic]

    async def partition_counts(self, topics: Collection[str], *, within: float) -> dict[str, int]:
        """How many partitions topics have; without topics that do not exist, and empty when no broker answers within these seconds."""
        with suppress(KafkaError, OSError, TimeoutError):
            async with asyncio.timeout(within):
                described = await self._request(lambda client: describe_topics(client, list(topics)))
            return {topic: one.partitions for topic, one in described.items()}
        return {}

    async def changelog(self, changelog: TopicPartition) -> TopicDescription:
        """What the topic of a changelog is now.

        Raises:
            StoppedError: it does not have this partition. The partition of the input would be processed without memory.
            KafkaError: no broker answers.
        """
        described = await self.describe(changelog.topic)
        if changelog.partition not in described.leader_epochs:
            raise StoppedError(
                f"{changelog.topic}: there is no partition {changelog.partition}, so the same partition of its input is not "
                "read; `grid-router topics apply` adds it."
            )
        return described

    async def position(
        self, source: TopicPartition, stored: StoredOffset | None = None, topic_id: str = ""
    ) -> ResumePoint:
        """Where a partition goes on, 0 when no offset was ever committed. Call it after the fence, never before.

        Logs an error when the log is not the one that was read, or has lost records.

        Args:
            source: the input partition.
            stored: from the partition's own log. Only when it is None, the group coordinator is asked.
            topic_id: of the input now; empty when unknown.

        Raises:
            BeyondEndError: the log ends before that offset (an unclean election, a restored broker).
        """
        if stored is None:
            committed = await self._request(lambda client: client.committed(source))
            stored = None if committed is None else StoredOffset(offset=int(committed))
        begin, end, ends_at = await self._begin(source), await self.end(source), None
        if stored is not None and stored.leader_epoch >= 0:
            ends_at = await self.epoch_end(source, stored.leader_epoch)
        at = resume_point(f"{source.topic}/{source.partition}", stored, LogBounds(topic_id, begin, end, ends_at))
        if at.change is not None and stored is not None:
            log.error(
                CHANGED[at.change], topic=source.topic, partition=source.partition, position=stored.offset, begin=begin,
                end=end, reads_from=max(at.position, begin),
            )  # fmt: skip
        return at

    async def latest(
        self, changelog: TopicPartition, ours: Callable[[Any], bool] = lambda _: True
    ) -> dict[bytes, bytes]:
        """The last committed value of every key of a compacted partition, ordered by the offset of that value.

        Records that are not `ours` are foreign: they replace no value, and an error names their offsets. Every record has a
        key, because Kafka rejects others on a compacted topic.

        Reads to the end of the log, not to the last stable offset. So it waits while a foreign transaction is open on the
        topic, because committed records lie behind that transaction.
        """
        values: dict[bytes, bytes] = {}
        async for portion in self.portions(changelog, 0, await self.end(changelog), ours):
            for key, value in portion.values.items():
                values.pop(key, None)
                if value is not None:
                    values[key] = value
        return values

    async def portions(
        self, changelog: TopicPartition, begin: int, end: int, ours: Callable[[Any], bool] = lambda _: True
    ) -> AsyncIterator[Portion]:
        """The committed records of a compacted partition from one offset up to another, a fetch at a time. Waits as `latest` does."""
        begin = max(begin, await self._begin(changelog))
        if begin >= end:
            return
        async with self._consumer_of(changelog) as consumer:
            async for records, position in _between(consumer, changelog, begin, end):
                yield portion(records, position, ours)

    async def newest(
        self, changelog: TopicPartition, key: bytes, ours: Callable[[Any], bool] = lambda _: True
    ) -> dict[bytes, bytes]:
        """The last committed value of one key; empty when there is none. Reads backwards from the end of the partition.

        Records that are not `ours` are foreign, and an error names their offsets.
        """
        begin, end = await self._begin(changelog), await self.end(changelog)
        if begin == end:
            return {}
        start, back = end, NEWEST_AMONG
        async with self._consumer_of(changelog) as consumer:
            while start > begin:  # the last offsets are transaction markers and aborted records
                start, before = max(begin, end - back), start
                values: dict[bytes, bytes] = {}
                async for records, _ in _between(consumer, changelog, start, before):
                    for record in records:
                        if not ours(record):
                            _log_foreign(record)
                        elif record.key == key:
                            values[key] = record.value
                if values:
                    return values
                back *= 10
        return {}

    async def close(self) -> None:
        """Close the shared connection; a later request opens another."""
        await self._client.close()

    def _consumer_of(self, changelog: TopicPartition) -> Any:
        return partition_consumer(
            self.bootstrap,
            changelog,
            fetch_max_wait_ms=100,
            max_partition_fetch_bytes=FETCH_BYTES,
            retry_backoff_ms=RETRY_BACKOFF_MS,
        )

    async def _begin(self, partition: TopicPartition) -> int:
        return int((await self._request(lambda client: client.beginning_offsets([partition])))[partition])

    async def end(self, partition: TopicPartition) -> int:
        """The end of the log, open transactions included."""
        return int((await self._request(lambda client: client.end_offsets([partition])))[partition])

    async def epoch_end(self, partition: TopicPartition, leader_epoch: int) -> int | None:
        """Where the records of this leader epoch and earlier ones end; None when the log does not know."""
        return await self._request(lambda client: epoch_end(client, partition, leader_epoch))

    async def _request(self, request: Callable[[AIOKafkaConsumer], Awaitable[Answer]]) -> Answer:
        """Send a request with the shared client. A failure closes that client, so that the next request gets a new one.

        The timeout protects other requests that wait for the same client: a stopped client never answers some of them.
        """
        client = await self._client.connected()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                with own_cancellation():
                    return await request(client)
        except Exception:
            await self._client.close(client)
            raise


async def replaced(logs: ChangelogReader, changelog: TopicPartition, before: str) -> bool:
    """Whether the topic of a changelog was deleted and made again since a state was restored from it.

    Args:
        logs: describes the topic as it is now.
        changelog: one partition of it.
        before: its id when the state was restored; empty when unknown, and then nothing is noticed.

    Raises:
        StoppedError: the topic, or this partition of it, does not exist.
    """
    now = (await logs.changelog(changelog)).topic_id
    return bool(before and now and before != now)


def missing_topic(topic: str) -> str:
    """The sentence for a topic that the router needs."""
    return f"{topic}: the topic does not exist; `grid-router topics apply` creates it."


def latest_values(records: Sequence[Any], ours: Callable[[Any], bool]) -> dict[bytes, bytes | None]:
    """The last value of each key, ordered by its offset. Foreign records replace no value, and an error names their offsets.

    A record that stands for a batch that cannot be unpacked has no key.
    """
    values: dict[bytes, bytes | None] = {}
    for record in records:
        if record.key is None or not ours(record):
            _log_foreign(record)
            continue
        values.pop(record.key, None)
        values[record.key] = record.value
    return values


def portion(records: Sequence[Any], position: int, ours: Callable[[Any], bool]) -> Portion:
    """What was fetched of a changelog.

    Args:
        records: that were fetched, maybe none.
        position: the next offset to read.
        ours: whether the router wrote a record.
    """
    if not records:
        return Portion({}, position)
    last = records[-1]
    return Portion(latest_values(records, ours), position, last.offset + 1, getattr(last, "leader_epoch", NO_EPOCH))


def _log_foreign(record: Any) -> None:
    log.error(FOREIGN_RECORD, topic=record.topic, partition=record.partition, offset=record.offset)


async def _between(
    consumer: AIOKafkaConsumer, changelog: TopicPartition, begin: int, end: int
) -> AsyncIterator[tuple[Sequence[Any], int]]:
    """The committed records from one offset up to another, a fetch at a time, with the next offset to read.

    Waits for open transactions among them.
    """
    consumer.seek(changelog, begin)
    while (position := await consumer.position(changelog)) < end:
        fetched = await consumer.getmany(changelog, timeout_ms=200, max_records=FETCH_RECORDS)
        before, position = position, await consumer.position(changelog)
        if position > before:
            yield fetched.get(changelog, ()), position
