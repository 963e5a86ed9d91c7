"""How long a worker has stood still in each respect; partitions and clock by hand."""

from router.stream.health.observations import LASTING_SECONDS
from router.stream.health.verdict import Limits, StallAge, evaluate
from tests.support.observations import Worker


def test_before_its_first_beat_a_worker_is_not_well_but_starting() -> None:
    """A loop that hangs before it would never be told."""
    worker = Worker()
    worker.generation = 1
    assert evaluate(worker.after(1), Limits()).status == "starting"
    worker.monitor.beat()
    assert evaluate(worker.after(1), Limits()).status == "ok"


def test_until_the_first_sharing_the_time_since_the_start_counts() -> None:
    worker = Worker()
    worker.monitor.beat()
    assert worker.after(7).rebalance == StallAge(7)
    worker.generation = 1
    worker.monitor.beat()
    worker.clock.now += LASTING_SECONDS
    worker.monitor.beat()
    assert worker.after(7).rebalance == StallAge(0)


def test_a_later_sharing_counts_from_its_beginning_to_its_end() -> None:
    worker = Worker()
    worker.generation = 1
    worker.monitor.beat()
    worker.clock.now += 50
    worker.monitor.beat()
    worker.rebalancing = True
    worker.monitor.beat()
    worker.clock.now += 3
    worker.monitor.beat()
    found = worker.after(2)
    assert (found.rebalancing, found.rebalance) == (True, StallAge(5))
    worker.rebalancing = False
    worker.monitor.beat()
    assert worker.after(9).rebalance == StallAge(0)


def test_sharings_that_follow_each_other_without_an_end_are_one() -> None:
    """A member that joins anew every two seconds: between two sharings nobody shares, and nothing gets done."""
    worker = Worker()
    for generation in range(30):
        worker.generation, worker.rebalancing = generation, False
        worker.monitor.beat()
        worker.clock.now += 1
        worker.rebalancing = True
        worker.monitor.beat()
        worker.clock.now += 1
    assert worker.monitor.seen().rebalance == StallAge(60)


def test_a_loop_that_never_turned_is_a_start_and_one_that_stopped_has_an_age() -> None:
    worker = Worker()
    assert worker.after(20).loop == StallAge(0)
    worker.monitor.beat()
    assert worker.after(20).loop == StallAge(20)


def test_the_broker_is_away_since_its_last_answer_or_since_the_start() -> None:
    worker = Worker()
    assert worker.after(5).broker == StallAge(5)
    worker.monitor.answered()
    assert worker.after(2).broker == StallAge(2)


def test_the_worst_partition_is_named() -> None:
    worker = Worker()
    worker.partitions[0].uncommitted_seconds, worker.partitions[1].uncommitted_seconds = 3, 4
    worker.partitions[0].restoring_seconds = 9
    found = worker.monitor.seen()
    assert found.commit == StallAge(4, "grid.events/1")
    assert found.restore == StallAge(9, "grid.events/0")
    assert (found.assigned, found.restoring) == (2, 1)


def test_a_consumer_that_is_deaf_shows_by_the_log_growing_while_its_position_stands() -> None:
    worker = Worker(1)
    (partition,) = worker.partitions
    worker.monitor.reach({partition.source: 10})
    worker.monitor.read(partition, 10)
    assert worker.after(60).fetch == StallAge(), "everything is read"
    worker.monitor.reach({partition.source: 12})
    worker.monitor.read(partition, 10)
    for _ in range(3):
        worker.clock.now += 20
        worker.monitor.read(partition, 10)
    assert worker.monitor.seen().fetch == StallAge(60, "grid.events/0")
    worker.monitor.read(partition, 11)
    assert worker.after(5).fetch == StallAge(5, "grid.events/0"), "it moves"
    worker.monitor.read(partition, 12)
    assert worker.monitor.seen().fetch == StallAge()


def test_a_partition_that_has_records_in_hand_and_gets_no_more_is_not_unread() -> None:
    """One that opens again, for minutes, after it was read."""
    worker = Worker(1)
    (partition,) = worker.partitions
    worker.monitor.reach({partition.source: 5000})
    partition.backlog = 7
    for _ in range(20):
        worker.monitor.read(partition, 10)
        worker.clock.now += 10
    assert worker.monitor.seen().fetch == StallAge()
    partition.backlog = 0
    worker.monitor.read(partition, 10)
    assert worker.after(60).fetch == StallAge(60, "grid.events/0")


def test_a_partition_that_restores_for_the_first_time_is_not_unread() -> None:
    """Nothing is fetched of it before it knows its position; how long that takes has a limit of its own."""
    worker = Worker(1)
    (partition,) = worker.partitions
    partition.begun, partition.restoring_seconds = False, 200.0
    worker.monitor.reach({partition.source: 5000})
    for _ in range(20):
        worker.monitor.read(partition, 10)
        worker.clock.now += 10
    assert worker.monitor.seen().fetch == StallAge()
    assert worker.monitor.seen().restore == StallAge(200, "grid.events/0")


def test_what_was_fetched_and_never_came_to_its_partition_is_unread() -> None:
    """An agent that hangs leaves a consumer at the end of the log and a partition with nothing."""
    worker = Worker()
    source = worker.partitions[0].source
    worker.monitor.reach({source: 5000})
    worker.partitions[0].awaits = 200
    for _ in range(6):
        worker.monitor.read(worker.partitions[0], 5000)
        worker.clock.now += 10
    assert worker.monitor.seen().fetch == StallAge(60, "grid.events/0")
    worker.partitions[0].awaits = None
    worker.monitor.read(worker.partitions[0], 5000)
    assert worker.monitor.seen().fetch == StallAge()


def test_a_position_that_nobody_knows_is_no_movement() -> None:
    worker = Worker(1)
    (partition,) = worker.partitions
    worker.monitor.reach({partition.source: 12})
    for _ in range(4):
        worker.monitor.read(partition, None)
        worker.clock.now += 10
    assert worker.monitor.seen().fetch == StallAge(40, "grid.events/0")


def test_a_partition_without_room_is_read_when_it_commits_and_a_lost_one_is_forgotten() -> None:
    worker = Worker(1)
    (partition,) = worker.partitions
    worker.monitor.reach({partition.source: 12})
    worker.monitor.read(partition, 0)
    partition.has_capacity = False
    worker.monitor.read(partition, 0)
    assert worker.after(50).fetch == StallAge()
    partition.has_capacity = True
    worker.monitor.read(partition, 0)
    worker.partitions.clear()
    worker.monitor.forget()
    assert worker.after(50).fetch == StallAge()
