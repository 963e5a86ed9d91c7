"""A partition opens at the last stored offset that the router wrote, and never at one that it did not."""

from typing import Any

import pytest
from aiokafka import TopicPartition
from msgspec import Struct
from msgspec.structs import replace

from router.stream.engine.processor import UnreadableStateError
from router.stream.engine.stored_offset import StoredOffsets
from router.wire.offset_signing import NO_KEYS, OffsetKeys
from router.wire.stored_offsets import STORED_OFFSET_KEY, StoredOffset, decode_stored_offset, encode_stored_offset

WHERE = TopicPartition("grid.offsets", 1)
KEYS, OTHERS = OffsetKeys([b"k" * 32]), OffsetKeys([b"o" * 32])


class Record(Struct):
    """A record of the changelog."""

    value: Any
    key: bytes = STORED_OFFSET_KEY
    timestamp: int = 1_800_000_000_000
    topic: str = WHERE.topic
    partition: int = WHERE.partition
    offset: int = 0


def read(records: list[Any], keys: OffsetKeys = KEYS) -> tuple[StoredOffset | None, list[str]]:
    """What a partition reads from these records, and the topics of those that it ignored."""
    ignored: list[str] = []
    offsets = StoredOffsets(keys, ignored.append)
    check, latest = offsets.check(), {}
    for number, record in enumerate(records):
        if check(replace(record, offset=number)):
            latest[record.key] = record.value
    return offsets.pop(latest, WHERE, check), ignored


def written(*offsets: int, keys: OffsetKeys = KEYS) -> list[Record]:
    """The records of a worker."""
    own = StoredOffsets(keys)
    return [Record(own.encode(StoredOffset(offset=offset, topic_id="t"), WHERE)[1]) for offset in offsets]


def forged(offset: int) -> Record:
    return Record(encode_stored_offset(StoredOffset(offset=offset, topic_id="t", number=99, signature="0" * 32))[1])


def offset(found: tuple[StoredOffset | None, list[str]]) -> int | None:
    return found[0].offset if found[0] is not None else None


def test_the_last_offset_of_the_router_counts() -> None:
    assert offset(read(written(3, 7))) == 7
    assert offset(read([*written(3, 7), forged(50)])) == 7
    assert offset(read([*written(3, 7), *written(50, keys=OTHERS)])) == 7
    assert offset(read([*written(3, 7), *written(50, keys=NO_KEYS)])) == 7
    assert read([*written(3, 7), forged(50)])[1] == ["grid.offsets"]


@pytest.mark.parametrize("value", [b"", b"\xff", b"{}", None, b"[" * 100_000])
def test_a_record_that_cannot_be_read_is_ignored_like_a_forged_one(value: bytes | None) -> None:
    assert offset(read([*written(3), Record(value)])) == 3


def test_an_older_offset_that_is_written_again_does_not_count() -> None:
    first, second, third = written(3, 7, 9)
    assert offset(read([first, second, third, first])) == 9
    assert offset(read([first, second, third, second, third])) == 9


def test_a_part_of_the_log_that_is_read_again_counts_as_before() -> None:
    """A broker failed during a restore, or `newest` looks further back."""
    check = StoredOffsets(KEYS).check()
    records = [replace(one, offset=number) for number, one in enumerate(written(3, 7, 9))]
    assert [check(one) for one in [*records, *records]] == [True] * 6
    assert not check(replace(records[0], offset=3))


def test_a_log_that_was_cut_goes_back_all_the_same() -> None:
    """The router itself stores a lower offset then."""
    assert offset(read(written(3, 7, 5))) == 5


def test_the_numbers_go_on_after_an_opening() -> None:
    offsets = StoredOffsets(KEYS)
    check = offsets.check()
    (*_, last) = written(3, 7)
    assert check(last)
    offsets.pop({last.key: last.value}, WHERE, check)
    assert decode_stored_offset(offsets.encode(StoredOffset(offset=9), WHERE)[1]).number > 2


def test_an_offset_that_was_never_committed_does_not_count_when_it_is_written_again() -> None:
    """Its record is in the log, aborted and signed. The next owner's numbers began at the same one, and reports would be skipped."""
    before, successor = StoredOffsets(KEYS), StoredOffsets(KEYS)
    committed = Record(before.encode(StoredOffset(offset=3, topic_id="t"), WHERE)[1])
    aborted = Record(before.encode(StoredOffset(offset=50, topic_id="t"), WHERE)[1])
    check = successor.check()
    assert check(committed)
    successor.pop({committed.key: committed.value}, WHERE, check)
    later = Record(successor.encode(StoredOffset(offset=7, topic_id="t"), WHERE)[1])
    assert offset(read([committed, later, aborted])) == 7


def test_neither_does_one_of_before_the_first_commit() -> None:
    aborted, successor = written(50)[0], StoredOffsets(KEYS)
    assert successor.pop({}, WHERE, successor.check()) is None
    later = Record(successor.encode(StoredOffset(offset=7, topic_id="t"), WHERE)[1])
    assert offset(read([later, aborted])) == 7


def test_a_partition_of_which_only_forged_offsets_are_left_stops() -> None:
    """Going on at the group's offset, or at 0, would be a choice that another program made."""
    with pytest.raises(
        UnreadableStateError, match=r"^grid\.offsets/1: the stored offsets that are left have no signature"
    ):
        read([forged(50)])
    assert read([]) == (None, [])


def test_a_worker_without_keys_stops_at_a_signed_offset() -> None:
    """What it wrote would not count for the others, who would go back to the last signed one."""
    with pytest.raises(
        UnreadableStateError, match=r"^grid\.offsets/1: the stored offset is signed and this worker has no"
    ):
        read(written(7), NO_KEYS)
    assert offset(read(written(7, keys=NO_KEYS), NO_KEYS)) == 7


def test_other_records_of_the_changelog_are_not_signed() -> None:
    check = StoredOffsets(KEYS).check()
    assert check(Record(b"{}", key=b"P-1"))


@pytest.mark.parametrize(
    ("records", "overwritten"),
    [
        (written(3, 7), False),
        ([*written(3, 7), forged(50)], True),
        ([written(3, 7)[0], forged(50), written(3, 7)[1]], False),
        ([*written(3, 7), written(3, 7)[0]], True),
        ([*written(3), Record(None)], True),
    ],
)
def test_an_offset_that_was_written_over_is_known(records: list[Any], overwritten: bool) -> None:
    """Compaction will remove the good one: it keeps the last record of a key. The next one that is written mends that."""
    offsets = StoredOffsets(KEYS)
    check = offsets.check()
    latest = {one.key: one.value for number, one in enumerate(records) if check(replace(one, offset=number))}
    stored = offsets.pop(latest, WHERE, check)
    assert offsets.overwritten is overwritten
    assert stored is not None
    offsets.encode(stored, WHERE)
    assert not offsets.overwritten
