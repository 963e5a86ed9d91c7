"""Records of several partitions: by time, and each partition in the order of its log."""

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from router.kafka.merging import by_time


class Stored(NamedTuple):
    """A record of a partition."""

    partition: int
    offset: int
    timestamp: int


@given(st.lists(st.lists(st.integers(0, 9), max_size=6), max_size=4))
def test_no_record_comes_before_an_earlier_one_of_its_partition(times: list[list[int]]) -> None:
    partitions = [[Stored(number, at, ms) for at, ms in enumerate(of)] for number, of in enumerate(times)]
    merged = list(by_time(partitions))
    assert [[one for one in merged if one.partition == number] for number in range(len(times))] == partitions
    if all(of == sorted(of) for of in times):
        assert [one.timestamp for one in merged] == sorted(ms for of in times for ms in of)
