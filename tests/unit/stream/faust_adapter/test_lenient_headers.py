"""Records with odd header names or beside bombs are read once and in order, and no fetch takes more memory than its bound."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.record.memory_records import MemoryRecords

from router.domain.model.source_record import UnreadableBatch
from router.kafka import internals
from router.kafka.unpacking import DECODERS, MAX_UNPACKED_BYTES
from router.stream.faust_adapter.lenient_headers import MAX_FETCH_BYTES, LenientFetch, LenientPartitionRecords
from tests.support.poison.sending import Sent, _append, _Batch

SOURCE = TopicPartition("reports.policing", 0)
READ_COMMITTED = 1


@pytest.fixture(autouse=True, scope="module")
def decoders() -> None:
    """As `install` does; they serve other tests as well."""
    internals.install_decoders(DECODERS)


def batch(first: int, *names: str | bytes, codec: int = 0, padding: int = 0) -> bytes:
    """Records of consecutive offsets, one header each."""
    builder = _Batch(codec, 1 << 30)
    for offset, name in enumerate(names, first):
        value = b"%d" % offset + bytes(padding)
        assert _append(builder, Sent(topic="", partition=0, value=value, headers=((name, b"v"),)))
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


def test_a_record_has_what_the_client_says_of_it() -> None:
    content = batch(5, "a", "b")
    ours = list(read(content, start=5))
    theirs = internals.BasePartitionRecords(SOURCE, MemoryRecords(content), None, 5, None, None, True, READ_COMMITTED)
    for mine, its in zip(ours, theirs, strict=True):
        for name in ("topic", "partition", "offset", "timestamp", "key", "value", "headers"):
            assert getattr(mine, name) == getattr(its, name)


def test_a_fetch_is_read_in_parts() -> None:
    """As with a maximum number of records: each call goes on where the one before it stopped."""
    records: Any = read(*FETCH)
    first = [next(iter(records)).offset for _ in range(3)]
    assert [*first, next(records).offset, *(record.offset for record in records)] == list(range(9))


def test_the_position_follows_each_record() -> None:
    records: Any = read(*FETCH)
    positions: Sequence[int] = [records.next_fetch_offset for _ in records]
    assert positions == list(range(1, 10))


def test_a_fetch_of_valid_names_is_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(LenientFetch, "again")
    assert [record.headers[0][0] for record in read(batch(0, "a", "日本", "\x1b[31m"))] == ["a", "日本", "\x1b[31m"]


def test_each_record_has_the_leader_epoch_of_its_batch() -> None:
    """It is in bytes 12 to 15 of a batch, and the checksum does not cover it."""
    fetch = [one[:12] + epoch.to_bytes(4, "big") + one[16:] for epoch, one in zip((0, 3, 3, 7), FETCH, strict=True)]
    assert [record.leader_epoch for record in read(*fetch)] == [0, 0, 3, 3, 3, 3, 3, 7, 7]
    assert [record.leader_epoch for record in read(*fetch[1:], start=3)] == [3, 3, 3, 3, 7, 7]


CODECS = pytest.mark.parametrize("codec", [1, 2, 3, 4], ids=["gzip", "snappy", "lz4", "zstd"])


@CODECS
@pytest.mark.parametrize("names", [["a", "b"], ["a", b"\xff"]], ids=["sound", "odd header"])
def test_batches_of_every_codec_are_read(codec: int, names: list[str | bytes]) -> None:
    found = list(read(batch(0, *names, codec=codec), batch(2, "c", codec=codec)))
    assert [record.value for record in found] == [b"0", b"1", b"2"]


@CODECS
@pytest.mark.parametrize("before", ["a", b"\xff"], ids=["sound", "odd header"])
def test_one_record_stands_for_a_bomb_and_its_neighbours_are_read(codec: int, before: str | bytes) -> None:
    bomb = batch(1, *"bcd", codec=codec, padding=MAX_UNPACKED_BYTES // 2)
    records: Any = read(batch(0, before, codec=codec), bomb, batch(4, "e", codec=codec))
    first, stands, last = list(records)
    assert (first.value, last.value) == (b"0", b"4")
    assert isinstance(stands, UnreadableBatch)
    assert (stands.topic, stands.partition, stands.span) == ("reports.policing", 0, "offsets 1 to 3")
    assert stands.why == f"unpacks to more than {MAX_UNPACKED_BYTES} bytes"
    assert records.next_fetch_offset == 5


def test_a_batch_that_cannot_be_unpacked_is_skipped_in_the_same_way() -> None:
    damaged = bytearray(batch(0, "a", codec=1, padding=100) + batch(1, "b", "c"))
    damaged[70:75] = b"\0\0\0\0\0"
    fetch = LenientPartitionRecords(SOURCE, LenientFetch(bytes(damaged)), None, 0, None, None, False, READ_COMMITTED)
    stands: Any
    stands, *others = list(fetch)
    assert (stands.span, stands.why) == ("offsets 0 to 0", "cannot be unpacked")
    assert [record.value for record in others] == [b"1", b"2"]


def test_a_fetch_ends_early_when_its_batches_are_large_together_and_goes_on_where_it_ended() -> None:
    size = MAX_FETCH_BYTES // 3
    fetch = [batch(offset, "a", codec=4, padding=size) for offset in range(10)]
    assert sum(map(len, fetch)) < 1 << 20
    ends = [0]
    while ends[-1] < 10:
        records: Any = read(*fetch[ends[-1] :], start=ends[-1])
        assert [record.offset for record in records] == list(range(ends[-1], records.next_fetch_offset))
        ends.append(records.next_fetch_offset)
    assert {end - begin for begin, end in pairwise(ends)} <= {1, 2, 3}
