"""How long a worker has stood still in each respect; partitions and clock by hand."""

from router.stream.health.observations import LASTING_SECONDS
from router.stream.health.verdict import Age, Limits, judge
from tests.support.observations import Worker


def test_before_its_first_beat_a_worker_is_not_well_but_starting() -> None:
    """A loop that hangs before it would never be told."""
    worker = Worker()
    worker.generation = 1
    assert judge(worker.after(1), Limits()).status == "starting"
    worker.vitals.beat()
    assert judge(worker.after(1), Limits()).status == "ok"


def test_until_the_first_sharing_the_time_since_the_start_counts() -> None:
    worker = Worker()
    worker.vitals.beat()
    assert worker.after(7).rebalance == Age(7)
    worker.generation = 1
    worker.vitals.beat()
    worker.clock.now += LASTING_SECONDS
    worker.vitals.beat()
    assert worker.after(7).rebalance == Age(0)


def test_a_later_sharing_counts_from_its_beginning_to_its_end() -> None:
    worker = Worker()
    worker.generation = 1
    worker.vitals.beat()
    worker.clock.now += 50
    worker.vitals.beat()
    worker.sharing = True
    worker.vitals.beat()
    worker.clock.now += 3
    worker.vitals.beat()
    found = worker.after(2)
    assert (found.sharing, found.rebalance) == (True, Age(5))
    worker.sharing = False
    worker.vitals.beat()
    assert worker.after(9).rebalance == Age(0)


def test_sharings_that_follow_each_other_without_an_end_are_one() -> None:
    """A member that joins anew every two seconds: between two sharings nobody shares, and nothing gets done."""
    worker = Worker()
    for generation in range(30):
        worker.generation, worker.sharing = generation, False
        worker.vitals.beat()
        worker.clock.now += 1
        worker.sharing = True
        worker.vitals.beat()
        worker.clock.now += 1
    assert worker.vitals.seen().rebalance == Age(60)


def test_a_loop_that_never_turned_is_a_start_and_one_that_stopped_has_an_age() -> None:
    worker = Worker()
    assert worker.after(20).loop == Age(0)
    worker.vitals.beat()
    assert worker.after(20).loop == Age(20)


def test_the_broker_is_away_since_its_last_answer_or_since_the_start() -> None:
    worker = Worker()
    assert worker.after(5).broker == Age(5)
    worker.vitals.answered()
    assert worker.after(2).broker == Age(2)


def test_the_worst_partition_is_named() -> None:
    worker = Worker()
    worker.partitions[0].uncommitted_seconds, worker.partitions[1].uncommitted_seconds = 3, 4
    worker.partitions[0].opening_seconds = 9
    found = worker.vitals.seen()
    assert found.commit == Age(4, "grid.events/1")
    assert found.opened == Age(9, "grid.events/0")
    assert (found.owned, found.opening) == (2, 1)


def test_a_consumer_that_is_deaf_shows_by_the_log_growing_while_its_position_stands() -> None:
    worker = Worker(1)
    (partition,) = worker.partitions
    worker.vitals.reach({partition.source: 10})
    worker.vitals.read(partition, 10)
    assert worker.after(60).unread == Age(), "everything is read"
    worker.vitals.reach({partition.source: 12})
    worker.vitals.read(partition, 10)
    for _ in range(3):
        worker.clock.now += 20
        worker.vitals.read(partition, 10)
    assert worker.vitals.seen().unread == Age(60, "grid.events/0")
    worker.vitals.read(partition, 11)
    assert worker.after(5).unread == Age(5, "grid.events/0"), "it moves"
    worker.vitals.read(partition, 12)
    assert worker.vitals.seen().unread == Age()


def test_a_partition_that_has_records_in_hand_and_gets_no_more_is_not_unread() -> None:
    """One that opens again, for minutes, after it was read."""
    worker = Worker(1)
    (partition,) = worker.partitions
    worker.vitals.reach({partition.source: 5000})
    partition.backlog = 7
    for _ in range(20):
        worker.vitals.read(partition, 10)
        worker.clock.now += 10
    assert worker.vitals.seen().unread == Age()
    partition.backlog = 0
    worker.vitals.read(partition, 10)
    assert worker.after(60).unread == Age(60, "grid.events/0")


def test_a_partition_that_restores_for_the_first_time_is_not_unread() -> None:
    """Nothing is fetched of it before it knows its position; how long that takes has a limit of its own."""
    worker = Worker(1)
    (partition,) = worker.partitions
    partition.begun, partition.opening_seconds = False, 200.0
    worker.vitals.reach({partition.source: 5000})
    for _ in range(20):
        worker.vitals.read(partition, 10)
        worker.clock.now += 10
    assert worker.vitals.seen().unread == Age()
    assert worker.vitals.seen().opened == Age(200, "grid.events/0")


def test_what_was_fetched_and_never_came_to_its_partition_is_unread() -> None:
    """An agent that hangs leaves a consumer at the end of the log and a partition with nothing."""
    worker = Worker()
    source = worker.partitions[0].source
    worker.vitals.reach({source: 5000})
    worker.partitions[0].awaits = 200
    for _ in range(6):
        worker.vitals.read(worker.partitions[0], 5000)
        worker.clock.now += 10
    assert worker.vitals.seen().unread == Age(60, "grid.events/0")
    worker.partitions[0].awaits = None
    worker.vitals.read(worker.partitions[0], 5000)
    assert worker.vitals.seen().unread == Age()


def test_a_position_that_nobody_knows_is_no_movement() -> None:
    worker = Worker(1)
    (partition,) = worker.partitions
    worker.vitals.reach({partition.source: 12})
    for _ in range(4):
        worker.vitals.read(partition, None)
        worker.clock.now += 10
    assert worker.vitals.seen().unread == Age(40, "grid.events/0")


def test_a_partition_without_room_is_read_when_it_commits_and_a_lost_one_is_forgotten() -> None:
    worker = Worker(1)
    (partition,) = worker.partitions
    worker.vitals.reach({partition.source: 12})
    worker.vitals.read(partition, 0)
    partition.room = False
    worker.vitals.read(partition, 0)
    assert worker.after(50).unread == Age()
    partition.room = True
    worker.vitals.read(partition, 0)
    worker.partitions.clear()
    worker.vitals.forget()
    assert worker.after(50).unread == Age()
