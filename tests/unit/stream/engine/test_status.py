"""The states of a stream task, and what the status of its partitions shows before it is opened."""

import asyncio
from typing import Any

from aiokafka import TopicPartition

from router.stream.engine.source_partition import SourcePartition
from router.stream.engine.status import StreamTaskState, StreamTaskStatus


def test_a_closed_task_stays_closed_and_every_other_may_close() -> None:
    for status in StreamTaskStatus:
        assert not StreamTaskStatus.CLOSED.may_become(status)
        assert status.may_become(StreamTaskStatus.CLOSED) is (status is not StreamTaskStatus.CLOSED)


def test_a_task_runs_only_after_a_restore() -> None:
    before_running = [status for status in StreamTaskStatus if status.may_become(StreamTaskStatus.RUNNING)]
    assert before_running == [StreamTaskStatus.RESTORING]


def test_a_new_partition_has_no_position_and_no_backlog() -> None:
    processor: Any = object()

    async def new() -> SourcePartition:
        source = TopicPartition("grid.events", 3)
        return SourcePartition(
            source, processor, state_offset=None, partitions=None, task=StreamTaskState(), on_capacity=lambda: None
        )

    partition = asyncio.run(new())
    assert partition.status is StreamTaskStatus.CREATED
    assert (partition.position, partition.awaited_offset, partition.backlog) == (None, None, 0)
    assert not partition.fetching
    assert partition.uncommitted_seconds == 0
