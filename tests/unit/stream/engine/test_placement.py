"""Where partitions and copies go: as examples for what happens to workers and as properties of every group."""

from hypothesis import given
from hypothesis import strategies as st

from router.stream.engine.placement import Given, Held, can_take_over, place

P = 4
ALL = frozenset(range(P))


def held(owned: set[int] = set(), ready: set[int] = set(), following: set[int] = set()) -> Held:  # noqa: B006
    return Held(frozenset(owned), frozenset(ready), frozenset(following))


def active(placed: dict[str, Given]) -> dict[str, set[int]]:
    return {worker: one.active for worker, one in placed.items()}


def next_round(placed: dict[str, Given]) -> dict[str, Held]:
    """What the workers have when all copies have caught up."""
    return {worker: Held(frozenset(one.active), frozenset(one.standby)) for worker, one in placed.items()}


def test_two_new_workers_share_the_partitions_and_copy_each_other() -> None:
    placed = place({"a": Held(), "b": Held()}, P, 1)
    assert active(placed) == {"a": {0, 2}, "b": {1, 3}}
    assert {worker: one.standby for worker, one in placed.items()} == {"a": {1, 3}, "b": {0, 2}}
    assert not any(one.warm_up for one in placed.values())


def test_the_copies_of_a_dead_worker_take_over_although_a_new_worker_is_there() -> None:
    """A supervisor starts the new worker before the group notices that the old one is dead."""
    placed = place({"a": held({0, 2}, ready={1, 3}), "new": Held()}, P, 1)
    assert active(placed) == {"a": {0, 1, 2, 3}, "new": set()}
    assert placed["new"].standby == {0, 1, 2, 3}
    assert len(placed["new"].warm_up) == 2
    again = place(next_round(placed), P, 1)
    assert sorted(map(len, active(again).values())) == [2, 2]
    assert again["a"].active | again["new"].active == ALL
    assert again["new"].active <= placed["new"].standby
    assert not any(one.warm_up for one in again.values())


def test_with_more_workers_than_partitions_no_worker_keeps_two() -> None:
    """Their fair share is less than one, which is no reason to leave another worker without any."""
    group = {name: Held() for name in "abcd"} | {"e": held(ready={0, 1})}
    placed = place(group, P, 1)
    assert len(placed["e"].active) == 2
    again = place(next_round(placed), P, 1)
    assert sorted(map(len, active(again).values())) == [0, 1, 1, 1, 1]


def test_of_three_workers_the_one_with_the_copy_takes_over() -> None:
    group = {"a": held({0, 3}, ready={1}), "b": held({1}, ready={2}), "c": held({2}, ready={0, 3})}
    placed = place({worker: one for worker, one in group.items() if worker != "b"}, P, 1)
    assert 1 in placed["a"].active
    assert placed["c"].active >= {2}


def test_a_copy_that_has_not_caught_up_is_better_than_none() -> None:
    placed = place({"a": Held(), "b": held(following={0}), "c": Held()}, 1, 1)
    assert placed["b"].active == {0}


def test_without_copies_a_new_worker_gets_its_share_at_once() -> None:
    placed = place({"a": held(set(ALL)), "new": Held()}, P, 0)
    assert sorted(map(len, active(placed).values())) == [2, 2]
    assert not any(one.standby or one.warm_up for one in placed.values())


def test_one_worker_keeps_no_copy() -> None:
    assert place({"a": held({0, 1})}, P, 1) == {"a": Given(set(ALL), set(), set())}


def test_a_zombie_that_claims_the_same_partition_changes_nothing_for_the_others() -> None:
    placed = place({"a": held({0, 1}), "b": held({1, 2, 3})}, P, 1)
    assert placed["a"].active == {0, 1}
    assert placed["b"].active == {2, 3}


def test_a_worker_asks_when_all_copies_have_caught_up() -> None:
    wanted = {(topic, number) for topic in ("events", "reports") for number in (1, 3)}
    ready = dict.fromkeys(wanted, True)
    assert can_take_over(wanted, ready, set())
    assert not can_take_over(wanted, ready | {("reports", 3): False}, set())
    assert not can_take_over(wanted, {}, set())
    assert not can_take_over(set(), ready, set())


def test_a_copy_that_cannot_be_kept_holds_up_no_other() -> None:
    """A case that cannot be read stops its partition alone. The worker would never have got its share."""
    wanted = {(topic, number) for topic in ("events", "reports") for number in (1, 3)}
    ready = dict.fromkeys(wanted, True) | {("events", 3): False, ("reports", 3): False}
    assert can_take_over(wanted, ready, {("events", 3)})
    assert not can_take_over(wanted, ready | {("events", 1): False}, {("events", 3)})
    assert not can_take_over({("events", 3)}, ready, {("events", 3)}), "nothing would move, again and again"


numbers = st.frozensets(st.integers(0, 9))
groups = st.dictionaries(st.sampled_from("abcdef"), st.builds(Held, numbers, numbers, numbers), min_size=1)


@given(group=groups, partitions=st.integers(1, 8), copies=st.integers(0, 1))
def test_every_partition_is_active_once_and_its_copy_elsewhere(
    group: dict[str, Held], partitions: int, copies: int
) -> None:
    placed = place(group, partitions, copies)
    everything = sorted(number for one in placed.values() for number in one.active)
    assert everything == list(range(partitions))
    for one in placed.values():
        assert not one.active & one.standby
        assert one.warm_up <= one.standby
    least = min(copies, len(group) - 1)
    for number in range(partitions):
        standbys = [worker for worker, one in placed.items() if number in one.standby]
        assert len(standbys) >= least
        assert len(standbys) <= least + sum(number in one.warm_up for one in placed.values())


@given(group=groups, partitions=st.integers(1, 8))
def test_a_partition_goes_to_a_worker_with_its_state_if_there_is_one(group: dict[str, Held], partitions: int) -> None:
    placed = place(group, partitions, 1)
    for worker, one in placed.items():
        for number in one.active:
            assert group[worker].has_state(number) or not any(other.has_state(number) for other in group.values())


@given(group=groups, partitions=st.integers(1, 8), copies=st.integers(0, 1))
def test_the_numbers_are_even_at_last_and_then_nothing_moves(
    group: dict[str, Held], partitions: int, copies: int
) -> None:
    placed = place(group, partitions, copies)
    for _ in range(partitions):
        placed = place(next_round(placed), partitions, copies)
    counts = [len(one.active) for one in placed.values()]
    assert max(counts) - min(counts) <= 1
    assert not any(one.warm_up for one in placed.values())
    assert active(place(next_round(placed), partitions, copies)) == active(placed)
