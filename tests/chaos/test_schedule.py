"""The schedule: equal seeds give equal faults, and every kind comes once before one repeats."""

from collections import Counter

from router.stream.faust_adapter.app import SESSION_SECONDS
from tests.chaos.inject import INJECTORS
from tests.chaos.schedule import CLUSTER_KINDS, KINDS, schedule


def test_equal_seeds_give_equal_faults() -> None:
    assert schedule(40, 7) == schedule(40, 7)
    assert schedule(40, 7) != schedule(40, 8)
    assert schedule(40, 7)[:15] == schedule(15, 7)


def test_every_kind_comes_once_before_one_repeats() -> None:
    faults = schedule(3 * len(KINDS), 3)
    for first in range(0, len(faults), len(KINDS)):
        assert Counter(fault.kind for fault in faults[first : first + len(KINDS)]) == dict.fromkeys(KINDS, 1)


def test_a_worker_is_frozen_for_longer_than_its_session() -> None:
    durations = [fault.lasts_s for fault in schedule(200, 1) if fault.kind == "worker frozen"]
    assert min(durations) > SESSION_SECONDS


def test_every_kind_has_an_injector() -> None:
    assert set(INJECTORS) == {*KINDS, *CLUSTER_KINDS}
