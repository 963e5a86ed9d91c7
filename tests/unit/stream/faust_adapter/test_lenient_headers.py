"""Records with header names that are not UTF-8 are read once and in order, with all records beside them."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from aiokafka import TopicPartition

from router.stream.faust_adapter.lenient_headers import LenientFetch, LenientPartitionRecords
from tests.support.poison.sending import Sent, _append, _Batch

SOURCE = TopicPartition("reports.policing", 0)
READ_COMMITTED = 1


def batch(first: int, *names: str | bytes) -> bytes:
    """Records of consecutive offsets, one header each."""
    builder = _Batch(0)
    for offset, name in enumerate(names, first):
        assert _append(builder, Sent(topic="", partition=0, value=b"%d" % offset, headers=((name, b"v"),)))
    return first.to_bytes(8, "big") + bytes(builder._build())[8:]


def read(*batches: bytes, start: int = 0) -> Iterator[Any]:
    """Iterate over batches like the consumer."""
    records = LenientFetch(b"".join(batches))
    return LenientPartitionRecords(SOURCE, records, None, start, None, None, True, READ_COMMITTED)


FETCH = [
    batch(0, "a", "b"),
    batch(2, "c", b"\xff", "d", b"caf\xe9"),
    batch(6, "e"),
    batch(7, b"\xed\xa0\x80", "f"),
]
NAMES = ["a", "b", "c", r"\xff", "d", r"caf\xe9", "e", r"\xed\xa0\x80", "f"]


@pytest.mark.parametrize("start", range(9))
def test_every_record_is_read_once_and_in_order_from_any_offset(start: int) -> None:
    behind = [batch for batch, last in zip(FETCH, (1, 5, 6, 8), strict=True) if last >= start]  # as brokers do
    found = list(read(*behind, start=start))
    assert [record.offset for record in found] == list(range(start, 9))
    assert [record.value for record in found] == [b"%d" % offset for offset in range(start, 9)]
    assert [record.headers for record in found] == [((name, b"v"),) for name in NAMES[start:]]


def test_the_position_follows_each_record() -> None:
    records: Any = read(*FETCH)
    positions: Sequence[int] = [records.next_fetch_offset for _ in records]
    assert positions == list(range(1, 10))


def test_a_fetch_of_valid_names_is_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(LenientFetch, "again")
    assert [record.headers[0][0] for record in read(batch(0, "a", "日本", "\x1b[31m"))] == ["a", "日本", "\x1b[31m"]
