"""A Faust transport in which one message is a batch: all records that one fetch returned for a topic partition.

Faust costs 0.12 ms a message, whatever its size. So the agents iterate over batches: the value of a message is the list of
records of one partition, and its offset is that of the last record. Partitions store their offsets inside transactions, so
Faust never commits. Docs: docs/explanation/batches.md.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import Any, NamedTuple

import faust
from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from router.kafka.internals import (
    commit_offsets_once,
    refresh_metadata,
    request_rejoin,
    set_assignor,
    set_fetch_options,
)
from router.stream.engine.assignment import AssignedPartitions
from router.stream.engine.processor import Record
from router.stream.faust_adapter.assignor import GroupAssignor

WHILE_FULL_SECONDS = 0.02
"""Timeout of a fetch while the buffer of some partition is full. The consumer must notice soon that it has capacity again."""
FETCH_WAIT_MS = 100
"""How long the broker may hold a fetch that finds no records. aiokafka has one fetch in flight to each broker. A partition
whose buffered records were not consumed when that fetch left receives nothing until it returns. Faust asks for 1,500 ms."""
COMMIT_SECONDS = 2.0
"""Timeout of a commit in the group, which must not wait for a broker that is down."""


class ConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """Reads committed records only, and never waits long for new ones."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        set_fetch_options(consumer, isolation_level="read_committed", fetch_max_wait_ms=FETCH_WAIT_MS)
        set_assignor(consumer, self.app.group_assignor)
        return consumer

    async def rejoin(self) -> None:
        """Have the group assign all partitions again."""
        await self.call_thread(self._rejoin)

    async def _rejoin(self) -> None:
        request_rejoin(self._ensure_consumer())

    async def report(self, positions: Mapping[TopicPartition, int]) -> bool:
        """Commit these positions in the group; False when that fails."""
        return bool(await self.call_thread(self._report, positions))

    async def refresh_metadata(self) -> bool:
        """Ask the cluster for its topics and partitions now; False when no broker answers."""
        return bool(await self.call_thread(self._refresh_metadata))

    async def _refresh_metadata(self) -> bool:
        return await refresh_metadata(self._ensure_consumer())

    async def _report(self, positions: Mapping[TopicPartition, int]) -> bool:
        return await commit_offsets_once(self._ensure_consumer(), positions, COMMIT_SECONDS)


class Consumer(driver.Consumer):  # type: ignore[misc]
    """Delivers batches, and fetches only for partitions that have capacity."""

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def report(self, positions: Mapping[TopicPartition, int]) -> bool:
        """Commit these positions in the group; False when that fails."""
        return await self._thread.report(positions)  # type: ignore[no-any-return]

    async def rejoin(self) -> None:
        """Have the group assign all partitions again."""
        await self._thread.rejoin()

    async def refresh_metadata(self) -> bool:
        """Ask the cluster for its topics and partitions now; False when no broker answers."""
        return await self._thread.refresh_metadata()  # type: ignore[no-any-return]

    @property
    def _assignment(self) -> AssignedPartitions:
        return self.app.assignment  # type: ignore[no-any-return]

    _session_ids: Mapping[tuple[str, int], int] = MappingProxyType({})
    """The fetch session of each partition when the last fetch began."""

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:  # noqa: ASYNC109 - Faust's signature
        """Yield one message for each partition that has fetched records.

        Records that were fetched but cannot be delivered are fetched again. The consumer's position is already behind them, so
        the next commit would skip them otherwise.
        """
        records, active = await self._wait_next_records(timeout)
        session_ids = self._session_ids
        if self.should_stop:
            return
        for tp, batch in records.items():
            if not batch or tp not in session_ids:
                continue
            if not self.flow_active or (active is not None and tp not in active):
                self._assignment.refetch_from(tp.topic, tp.partition, batch[0].offset, session_ids[tp])
                continue
            self._assignment.fetched(tp.topic, tp.partition, batch[0].offset, batch[-1].offset + 1, session_ids[tp])
            yield tp, _message(tp, batch, session_ids[tp], self.app.consumer_generation_id)

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:  # noqa: ASYNC109 - Faust's signature
        assignment = self._assignment
        await self._seek_to_targets()
        wanted = assignment.partitions_with_capacity(active_partitions or ())
        # before the fetch: a whole rebalance may happen before its records are delivered
        self._session_ids = assignment.session_ids()
        if not wanted:
            await assignment.wait_for_capacity(timeout)
            return {}
        full = len(wanted) < len(active_partitions or ())
        return await super()._getmany(wanted, WHILE_FULL_SECONDS if full else timeout)

    async def _seek_to_targets(self) -> None:
        """Seek to the offsets that the partitions ask for. They override the group's committed offsets."""
        assigned = self.assignment()
        seek_targets = {
            TP(*at): position for at, position in self._assignment.seek_targets().items() if TP(*at) in assigned
        }
        if not seek_targets:
            return
        # a partition was revoked in the meantime (aiokafka raises either of the first two), or the broker is down
        with suppress(IllegalStateError, AssertionError, TimeoutError):
            await self.seek_wait(seek_targets)
            for tp, position in seek_targets.items():
                self._assignment.on_seek(tp.topic, tp.partition, position)

    async def perform_seek(self) -> None:
        """Do nothing: after a rebalance Faust would seek to the group's offsets, and the partitions' own offsets override them."""

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Do nothing: Faust's livelock check expects commits of Faust. The watchdog checks the transactions instead."""


class FetchedBatch(NamedTuple):
    """The message value that an agent receives: records of one partition, in offset order."""

    records: Sequence[Record]
    session_id: int
    """The fetch session in which they were fetched."""


def _message(tp: TP, batch: Sequence[Record], session_id: int, generation: int) -> ConsumerMessage:
    last = batch[-1]
    return ConsumerMessage(
        topic=tp.topic,
        partition=tp.partition,
        offset=last.offset,
        timestamp=last.timestamp / 1000,
        timestamp_type=0,
        headers=(),
        key=None,
        value=FetchedBatch(batch, session_id),
        checksum=None,
        serialized_key_size=0,
        serialized_value_size=0,
        tp=tp,
        generation_id=generation,
    )


class Transport(driver.Transport):  # type: ignore[misc]
    """Faust's aiokafka driver, with the consumer of this module."""

    Consumer = Consumer


class BatchApp(faust.App):  # type: ignore[misc]
    """A Faust app whose agents receive record batches; its attributes must be set before it starts."""

    assignment: AssignedPartitions
    group_assignor: GroupAssignor

    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker, self, self.loop)
