"""Which offset of a restored log is which of the copied one, and how a stored offset is written for it."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from router.backup.record_files import CopiedRecord
from router.backup.stored import FoundOffset, LogPlace, found_offsets, moved
from router.backup.translation import Translation
from router.wire.errors import InputError
from router.wire.offset_check import place_of
from router.wire.offset_signing import NO_KEYS, OffsetKeys
from router.wire.stored_offsets import STORED_OFFSET_KEY, StoredOffset, decode_stored_offset, encode_stored_offset
from router.wire.topic_names import Names

NAMES = Names("x.")
HOLDER = LogPlace("x.grid.offsets", 1)
EVENTS = LogPlace("x.grid.events", 1)
SOURCES = {EVENTS}
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
IDS = {"x.grid.events": "new-events", "x.grid.cases": "new-cases", "x.feedback.parks": "new-feedback"}
KEYS, OTHER_KEYS = OffsetKeys([secrets.token_bytes(32)]), OffsetKeys([secrets.token_bytes(32)])
STORED = StoredOffset(
    offset=40, topic_id="old", leader_epoch=3, cases_id="old-cases", received_at=NOON, escalated_case="C-1", number=9
)


@given(st.sets(st.integers(0, 200)), st.lists(st.integers(0, 220), max_size=6), st.integers(0, 20))
def test_an_offset_is_behind_the_same_records_and_the_log_ends_where_it_ended(
    offsets: set[int], wanted: list[int], gap: int
) -> None:
    end = max(offsets, default=-1) + 1 + gap
    records = [CopiedRecord(offset, 0, None, None) for offset in sorted(offsets)]
    translation = Translation(end - len(records), wanted)
    passed = list(translation.passing(records))
    assert passed == records
    for one in wanted:
        behind = sum(offset < one for offset in offsets)
        assert translation.found[one] == end - len(records) + behind
        assert one >= end or translation.found[one] >= one  # no offset is used a second time


def test_a_log_without_gaps_keeps_its_offsets() -> None:
    translation = Translation(5, [5, 7, 8])
    list(translation.passing(CopiedRecord(offset, 0, None, None) for offset in (5, 6, 7)))
    assert translation.found == {5: 5, 7: 7, 8: 8}


def record(offset: int, stored: StoredOffset, key: bytes = STORED_OFFSET_KEY) -> CopiedRecord:
    return CopiedRecord(offset, 1_700_000_000_000 + offset, *encode_stored_offset(stored, key))


def signed(offset: int, stored: StoredOffset, keys: OffsetKeys = KEYS) -> CopiedRecord:
    return record(offset, keys.sign(stored, *place_of(HOLDER)))


@pytest.mark.parametrize(
    "records",
    [
        [signed(1, replace(STORED, offset=30, number=8)), signed(5, STORED)],
        [signed(1, STORED), record(5, replace(STORED, offset=99, number=10))],  # forged
        [signed(1, STORED), signed(5, replace(STORED, offset=30, number=8))],  # an old one, written again
        [signed(1, STORED), signed(5, replace(STORED, offset=99, number=10), OTHER_KEYS)],
    ],
)
def test_the_last_one_that_counts(records: Sequence[CopiedRecord]) -> None:
    (found,) = found_offsets(HOLDER, records, NAMES, KEYS, SOURCES)
    assert (found.source, found.stored.offset, found.key) == (EVENTS, 40, STORED_OFFSET_KEY)


def test_it_is_written_for_the_restored_log() -> None:
    """Another place and other ids, the same log time; signed by the deployment's keys."""
    (found,) = found_offsets(HOLDER, [signed(1, STORED)], NAMES, KEYS, SOURCES)
    written = moved(found, 12, IDS, NAMES, KEYS)
    stored = decode_stored_offset(written.value or b"")
    expected = replace(STORED, offset=12, topic_id="new-events", cases_id="new-cases", leader_epoch=-1)
    assert replace(stored, signature="") == expected
    assert KEYS.counts(stored, *place_of(HOLDER), 0)
    assert written.timestamp == found.timestamp


def test_each_source_of_a_shared_topic() -> None:
    holder, key = LogPlace("x.grid.feedback-offsets", 0), b"x.feedback.parks/1"
    records = [
        record(0, StoredOffset(offset=3), key),
        record(1, StoredOffset(offset=4), key),
        CopiedRecord(2, 0, b"other", b"{}"),
    ]
    assert list(found_offsets(holder, records, NAMES, NO_KEYS, {LogPlace("x.feedback.parks", 1)})) == [
        FoundOffset(holder, key, LogPlace("x.feedback.parks", 1), StoredOffset(offset=4), records[1].timestamp)
    ]


@pytest.mark.parametrize(
    "forged",
    [
        b"x.feedback.nope/0",  # no such topic, or that of a department which was removed
        b"x.feedback.parks/01",
        b"x.feedback.parks/" + b"9" * 5000,
        b"x.feedback.parks\xff/1",
        b"x.grid.cases/0",  # no topic of feedback
    ],
)
def test_a_key_of_no_input_is_no_stored_offset(forged: bytes) -> None:
    """Who may write to the topic cannot keep a backup from being restored by it."""
    holder, key = LogPlace("x.grid.feedback-offsets", 0), b"x.feedback.parks/1"
    true = record(0, KEYS.sign(StoredOffset(offset=3), *place_of(holder, key)), key)
    sources = {LogPlace("x.feedback.parks", 1), LogPlace("x.grid.cases", 0)}
    records = [true, CopiedRecord(1, 0, forged, b"{}")]
    assert [one.key for one in found_offsets(holder, records, NAMES, KEYS, sources)] == [key]


def test_the_index_of_a_network() -> None:
    holder = LogPlace("x.grid.dedup.policing", 2)
    entries = [CopiedRecord(0, 0, b"J-1", b"{}"), record(1, StoredOffset(offset=3)), CopiedRecord(2, 0, b"J-2", None)]
    (found,) = found_offsets(holder, entries, NAMES, NO_KEYS, {LogPlace("x.reports.policing", 2)})
    assert found.source == LogPlace("x.reports.policing", 2)


def test_keys_of_another_deployment() -> None:
    with pytest.raises(InputError, match=r"grid\.offsets/1: no stored offset has a signature of these keys"):
        list(found_offsets(HOLDER, [signed(1, STORED)], NAMES, OTHER_KEYS, SOURCES))
    with pytest.raises(InputError, match="is signed, and there are no keys"):
        list(found_offsets(HOLDER, [signed(1, STORED)], NAMES, NO_KEYS, SOURCES))


def test_a_stored_offset_of_a_later_version() -> None:
    bad = CopiedRecord(1, 0, STORED_OFFSET_KEY, b"\x00later")
    with pytest.raises(InputError, match="cannot be read"):
        list(found_offsets(HOLDER, [bad], NAMES, NO_KEYS, SOURCES))
