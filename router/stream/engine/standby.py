"""Standby copies: states of partitions that another worker processes, kept up to date from their changelogs.

A copy has committed records only. When the group assigns its partition to this worker, only the rest of the changelog is read, so the
takeover takes no longer with a million cases than with a thousand. A copy takes as much memory as the state. Docs:
docs/adr/0022-standby-copies.md.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from router.kafka.cancellation import own_cancellation
from router.kafka.consumers import partition_consumer
from router.stream.engine.changelog_reader import ChangelogReader, portion
from router.stream.engine.processor import StatefulProcessor
from router.stream.engine.state_copy import StateCopy
from router.wire.metrics import Metrics
from router.wire.stored_offsets import NO_EPOCH

READY_LAG = 10_000
"""Records that a copy may be behind and still count as caught up, as `acceptable.recovery.lag` of Kafka Streams."""
REST = 4.0
"""How much longer copies rest than they work, on a worker that processes partitions. In a backlog they get a fifth of the event loop,
and the partitions the others."""
FETCH_RECORDS = 2000
FETCH_BYTES = 1 << 20
"""Of each partition; eight times as much of all together."""
WAIT_MS = 200
CHECK_S = 10.0
"""How often it is looked whether the logs are still those that were read."""
RETRY_S = 2.0

log = structlog.get_logger(__name__)


def rest_after(seconds: float, *, busy: bool) -> float:
    """How long copies rest after some work. A worker without partitions has nothing else to do, and gets its own when it has caught up."""
    return REST * seconds if busy else 0.0


class Standby:
    """The copy of one partition's state.

    Args:
        source: the input partition.
        processor: has the state.
    """

    def __init__(self, source: TopicPartition, processor: StatefulProcessor) -> None:
        self.source, self.processor = source, processor
        self.changelog = processor.changelog_of(source)
        self.lag: int | None = None
        """Records that the copy is behind; None when unknown."""
        self.given_up = False
        """Whether it cannot be kept."""

    @property
    def copy(self) -> StateCopy:
        """How far it follows."""
        return self.processor.copy

    @property
    def ready(self) -> bool:
        """Whether it has caught up."""
        return self.lag is not None and self.lag <= READY_LAG


class StandbyCopies:
    """The copies of one worker.

    Args:
        logs: reads offsets and changelogs.
        metrics: of the worker.
        is_busy: whether the worker processes partitions.
    """

    def __init__(self, logs: ChangelogReader, metrics: Metrics, is_busy: Callable[[], bool]) -> None:
        self._logs, self._metrics, self._is_busy = logs, metrics, is_busy
        self._copies: dict[TopicPartition, Standby] = {}
        """By input partition."""
        self._topics: set[str] = set()
        """Those of which there was a copy."""
        self._work: asyncio.Task[None] | None = None

    @property
    def ready(self) -> Mapping[TopicPartition, bool]:
        """The input partitions of which there is a copy, and whether it has caught up. Any thread may read it."""
        return {one.source: one.ready for one in list(self._copies.values())}

    @property
    def given_up(self) -> Collection[TopicPartition]:
        """The input partitions of which no copy can be kept."""
        return {source for source, one in self._copies.items() if one.given_up}

    async def take(self) -> dict[TopicPartition, StatefulProcessor]:
        """Stop following; input partition -> the processor with its state."""
        work, self._work = self._work, None
        if work is not None:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        taken = {source: one.processor for source, one in self._copies.items()}
        self._copies = {}
        return taken

    def follow(self, processors: Mapping[TopicPartition, StatefulProcessor]) -> None:
        """Keep these copies up to date from now on. Each state has committed records only, or nothing."""
        self._copies = {source: Standby(source, processor) for source, processor in processors.items()}
        self._topics |= {source.topic for source in self._copies}
        for topic in self._topics:
            self._metrics.standby_partitions.labels(topic).set(sum(one.topic == topic for one in self._copies))
        self._update_gauges()
        if self._copies:
            self._work = asyncio.create_task(self._follow_forever(), name="standby copies")

    async def _follow_forever(self) -> None:
        while True:
            try:
                with own_cancellation():
                    await self._follow()
            except (KafkaError, OSError, TimeoutError) as failure:
                log.warning("standby copies cannot be kept up to date now", reason=repr(failure))
            await asyncio.sleep(RETRY_S)

    async def _follow(self) -> None:
        """Follow all changelogs with one consumer, until a broker fails."""
        following = {one.changelog: one for one in self._copies.values() if await self._check(one)}
        if not following:
            return
        async with partition_consumer(
            self._logs.bootstrap,
            *following,
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_bytes=8 * FETCH_BYTES,
            fetch_max_wait_ms=WAIT_MS,
        ) as consumer:
            for changelog, one in following.items():
                consumer.seek(changelog, one.copy.next)
            checked = time.monotonic()
            while True:
                await self._read(consumer, following)
                if time.monotonic() - checked > CHECK_S:
                    checked = time.monotonic()
                    for changelog, one in list(following.items()):
                        before = one.copy.next
                        if not await self._check(one):
                            return
                        if one.copy.next != before:
                            consumer.seek(changelog, one.copy.next)

    async def _check(self, one: Standby, leader_epoch: int = NO_EPOCH) -> bool:
        """Drop what is of another log; False for a copy that cannot be kept, which an operator must mend first."""
        try:
            await one.copy.check(self._logs, one.changelog, leader_epoch)
            one.lag = await self._logs.end(one.changelog) - one.copy.next
        except (KafkaError, OSError, TimeoutError):
            raise
        except Exception as failure:  # noqa: BLE001 - a copy is only a cache; its partition is not affected
            self._give_up(one, failure)
            return False
        return True

    async def _read(self, consumer: AIOKafkaConsumer, following: dict[TopicPartition, Standby]) -> None:
        """Take what has come, then rest."""
        fetched = await consumer.getmany(timeout_ms=WAIT_MS, max_records=FETCH_RECORDS)
        begun = time.monotonic()
        for changelog, one in list(following.items()):
            if not await self._take(consumer, one, fetched.get(changelog, ())):
                consumer.pause(changelog)
                del following[changelog]
        self._update_gauges()
        await asyncio.sleep(rest_after(time.monotonic() - begun, busy=self._is_busy()))

    async def _take(self, consumer: AIOKafkaConsumer, one: Standby, records: Sequence[Any]) -> bool:
        """Take what was fetched of one changelog; False for a copy that cannot be kept."""
        changelog, copy = one.changelog, one.copy
        position = await consumer.position(changelog)
        if position < copy.next:  # the consumer was set back: the log lost what the copy has
            copy.intact = False
        fetched = portion(records, position, copy.ours)
        if not copy.intact or fetched.leader_epoch > copy.leader_epoch:
            before = copy.next
            if not await self._check(one, fetched.leader_epoch):
                return False
            if copy.next != before:
                consumer.seek(changelog, copy.next)
                return True
        try:
            await copy.take(fetched, changelog)
        except Exception as failure:  # noqa: BLE001 - a copy is only a cache; its partition is not affected
            self._give_up(one, failure)
            return False
        end = consumer.highwater(changelog)
        one.lag, one.given_up = one.lag if end is None else max(0, end - position), False
        return True

    def _give_up(self, one: Standby, failure: Exception) -> None:
        """Leave a copy out, until the group assigns partitions again."""
        source = one.source
        log.warning(
            "a standby copy cannot be kept", topic=source.topic, partition=source.partition, reason=str(failure)
        )
        one.copy.intact, one.lag, one.given_up = False, None, True

    def _update_gauges(self) -> None:
        lags, ready = dict.fromkeys(self._topics, 0), dict.fromkeys(self._topics, 0)
        for one in self._copies.values():
            lags[one.source.topic] += one.lag or 0
            ready[one.source.topic] += one.ready
        for topic, lag in lags.items():
            self._metrics.standby_lag.labels(topic).set(lag)
            self._metrics.standby_ready.labels(topic).set(ready[topic])

    async def close(self) -> None:
        """Drop all copies."""
        with suppress(KafkaError):
            await self.take()
