"""The input buffer: order, bounds, records that are offered twice, records that come back after a failure."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.stream.engine.input_buffer import MAX_BUFFERED_BYTES, MAX_BUFFERED_RECORDS, Chunk, InputBuffer

PLENTY = 1 << 30


def records(start: int, stop: int, size: int = 10) -> list[Any]:
    return [SimpleNamespace(offset=offset, value=b"x" * size) for offset in range(start, stop)]


def offsets(taken: Chunk) -> list[int]:
    return [record.offset for record in taken.records]


def test_records_of_several_fetches_come_out_in_log_order() -> None:
    buffer = InputBuffer()
    buffer.offer(records(0, 3))
    buffer.offer(records(3, 8))
    assert offsets(buffer.take(5, PLENTY)) == [0, 1, 2, 3, 4]
    assert offsets(buffer.take(5, PLENTY)) == [5, 6, 7]
    assert buffer.take(5, PLENTY) == Chunk([], 0)


def test_records_that_were_offered_before_are_skipped() -> None:
    buffer = InputBuffer()
    assert buffer.offer(records(0, 5))
    assert buffer.offer(records(3, 7))
    assert not buffer.offer(records(0, 7))
    assert offsets(buffer.take(9, PLENTY)) == list(range(7))


def test_committed_records_are_skipped_whenever_they_are_offered() -> None:
    """The consumer may have fetched from below the position that the partition restored."""
    buffer = InputBuffer()
    buffer.offer(records(0, 3))
    buffer.skip(5)
    assert not buffer.offer(records(3, 5))
    assert buffer.offer(records(4, 7))
    assert offsets(buffer.take(9, PLENTY)) == [5, 6]


def test_a_gap_in_the_log_does_not_end_a_chunk() -> None:
    """Offsets of transaction markers and aborted records are missing."""
    buffer = InputBuffer()
    buffer.offer([*records(0, 2), *records(5, 6)])
    buffer.offer(records(9, 10))
    assert offsets(buffer.take(9, PLENTY)) == [0, 1, 5, 9]


@pytest.mark.parametrize(("most_bytes", "taken"), [(35, 3), (30, 3), (29, 2), (10, 1), (1, 1)])
def test_a_chunk_is_bounded_in_bytes_but_always_has_one_record(most_bytes: int, taken: int) -> None:
    buffer = InputBuffer()
    buffer.offer(records(0, 2))
    buffer.offer(records(2, 9))
    chunk = buffer.take(9, most_bytes)
    assert (len(chunk.records), chunk.bytes) == (taken, 10 * taken)
    assert (len(buffer), buffer.bytes) == (9 - taken, 10 * (9 - taken))


def test_no_record_from_the_bound_on_is_taken() -> None:
    buffer = InputBuffer()
    buffer.offer(records(0, 4))
    assert offsets(buffer.take(9, PLENTY, before=2)) == [0, 1]
    assert buffer.take(9, PLENTY, before=2) == Chunk([], 0)
    assert offsets(buffer.take(9, PLENTY)) == [2, 3]


def test_records_put_back_come_first_and_committed_ones_are_skipped() -> None:
    buffer = InputBuffer()
    buffer.offer(records(0, 6))
    first, second = buffer.take(2, PLENTY), buffer.take(2, PLENTY)
    buffer.put_back(second.records)
    buffer.put_back(first.records)
    buffer.skip(1)
    assert offsets(buffer.take(9, PLENTY)) == [1, 2, 3, 4, 5]
    assert len(buffer) == 0


def test_capacity_is_bounded_in_records_and_in_bytes() -> None:
    buffer = InputBuffer()
    buffer.offer(records(0, MAX_BUFFERED_RECORDS - 1))
    assert buffer.has_capacity
    buffer.offer(records(MAX_BUFFERED_RECORDS - 1, MAX_BUFFERED_RECORDS))
    assert not buffer.has_capacity
    buffer.take(1, PLENTY)
    assert buffer.has_capacity

    buffer = InputBuffer()
    buffer.offer(records(0, 1, MAX_BUFFERED_BYTES))
    assert not buffer.has_capacity
    buffer.take(1, PLENTY)
    assert buffer.has_capacity


@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=8),
    st.lists(st.tuples(st.integers(1, 5), st.integers(1, 60), st.booleans()), max_size=30),
)
def test_every_record_comes_once_in_order_despite_failures(
    fetched: list[int], steps: list[tuple[int, int, bool]]
) -> None:
    buffer, start = InputBuffer(), 0
    for number in fetched:
        buffer.offer(records(start, start + number))
        start += number
    out: list[int] = []
    for most, most_bytes, failed in steps:
        taken = buffer.take(most, most_bytes)
        if failed:
            buffer.put_back(taken.records)
        else:
            out += offsets(taken)
        assert len(buffer) == start - len(out)
        assert buffer.bytes == 10 * len(buffer)
    assert out + offsets(buffer.take(start, PLENTY)) == list(range(start))
    assert buffer.has_capacity
