"""Bisecting finds the record that makes its batches fail in few attempts; full batches follow it."""

from types import SimpleNamespace
from typing import Any

import pytest

from router.stream.engine.poison_isolation import BATCH_RECORDS, PoisonIsolation


def records(start: int, stop: int) -> list[Any]:
    return [SimpleNamespace(offset=offset) for offset in range(start, stop)]


@pytest.mark.parametrize("bad", [0, 1, 499, 998, 999])
def test_one_bad_record_of_a_thousand_is_found(bad: int) -> None:
    isolation, position, attempts = PoisonIsolation(), 0, 0
    while position < 1000:
        attempts += 1
        end = min(1000, position + isolation.limit)
        if isolation.before is not None and position < isolation.before:
            end = min(end, isolation.before)
        batch = records(position, end)
        if position <= bad < end and bad not in isolation.poisoned:
            isolation.bisect(batch)
            continue
        position = end
        isolation.committed(position)
    assert isolation.poisoned == set(), "it is below the position"
    assert isolation.before is None
    assert attempts <= 25, "twice the halvings of a thousand, and the rest"


def test_a_single_record_is_poison_until_it_is_committed() -> None:
    isolation = PoisonIsolation()
    isolation.bisect(records(7, 8))
    assert isolation.poisoned == {7}
    isolation.committed(7)
    assert isolation.poisoned == {7}, "7 is the next to read"
    isolation.committed(8)
    assert isolation.poisoned == set()


def test_no_record_is_suspected_at_first() -> None:
    isolation = PoisonIsolation()
    assert (isolation.limit, isolation.before, isolation.poisoned) == (BATCH_RECORDS, None, set())


def test_an_isolation_that_repeats_without_a_commit_is_no_progress() -> None:
    isolation = PoisonIsolation()
    assert [isolation.bisect(records(0, 8)), isolation.bisect(records(0, 4)), isolation.bisect(records(0, 1))] == [
        True
    ] * 3
    assert not isolation.bisect(records(0, 1)), "the dead letter of the record failed, too"
    assert not isolation.bisect(records(0, 8))
    isolation.committed(0)
    assert isolation.bisect(records(0, 8))


def test_a_record_that_is_poison_already_is_no_progress() -> None:
    isolation = PoisonIsolation()
    assert [isolation.mark(7), isolation.mark(8), isolation.mark(7)] == [True, True, False]
    isolation.committed(8)
    assert isolation.mark(7), "its partition went back"
