"""The schedule: equal seeds, equal faults; every kind before any comes twice."""

from collections import Counter

from router.stream.faust_adapter.app import SESSION_SECONDS
from tests.chaos.inject import STRIKES
from tests.chaos.schedule import KINDS, schedule


def test_equal_seeds_give_equal_faults() -> None:
    assert schedule(40, 7) == schedule(40, 7)
    assert schedule(40, 7) != schedule(40, 8)
    assert schedule(40, 7)[:15] == schedule(15, 7)


def test_every_kind_comes_once_before_any_comes_twice() -> None:
    faults = schedule(3 * len(KINDS), 3)
    for first in range(0, len(faults), len(KINDS)):
        assert Counter(fault.kind for fault in faults[first : first + len(KINDS)]) == dict.fromkeys(KINDS, 1)


def test_a_frozen_worker_outlives_its_session() -> None:
    lasts = [fault.lasts_s for fault in schedule(200, 1) if fault.kind == "worker frozen"]
    assert min(lasts) > SESSION_SECONDS


def test_there_is_something_to_do_for_every_kind() -> None:
    assert set(STRIKES) == set(KINDS)
