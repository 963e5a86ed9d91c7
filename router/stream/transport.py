"""Faust's transport with another grain: one message is all that was fetched of a topic partition.

Faust's cost is per message (0.12 ms to read one), not per byte, so agents here iterate over batches: the value of a
message is the list of records of one partition, its offset the last record's. Positions are committed inside
transactions, so Faust itself never commits. Docs: docs/batches.md.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Any

import faust
from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from router.stream.hop import Record
from router.stream.owned import Owned

WHILE_FULL_SECONDS = 0.02
"""How long to wait for other partitions' records while some partition is full: its room must be noticed soon."""


FETCH_WAIT_MS = 100
"""How long the broker may hold a fetch that finds nothing. aiokafka has one fetch in flight to a broker: a partition whose last
records were not taken from its buffer when that fetch left gets nothing until it is back. Faust asks for 1,500."""


class ConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """Reads committed records only (Faust asks for that in its own transactional mode alone), and never waits long for some."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        # both are read when the fetcher is made, at start
        consumer._isolation_level = "read_committed"  # noqa: SLF001
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001
        return consumer


class Consumer(driver.Consumer):  # type: ignore[misc]
    """Delivers batches, and asks only for partitions that have room."""

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    @property
    def _owned(self) -> Owned:
        return self.app.owned  # type: ignore[no-any-return]

    _fetching_in: int | None = None
    """Generation of the group in which the last fetch began."""

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:  # noqa: ASYNC109 - Faust's signature
        """Yield one message for each partition of which something was fetched.

        What is fetched and not handed over must be sought back: the consumer's position has moved beyond it, and whoever
        processes what comes next would commit past a hole. What is read twice by that, its partition skips.
        """
        records, active = await self._wait_next_records(timeout)
        generation = self._fetching_in
        if self.should_stop:
            return
        for tp, batch in records.items():
            moved_on = not self.flow_active or self.app.consumer_generation_id != generation
            if moved_on or (active is not None and tp not in active):
                await self._seek_back()
                return
            if batch:
                self._owned.fetched(tp.topic, tp.partition, batch[-1].offset + 1)
                yield tp, _message(tp, batch, generation)

    async def _seek_back(self) -> None:
        """Read on from the committed positions; where nothing was ever committed, from the beginning.

        aiokafka leaves a partition without a committed position where it is, which is behind the hole.
        """
        with suppress(
            IllegalStateError
        ):  # revoked meanwhile: whoever is assigned next begins at the committed position
            await self.perform_seek()
            never = [TopicPartition(*tp) for tp in self.assignment() if self._read_offset[tp] is None]
            if never:
                await self._thread.seek_to_beginning(*never)

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:  # noqa: ASYNC109 - Faust's signature
        owned = self._owned
        wanted = owned.with_room(active_partitions or ())
        if not wanted:
            await owned.wait_for_room(timeout)
            return {}
        full = len(wanted) < len(active_partitions or ())
        # not earlier: a whole rebalance may pass while Faust waits for its flow to resume
        self._fetching_in = self.app.consumer_generation_id
        return await super()._getmany(wanted, WHILE_FULL_SECONDS if full else timeout)

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Faust's livelock check looks at its own commits, of which there are none; the watchdog looks at ours."""


def _message(tp: TP, batch: Sequence[Record], generation: int | None) -> ConsumerMessage:
    last = batch[-1]
    return ConsumerMessage(
        topic=tp.topic,
        partition=tp.partition,
        offset=last.offset,
        timestamp=last.timestamp / 1000,
        timestamp_type=0,
        headers=(),
        key=None,
        value=batch,
        checksum=None,
        serialized_key_size=0,
        serialized_value_size=0,
        tp=tp,
        generation_id=generation,
    )


class Transport(driver.Transport):  # type: ignore[misc]
    """Faust's aiokafka driver with the consumer above."""

    Consumer = Consumer


class BatchApp(faust.App):  # type: ignore[misc]
    """A Faust app whose agents receive record batches; `owned` must be set before it starts."""

    owned: Owned

    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker, self, self.loop)

    def _new_consumer_transport(self) -> Transport:
        return Transport(self.conf.broker_consumer, self, self.loop)
