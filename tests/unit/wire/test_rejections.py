"""A record of `rejections.<network>`: bounded whatever was sent, and without the value."""

import pytest
from msgspec.structs import replace

from router.domain.model.rejection import Rejection
from router.domain.model.source_record import PlainRecord
from router.domain.networks.registry import NETWORKS
from router.wire.rejections import LONGEST_KEY, LONGEST_REASON, RecordRejected, decode_rejection, encode_rejection
from tests.support.poison import POISON
from tests.support.poison.record import named

RECORD = PlainRecord(
    topic="drill.reports.policing",
    partition=3,
    offset=7,
    timestamp=1_795_485_600_000,
    key=b"J-1",
    value=b'{"jjdbh": "J-1", "bjnr": "private"}',
    headers=[],
)
REJECTION = Rejection(code="schema", reason="field `x`: none; send another.")
MOST_BYTES = 16 << 10
"""Far below the limit of the topic: a reason of 2,000 characters, each written as six bytes at most."""


def encoded(record: PlainRecord, rejection: Rejection = REJECTION) -> tuple[bytes | None, RecordRejected, int]:
    key, value, headers = encode_rejection(record, rejection, NETWORKS["policing"])
    size = len(key or b"") + len(value) + sum(len(name) + len(content) for name, content in headers)
    return key, decode_rejection(value), size


def test_it_names_the_record_and_the_reason_and_repeats_no_value() -> None:
    key, found, _ = encoded(RECORD)
    assert key == b"J-1"
    assert (found.code, found.reason, found.report_id) == ("schema", REJECTION.reason, "J-1")
    assert (found.topic, found.partition, found.offset) == ("drill.reports.policing", 3, 7)
    assert found.size == len(RECORD.value or b"")
    assert "private" not in str(found)


def test_a_tombstone_has_neither_size_nor_hash() -> None:
    key, found, _ = encoded(replace(RECORD, key=None, value=None))
    assert (key, found.size, found.sha256, found.report_id) == (None, None, None, None)


@pytest.mark.parametrize(("length", "kept"), [(LONGEST_KEY, True), (LONGEST_KEY + 1, False)])
def test_a_long_key_is_left_out(length: int, kept: bool) -> None:
    assert (encoded(replace(RECORD, key=b"k" * length))[0] is not None) is kept


def test_a_long_reason_is_cut() -> None:
    _, found, size = encoded(RECORD, Rejection(code="schema", reason="\x01" * 10 * LONGEST_REASON))
    assert len(found.reason) == LONGEST_REASON
    assert size < MOST_BYTES


@pytest.mark.parametrize("timestamp", [-1, 0, 2**63 - 1])
def test_any_timestamp_can_be_written(timestamp: int) -> None:
    assert 1970 <= encoded(replace(RECORD, timestamp=timestamp))[1].rejected_at.year <= 2199


def test_no_record_of_the_poison_collection_makes_it_large() -> None:
    for one in POISON:
        record = replace(RECORD, key=one.key, value=one.value, headers=named(one.headers))
        assert encoded(record)[2] < MOST_BYTES, one.name
