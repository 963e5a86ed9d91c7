"""The states of a partition, and what its status shows before it is opened."""

from aiokafka import TopicPartition

from router.stream.engine.status import PartitionStatus, PartitionView


def test_a_closed_partition_stays_closed_and_every_other_may_close() -> None:
    for status in PartitionStatus:
        assert not PartitionStatus.CLOSED.may_become(status)
        assert status.may_become(PartitionStatus.CLOSED) is (status is not PartitionStatus.CLOSED)


def test_a_partition_runs_only_after_a_restore() -> None:
    before_running = [status for status in PartitionStatus if status.may_become(PartitionStatus.RUNNING)]
    assert before_running == [PartitionStatus.RESTORING]


def test_a_new_partition_has_no_position_and_no_backlog() -> None:
    partition = PartitionView(TopicPartition("grid.events", 3))
    assert partition.status is PartitionStatus.CREATED
    assert (partition.position, partition.awaited_offset, partition.backlog) == (None, None, 0)
    assert not partition.fetching
    assert partition.uncommitted_seconds == 0
