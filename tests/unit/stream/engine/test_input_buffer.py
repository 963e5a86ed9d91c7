"""The queue before the fold: order, bounds, what was offered twice, what comes back after a failure."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.stream.engine.input_buffer import MAX_BUFFERED_BYTES, MAX_BUFFERED_RECORDS, InputBuffer

PLENTY = 1 << 30


def records(start: int, stop: int, size: int = 10) -> list[Any]:
    return [SimpleNamespace(offset=offset, value=b"x" * size) for offset in range(start, stop)]


def offsets(taken: Sequence[Any]) -> list[int]:
    return [record.offset for record in taken]


def test_comes_out_in_the_order_of_the_log_over_what_was_fetched_apart() -> None:
    waiting = InputBuffer()
    waiting.offer(records(0, 3))
    waiting.offer(records(3, 8))
    assert offsets(waiting.take(5, PLENTY)) == [0, 1, 2, 3, 4]
    assert offsets(waiting.take(5, PLENTY)) == [5, 6, 7]
    assert waiting.take(5, PLENTY) == []


def test_what_was_offered_before_is_skipped() -> None:
    waiting = InputBuffer()
    assert waiting.offer(records(0, 5))
    assert waiting.offer(records(3, 7))
    assert not waiting.offer(records(0, 7))
    assert offsets(waiting.take(9, PLENTY)) == list(range(7))


def test_what_is_committed_is_skipped_whenever_it_is_offered() -> None:
    """A consumer may have begun to read below the position that the partition found after its fence."""
    waiting = InputBuffer()
    waiting.offer(records(0, 3))
    waiting.skip(5)
    assert not waiting.offer(records(3, 5))
    assert waiting.offer(records(4, 7))
    assert offsets(waiting.take(9, PLENTY)) == [5, 6]


def test_a_gap_in_the_log_is_no_end() -> None:
    """Offsets of markers and of aborted records are missing."""
    waiting = InputBuffer()
    waiting.offer([*records(0, 2), *records(5, 6)])
    waiting.offer(records(9, 10))
    assert offsets(waiting.take(9, PLENTY)) == [0, 1, 5, 9]


@pytest.mark.parametrize(("most_bytes", "taken"), [(35, 3), (30, 3), (29, 2), (10, 1), (1, 1)])
def test_is_bounded_in_bytes_but_always_gives_one(most_bytes: int, taken: int) -> None:
    waiting = InputBuffer()
    waiting.offer(records(0, 2))
    waiting.offer(records(2, 9))
    assert len(waiting.take(9, most_bytes)) == taken
    assert len(waiting) == 9 - taken


def test_nothing_from_a_bound_on_is_taken() -> None:
    waiting = InputBuffer()
    waiting.offer(records(0, 4))
    assert offsets(waiting.take(9, PLENTY, before=2)) == [0, 1]
    assert waiting.take(9, PLENTY, before=2) == []
    assert offsets(waiting.take(9, PLENTY)) == [2, 3]


def test_what_comes_back_is_first_again_and_committed_records_are_not_given_out() -> None:
    waiting = InputBuffer()
    waiting.offer(records(0, 6))
    first, second = waiting.take(2, PLENTY), waiting.take(2, PLENTY)
    waiting.put_back(second)
    waiting.put_back(first)
    waiting.skip(1)
    assert offsets(waiting.take(9, PLENTY)) == [1, 2, 3, 4, 5]
    assert len(waiting) == 0


def test_has_room_until_so_many_records_or_bytes_wait() -> None:
    waiting = InputBuffer()
    waiting.offer(records(0, MAX_BUFFERED_RECORDS - 1))
    assert waiting.has_capacity
    waiting.offer(records(MAX_BUFFERED_RECORDS - 1, MAX_BUFFERED_RECORDS))
    assert not waiting.has_capacity
    waiting.take(1, PLENTY)
    assert waiting.has_capacity

    waiting = InputBuffer()
    waiting.offer(records(0, 1, MAX_BUFFERED_BYTES))
    assert not waiting.has_capacity
    waiting.take(1, PLENTY)
    assert waiting.has_capacity


@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=8),
    st.lists(st.tuples(st.integers(1, 5), st.integers(1, 60), st.booleans()), max_size=30),
)
def test_every_record_once_in_order_whatever_is_taken_and_put_back(
    fetched: list[int], steps: list[tuple[int, int, bool]]
) -> None:
    waiting, start = InputBuffer(), 0
    for number in fetched:
        waiting.offer(records(start, start + number))
        start += number
    out: list[int] = []
    for most, most_bytes, failed in steps:
        taken = waiting.take(most, most_bytes)
        if failed:
            waiting.put_back(taken)
        else:
            out += offsets(taken)
        assert len(waiting) == start - len(out)
    assert out + offsets(waiting.take(start, PLENTY)) == list(range(start))
    assert waiting.has_capacity
