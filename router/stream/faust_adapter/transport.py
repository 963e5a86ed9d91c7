"""Faust's transport with another grain: one message is all that was fetched of a topic partition.

Faust's cost is per message (0.12 ms to read one), not per byte, so agents here iterate over batches: the value of a
message is the list of records of one partition, its offset the last record's. Positions are noted inside transactions, so
Faust itself never commits. Docs: docs/explanation/batches.md.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import Any, NamedTuple

import faust
from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from router.stream.engine.assignment import AssignedPartitions
from router.stream.engine.processor import Record

WHILE_FULL_SECONDS = 0.02
"""How long to wait for other partitions' records while some partition is full: its room must be noticed soon."""
FETCH_WAIT_MS = 100
"""How long the broker may hold a fetch that finds nothing. aiokafka has one fetch in flight to a broker: a partition whose last
records were not taken from its buffer when that fetch left gets nothing until it is back. Faust asks for 1,500."""
TELL_SECONDS = 2.0
"""What the group is told must not wait for a broker that is away."""


class ConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """Reads committed records only (Faust asks for that in its own transactional mode alone), and never waits long for some."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        # both are read when the fetcher is made, at start
        consumer._isolation_level = "read_committed"  # noqa: SLF001
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001
        return consumer

    async def report(self, positions: Mapping[TopicPartition, int]) -> bool:
        """Commit these positions in the group; False when that fails."""
        return bool(await self.call_thread(self._report, positions))

    async def _report(self, positions: Mapping[TopicPartition, int]) -> bool:
        consumer = self._ensure_consumer()
        group, subscription = consumer._coordinator, consumer._subscription  # noqa: SLF001
        # A broker answers one request of a connection after the other: a commit that stands behind a JoinGroup is of a generation that is
        # over by then, for which aiokafka joins anew, and so on without end. Nor may it be tried again later, when that may be so.
        if subscription.reassignment_in_progress or group.coordinator_id is None:
            return False
        mine = {at: OffsetAndMetadata(offset, "") for at, offset in positions.items() if at in consumer.assignment()}
        if not mine:
            return False
        try:
            async with asyncio.timeout(TELL_SECONDS):
                await group._do_commit_offsets(subscription.subscription.assignment, mine)  # noqa: SLF001
        except (KafkaError, TimeoutError):
            return False
        return True


class Consumer(driver.Consumer):  # type: ignore[misc]
    """Delivers batches, and asks only for partitions that have room."""

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def report(self, positions: Mapping[TopicPartition, int]) -> bool:
        """Commit these positions in the group; False when that fails."""
        return await self._thread.report(positions)  # type: ignore[no-any-return]

    @property
    def _owned(self) -> AssignedPartitions:
        return self.app.assignment  # type: ignore[no-any-return]

    _readings: Mapping[tuple[str, int], int] = MappingProxyType({})
    """Of each partition, as they were when the last fetch began."""

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:  # noqa: ASYNC109 - Faust's signature
        """Yield one message for each partition of which something was fetched.

        What is fetched and not handed over is fetched again: the consumer's position has moved beyond it, and whoever
        processes what comes next would commit past a hole.
        """
        records, active = await self._wait_next_records(timeout)
        session_ids = self._readings
        if self.should_stop:
            return
        for tp, batch in records.items():
            if not batch or tp not in session_ids:
                continue
            if not self.flow_active or (active is not None and tp not in active):
                self._owned.refetch_from(tp.topic, tp.partition, batch[0].offset, session_ids[tp])
                continue
            self._owned.fetched(tp.topic, tp.partition, batch[-1].offset + 1, session_ids[tp])
            yield tp, _message(tp, batch, session_ids[tp], self.app.consumer_generation_id)

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:  # noqa: ASYNC109 - Faust's signature
        assignment = self._owned
        await self._seek_sought()
        wanted = assignment.partitions_with_capacity(active_partitions or ())
        # as they are now: a whole rebalance may pass before what is fetched is handed over
        self._readings = assignment.session_ids()
        if not wanted:
            await assignment.wait_for_capacity(timeout)
            return {}
        full = len(wanted) < len(active_partitions or ())
        return await super()._getmany(wanted, WHILE_FULL_SECONDS if full else timeout)

    async def _seek_sought(self) -> None:
        """Go on reading where partitions ask for it, whatever the group's coordinator has told."""
        assigned = self.assignment()
        seek_targets = {TP(*at): position for at, position in self._owned.seek_targets().items() if TP(*at) in assigned}
        if not seek_targets:
            return
        # revoked meanwhile, of which one of aiokafka's questions makes an assertion; or the broker is away
        with suppress(IllegalStateError, AssertionError, TimeoutError):
            await self.seek_wait(seek_targets)
            for tp, position in seek_targets.items():
                self._owned.on_seek(tp.topic, tp.partition, position)

    async def perform_seek(self) -> None:
        """Faust, after a rebalance: seek to where the group was told to be. The partitions know better, and may have been sought already."""

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Faust's livelock check looks at its own commits, of which there are none; the watchdog looks at ours."""


class FetchedBatch(NamedTuple):
    """What an agent receives: records of one partition, in the order of its log."""

    records: Sequence[Record]
    reading: int
    """In which they were fetched."""


def _message(tp: TP, batch: Sequence[Record], reading: int, generation: int) -> ConsumerMessage:
    last = batch[-1]
    return ConsumerMessage(
        topic=tp.topic,
        partition=tp.partition,
        offset=last.offset,
        timestamp=last.timestamp / 1000,
        timestamp_type=0,
        headers=(),
        key=None,
        value=FetchedBatch(batch, reading),
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
    """A Faust app whose agents receive record batches; `assignment` must be set before it starts."""

    assignment: AssignedPartitions

    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker, self, self.loop)

    def _new_consumer_transport(self) -> Transport:
        return Transport(self.conf.broker_consumer, self, self.loop)
