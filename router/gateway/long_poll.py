"""Reads one topic from a cursor, and waits for what comes: committed records only, without a consumer group.

Nothing is kept between two polls, so a department may ask any gateway.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from msgspec import Struct

from router.gateway.cursors import Cursor, check_cursor
from router.gateway.problems import RETRY_AFTER_S, ProblemError
from router.kafka.cluster_metadata import describe_topics
from router.kafka.consumers import LazyConsumer
from router.kafka.merging import by_time

LONGEST_WAIT_S = 25
"""Shorter than the half minute after which proxies give up."""
LIMIT_S = 10.0
"""How long Kafka may take to answer, beside the wait for what comes."""
MOST = 100
"""Records of an answer."""
MOST_BYTES = 4 << 20
"""Bytes of an answer, but for its last record."""
POLLS, POLLS_OF_HOLDER = 100, 8
"""Polls at once: of all, and of one token."""
FETCH_BYTES, PARTITION_FETCH_BYTES = 1 << 20, 128 << 10
"""Bytes that a broker sends a poll at once, of all partitions and of one; one batch more if it is larger. A hundred polls take 100 MiB of each
broker."""
STEP_MS, BEHIND_MS = 500, 50
"""How soon an app that has gone, and the end of the gateway, are seen; and how soon the end of a transaction, after which nothing has to be
waited for."""
Ended = Callable[[], Awaitable[bool]]
"""Whether the answer is no longer wanted."""


class PollRequest(Struct, frozen=True, kw_only=True):
    """What is asked for."""

    topic: str
    read: Callable[[Any], dict[str, Any] | None]
    """What a record says; None: nothing for who asks."""
    after: Cursor | None
    since: datetime | None
    """Kafka's time of the first record, without a cursor; None: the beginning."""
    most: int
    wait_s: float


class LongPolls:
    """Reads for many departments at once, within bounds.

    Args:
        bootstrap: `host:port` list of the cluster.
    """

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._running: Counter[str] = Counter()
        self.ending: Callable[[], bool] = lambda: False
        """Whether the gateway ends: then every poll answers with what it has."""

    @property
    def number(self) -> int:
        """Polls that run now."""
        return self._running.total()

    async def poll(self, holder: str, wanted: PollRequest, ended: Ended) -> tuple[list[dict[str, Any]], Cursor]:
        """What the records after a cursor say, as soon as there are some, and the cursor after them.

        Args:
            holder: of the token.
            wanted: what is asked for.
            ended: whether the app has gone.

        Raises:
            ProblemError: there is no such topic, the cursor cannot be used, too many poll at once, or Kafka does not answer.
        """
        with_room = self._room(holder)
        lazy = LazyConsumer(
            self._bootstrap,
            fetch_max_bytes=FETCH_BYTES,
            max_partition_fetch_bytes=PARTITION_FETCH_BYTES,
            request_timeout_ms=int(LIMIT_S * 1000),
        )
        try:
            async with with_room:
                async with asyncio.timeout(LIMIT_S):
                    consumer = await lazy.connected()
                    cursor, ends = await _begin(consumer, wanted)
                return await self._read(consumer, wanted, cursor, ends, ended)
        except (KafkaError, OSError, TimeoutError) as error:
            detail = "Kafka does not answer; ask again with the same cursor."
            raise ProblemError("kafka-away", detail, retry_after_s=RETRY_AFTER_S) from error
        finally:
            await lazy.close()

    @asynccontextmanager
    async def _room(self, holder: str) -> Any:
        if self._running[holder] >= POLLS_OF_HOLDER:
            detail = f"the token has {POLLS_OF_HOLDER} polls at once already; end one of them."
            raise ProblemError("too-many-requests", detail, retry_after_s=RETRY_AFTER_S)
        if self.number >= POLLS:
            raise ProblemError("buffer-full", "too many departments poll; ask again.", retry_after_s=RETRY_AFTER_S)
        self._running[holder] += 1
        try:
            yield
        finally:
            self._running[holder] -= 1
            if not self._running[holder]:
                del self._running[holder]

    async def _read(
        self, consumer: AIOKafkaConsumer, wanted: PollRequest, cursor: Cursor, ends: tuple[int, ...], ended: Ended
    ) -> tuple[list[dict[str, Any]], Cursor]:
        until, given_up_at = time.monotonic() + wanted.wait_s, time.monotonic() + wanted.wait_s + LIMIT_S
        found: list[dict[str, Any]] = []
        while not found:
            now = time.monotonic()
            behind = any(map(int.__lt__, cursor.offsets, ends)) and now < given_up_at
            if (now >= until and not behind) or self.ending() or await ended():
                break
            fetched = await consumer.getmany(timeout_ms=STEP_MS if now < until else BEHIND_MS, max_records=wanted.most)
            records = list(by_time(fetched.values()))
            taken = list(_within(records))
            found = [said for one in taken if (said := wanted.read(one)) is not None]
            positions = {one.partition: one.offset + 1 for one in taken}
            if len(taken) == len(records):  # what is behind them are ends of transactions
                numbers = range(len(cursor.offsets))
                positions = {
                    number: await consumer.position(TopicPartition(wanted.topic, number)) for number in numbers
                }
            cursor = cursor.after(positions)
        return found, cursor


async def _begin(consumer: AIOKafkaConsumer, wanted: PollRequest) -> tuple[Cursor, tuple[int, ...]]:
    """Assign the topic to the consumer: where it begins, and where the partitions end now."""
    described = (await describe_topics(consumer, [wanted.topic])).get(wanted.topic)
    if described is None:
        raise ProblemError("not-ready", "the topic does not exist yet; ask again.", retry_after_s=RETRY_AFTER_S)
    partitions = [TopicPartition(wanted.topic, number) for number in range(described.partitions)]
    consumer.assign(partitions)
    found, begun = await consumer.end_offsets(partitions), await consumer.beginning_offsets(partitions)
    ends, beginnings = [tuple(of[one] for one in partitions) for of in (found, begun)]
    if wanted.after is not None:
        cursor = check_cursor(wanted.after, described.topic_id, beginnings, ends)
    elif wanted.since is None:
        cursor = Cursor(described.topic_id, beginnings)
    else:
        since_ms = max(0, int(wanted.since.timestamp() * 1000))  # Kafka knows no time before 1970
        at = await consumer.offsets_for_times(dict.fromkeys(partitions, since_ms))
        first = [at.get(one) for one in partitions]
        offsets = [end if one is None else one.offset for one, end in zip(first, ends, strict=True)]
        cursor = Cursor(described.topic_id, tuple(offsets))
    for partition, offset in zip(partitions, cursor.offsets, strict=True):
        consumer.seek(partition, offset)
    return cursor, ends


def _within(records: list[Any]) -> Iterator[Any]:
    """The first records, until they have too many bytes."""
    size = 0
    for record in records:
        if size > MOST_BYTES:
            return
        size += len(record.value or b"")
        yield record


def json_of(record: Any, kinds: frozenset[bytes]) -> dict[str, Any] | None:
    """The value of a record of these CloudEvents types; None of another type, or if it is no JSON object."""
    if next((content for name, content in record.headers if name == "ce_type"), None) not in kinds:
        return None
    try:
        said = orjson.loads(record.value or b"")
    except orjson.JSONDecodeError:
        return None
    return said if isinstance(said, dict) else None
