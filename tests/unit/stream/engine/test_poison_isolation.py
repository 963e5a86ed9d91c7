"""Halving finds the one record that makes its batches fail, in few attempts, and the batches grow again behind it."""

from types import SimpleNamespace
from typing import Any

import pytest

from router.stream.engine.poison_isolation import BATCH_RECORDS, Suspects


def records(start: int, stop: int) -> list[Any]:
    return [SimpleNamespace(offset=offset) for offset in range(start, stop)]


@pytest.mark.parametrize("bad", [0, 1, 499, 998, 999])
def test_the_one_bad_record_of_a_thousand_is_found(bad: int) -> None:
    suspects, position, attempts = Suspects(), 0, 0
    while position < 1000:
        attempts += 1
        end = min(1000, position + suspects.limit)
        if suspects.before is not None and position < suspects.before:
            end = min(end, suspects.before)
        batch = records(position, end)
        if position <= bad < end and bad not in suspects.poisoned:
            suspects.narrow(batch)
            continue
        position = end
        suspects.committed(position)
    assert suspects.poisoned == set(), "it is behind the position"
    assert suspects.before is None
    assert attempts <= 25, "twice the halvings of a thousand, and the rest"


def test_a_record_alone_is_poisoned_until_it_is_committed() -> None:
    suspects = Suspects()
    suspects.narrow(records(7, 8))
    assert suspects.poisoned == {7}
    suspects.committed(7)
    assert suspects.poisoned == {7}, "the next to read is 7 itself"
    suspects.committed(8)
    assert suspects.poisoned == set()


def test_nothing_is_suspected_at_first() -> None:
    suspects = Suspects()
    assert (suspects.limit, suspects.before, suspects.poisoned) == (BATCH_RECORDS, None, set())
