"""Records are appended to batches, and none is lost when a batch is full; without a broker."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given, settings
from hypothesis import strategies as st

from router.dead_letters.redrive_producer import OutgoingRecord, RedriveProducer
from router.kafka.record_batches import Writer, append

BATCH_BYTES = 900_000
FIRST_OFFSET = 1000


class Batches:
    """Creates batches like a producer."""

    def create_batch(self) -> BatchBuilder:
        return BatchBuilder(BATCH_BYTES, 0, is_transactional=True)


class Acknowledged:
    """Stands for the transactional producer: acknowledges each batch of a partition behind the one before it."""

    def __init__(self) -> None:
        self.ends: dict[Any, int] = {}

    def writer(self) -> Writer:
        return Writer(Batches())

    async def send(self, writer: Writer) -> list[Any]:
        return [self._acknowledge(slot, builder.record_count()) for slot, builder in writer.batches]

    def _acknowledge(self, slot: Any, count: int) -> Any:
        first = self.ends.get(slot, FIRST_OFFSET)
        self.ends[slot] = first + count
        return type("RecordMetadata", (), {"offset": first})()


def records(shapes: Sequence[tuple[int, int]]) -> list[OutgoingRecord]:
    return [
        OutgoingRecord(topic="t", partition=p, key=b"%d" % n, value=b"x" * size, headers=[("h" * 5, b"y" * 20)])
        for n, (p, size) in enumerate(shapes)
    ]


SHAPES = st.lists(
    st.tuples(st.integers(0, 1), st.one_of(st.integers(0, 3), st.sampled_from([300_000, 449_400, 900_000, 2_000_000]))),
    max_size=40,
)


@settings(max_examples=30)
@given(SHAPES)
def test_every_record_is_in_one_batch_of_its_partition(shapes: list[tuple[int, int]]) -> None:
    writer = Writer(Batches())  # type: ignore[arg-type]
    for one in records(shapes):
        writer.add(one.topic, one.partition, one.key, one.value, one.headers)
    counts = {0: 0, 1: 0}
    for (_, partition), builder in writer.batches:
        counts[partition] += builder.record_count()
        assert builder.record_count() == 1 or builder.size() <= BATCH_BYTES
    assert counts == {p: sum(partition == p for partition, _ in shapes) for p in (0, 1)}


@settings(max_examples=30)
@given(SHAPES)
def test_each_record_gets_the_offset_of_its_place_in_the_partition(shapes: list[tuple[int, int]]) -> None:
    with asyncio.Runner() as runner:
        offsets = RedriveProducer(Acknowledged(), runner).send(records(shapes))  # type: ignore[arg-type]
    for p in (0, 1):
        of_partition = [offset for offset, (partition, _) in zip(offsets, shapes, strict=True) if partition == p]
        assert of_partition == list(range(FIRST_OFFSET, FIRST_OFFSET + len(of_partition)))


def test_append_says_that_a_batch_is_full() -> None:
    builder = BatchBuilder(1000, 0, is_transactional=False)
    assert append(builder, b"k", b"x" * 600, [])
    assert not append(builder, b"k", b"x" * 600, [])
    assert builder.record_count() == 1


def test_an_appended_record_is_what_the_client_itself_would_append() -> None:
    ours, theirs = Batches().create_batch(), Batches().create_batch()
    for key, value, headers in ((b"k", b"v", [("h", b"1")]), (None, b"v", []), (b"k", None, [])):
        assert append(ours, key, value, headers)
        assert theirs.append(timestamp=None, key=key, value=value, headers=headers) is not None
    assert contents(ours) == contents(theirs)
    assert ours.record_count() == theirs.record_count() == 3


def contents(builder: BatchBuilder) -> list[Any]:
    before, batch = time.time(), MemoryRecords(bytes(builder._build())).next_batch()
    records = list(batch)
    assert all(before - 60 <= record.timestamp / 1000 <= time.time() + 1 for record in records)
    return [(record.offset, record.key, record.value, record.headers) for record in records]


def test_append_takes_a_first_record_of_any_size() -> None:
    assert append(BatchBuilder(1000, 0, is_transactional=False), None, b"x" * 5000, [])


def test_an_empty_batch_that_rejects_a_record_raises() -> None:
    builder = BatchBuilder(1000, 0, is_transactional=False)
    builder.close()
    with pytest.raises(RuntimeError, match="an empty record batch rejected a record"):
        append(builder, b"k", b"v", [])
