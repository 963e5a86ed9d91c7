"""How long each part of a worker has made no progress, on a manual clock."""

from router.stream.health.observations import STABLE_SECONDS
from router.stream.health.verdict import Limits, StallAge, evaluate
from tests.support.observations import Worker


def test_a_worker_is_starting_before_its_first_beat() -> None:
    """A loop that hangs before its first beat would never be reported."""
    worker = Worker()
    worker.generation = 1
    assert evaluate(worker.after(1), Limits()).status == "starting"
    worker.monitor.beat()
    assert evaluate(worker.after(1), Limits()).status == "ok"


def test_the_first_rebalance_counts_from_the_start() -> None:
    worker = Worker()
    worker.monitor.beat()
    assert worker.after(7).rebalance == StallAge(7)
    worker.generation = 1
    worker.monitor.beat()
    worker.clock.now += STABLE_SECONDS
    worker.monitor.beat()
    assert worker.after(7).rebalance == StallAge(0)


def test_a_later_rebalance_counts_from_its_beginning_to_its_end() -> None:
    worker = Worker()
    worker.generation = 1
    worker.monitor.beat()
    worker.clock.now += 50
    worker.monitor.beat()
    worker.rebalancing = True
    worker.monitor.beat()
    worker.clock.now += 3
    worker.monitor.beat()
    snapshot = worker.after(2)
    assert (snapshot.rebalancing, snapshot.rebalance) == (True, StallAge(5))
    worker.rebalancing = False
    worker.monitor.beat()
    assert worker.after(9).rebalance == StallAge(0)


def test_a_storm_of_rebalances_counts_as_one() -> None:
    """A member rejoins every two seconds: no rebalance runs in between, and yet nothing is processed."""
    worker = Worker()
    for generation in range(30):
        worker.generation, worker.rebalancing = generation, False
        worker.monitor.beat()
        worker.clock.now += 1
        worker.rebalancing = True
        worker.monitor.beat()
        worker.clock.now += 1
    assert worker.monitor.snapshot().rebalance == StallAge(60)


def test_the_age_of_the_event_loop_begins_with_its_first_beat() -> None:
    worker = Worker()
    assert worker.after(20).loop == StallAge(0)
    worker.monitor.beat()
    assert worker.after(20).loop == StallAge(20)


def test_the_age_of_the_broker_counts_from_its_last_answer_or_the_start() -> None:
    worker = Worker()
    assert worker.after(5).broker == StallAge(5)
    worker.monitor.broker_answered()
    assert worker.after(2).broker == StallAge(2)


def test_the_partition_with_the_longest_stall_is_named() -> None:
    worker = Worker()
    worker.partitions[0].uncommitted_seconds, worker.partitions[1].uncommitted_seconds = 3, 4
    worker.partitions[0].restoring_seconds = 9
    snapshot = worker.monitor.snapshot()
    assert snapshot.commit == StallAge(4, "grid.events/1")
    assert snapshot.restore == StallAge(9, "grid.events/0")
    assert (snapshot.assigned, snapshot.restoring) == (2, 1)


def test_a_growing_log_with_a_fixed_fetch_position_is_a_stall() -> None:
    worker = Worker(1)
    (partition,) = worker.partitions
    worker.monitor.set_ends({partition.source: 10})
    worker.monitor.set_position(partition, 10)
    assert worker.after(60).fetch == StallAge(), "everything is read"
    worker.monitor.set_ends({partition.source: 12})
    worker.monitor.set_position(partition, 10)
    for _ in range(3):
        worker.clock.now += 20
        worker.monitor.set_position(partition, 10)
    assert worker.monitor.snapshot().fetch == StallAge(60, "grid.events/0")
    worker.monitor.set_position(partition, 11)
    assert worker.after(5).fetch == StallAge(5, "grid.events/0"), "it moves"
    worker.monitor.set_position(partition, 12)
    assert worker.monitor.snapshot().fetch == StallAge()


def test_a_partition_with_uncommitted_records_does_not_count_as_unread() -> None:
    """A partition that restores again, for minutes, after its log was fetched."""
    worker = Worker(1)
    (partition,) = worker.partitions
    worker.monitor.set_ends({partition.source: 5000})
    partition.backlog = 7
    for _ in range(20):
        worker.monitor.set_position(partition, 10)
        worker.clock.now += 10
    assert worker.monitor.snapshot().fetch == StallAge()
    partition.backlog = 0
    worker.monitor.set_position(partition, 10)
    assert worker.after(60).fetch == StallAge(60, "grid.events/0")


def test_a_partition_in_its_first_restore_does_not_count_as_unread() -> None:
    """Nothing is fetched before its position is known; a restore has a limit of its own."""
    worker = Worker(1)
    (partition,) = worker.partitions
    partition.fetching, partition.restoring_seconds = False, 200.0
    worker.monitor.set_ends({partition.source: 5000})
    for _ in range(20):
        worker.monitor.set_position(partition, 10)
        worker.clock.now += 10
    assert worker.monitor.snapshot().fetch == StallAge()
    assert worker.monitor.snapshot().restore == StallAge(200, "grid.events/0")


def test_fetched_records_that_never_reach_their_partition_count_as_unread() -> None:
    """When an agent hangs, the consumer is at the end of the log and the partition has no records."""
    worker = Worker()
    source = worker.partitions[0].source
    worker.monitor.set_ends({source: 5000})
    worker.partitions[0].awaited_offset = 200
    for _ in range(6):
        worker.monitor.set_position(worker.partitions[0], 5000)
        worker.clock.now += 10
    assert worker.monitor.snapshot().fetch == StallAge(60, "grid.events/0")
    worker.partitions[0].awaited_offset = None
    worker.monitor.set_position(worker.partitions[0], 5000)
    assert worker.monitor.snapshot().fetch == StallAge()


def test_an_unknown_fetch_position_does_not_count_as_movement() -> None:
    worker = Worker(1)
    (partition,) = worker.partitions
    worker.monitor.set_ends({partition.source: 12})
    for _ in range(4):
        worker.monitor.set_position(partition, None)
        worker.clock.now += 10
    assert worker.monitor.snapshot().fetch == StallAge(40, "grid.events/0")


def test_full_and_revoked_partitions_do_not_count_as_unread() -> None:
    worker = Worker(1)
    (partition,) = worker.partitions
    worker.monitor.set_ends({partition.source: 12})
    worker.monitor.set_position(partition, 0)
    partition.has_capacity = False
    worker.monitor.set_position(partition, 0)
    assert worker.after(50).fetch == StallAge()
    partition.has_capacity = True
    worker.monitor.set_position(partition, 0)
    worker.partitions.clear()
    worker.monitor.forget_revoked()
    assert worker.after(50).fetch == StallAge()
