r"""Decode fetched records whatever their batches and header names contain.

Kafka allows any bytes in a header name. aiokafka requires UTF-8 and raises in the middle of a fetch. One record of a faulty
producer would then crash each worker in turn that owns its partition. Here such a name is decoded with escapes (`caf\xe9`).

A compressed batch can be small on the wire and huge in memory. It is unpacked within a bound (`router/kafka/unpacking.py`); one record
stands for a batch that exceeds it. A fetch of several batches ends early when they are large together, and the others are fetched again.

Each record gets the leader epoch of its batch, which aiokafka does not show: it goes into the stored offset (ADR 0015).

Other fetches take aiokafka's own path, at no extra cost.
"""

import struct
from collections.abc import Iterator
from typing import Any

import structlog
from aiokafka.record.memory_records import MemoryRecords
from msgspec import Struct

from router.domain.model.source_record import RecordHeaders, UnreadableBatch
from router.kafka import internals
from router.kafka.unpacking import DECODERS, Unpacked, UnpackError
from router.wire.stored_offsets import NO_EPOCH

MAX_FETCH_BYTES = 32 << 20
"""Unpacked bytes after which a fetch ends. The batch that exceeds it is read to its end."""
_LENGTH = struct.Struct(">8xii")
"""Of a batch: length behind the first twelve bytes, partition leader epoch (record format 2)."""
_BEFORE_LENGTH = 12
UNREADABLE_BATCH = "a compressed batch was not read; one dead letter stands for all its records"

log = structlog.get_logger(__name__)


def install() -> None:
    """Make every consumer of this process decode leniently and within a bound. A second call changes nothing."""
    internals.install_decoders(DECODERS)
    internals.install_fetch_decoder(LenientFetch, LenientPartitionRecords)


class LenientFetch:
    """The fetched batches of one partition, which can be read a second time.

    Args:
        content: the bytes that the broker sent.
    """

    def __init__(self, content: bytes) -> None:
        records = MemoryRecords(content)
        self._content, self._unpacked_before = content, Unpacked.bytes
        self._has_next, self._next_batch, self.size_in_bytes = (
            records.has_next,
            records.next_batch,
            records.size_in_bytes,
        )
        self.batch: Any = None
        """The latest one that was taken."""
        self.leader_epoch = NO_EPOCH
        """Its leader epoch."""
        self._at = 0

    def has_next(self) -> bool:
        """Whether to take another batch. Not behind batches that were large together: the consumer fetches the rest again."""
        if self.batch is not None and Unpacked.bytes - self._unpacked_before > MAX_FETCH_BYTES:
            return False
        return bool(self._has_next())

    def next_batch(self) -> Any:
        """The next batch."""
        self.batch = self._next_batch()
        length, self.leader_epoch = _LENGTH.unpack_from(self._content, self._at)
        self._at += _BEFORE_LENGTH + length
        return self.batch

    def again(self, offset: int) -> "_LenientBatches":
        """The batch that contains this offset and the batches behind it, decoded leniently."""
        return _LenientBatches(self._content, offset)


class FetchedRecord(Struct, gc=False):
    """A record as the consumer delivers it. aiokafka's takes twice as long to make, and has no leader epoch."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    """In milliseconds since 1970."""
    key: bytes | None
    value: bytes | None
    headers: RecordHeaders
    leader_epoch: int
    """Of its batch; NO_EPOCH when that is not known."""


class LenientPartitionRecords(internals.BasePartitionRecords):  # type: ignore[misc]
    """An iterator of records. After a header name that is not UTF-8 it goes on with the slower, lenient decoder."""

    def __init__(self, tp: Any, records: LenientFetch, *rest: Any) -> None:
        super().__init__(tp, records, *rest)
        self._fetched = records
        self.next_fetch_offset: int
        self._records_iterator: Any

    def __iter__(self) -> Iterator[FetchedRecord | UnreadableBatch]:
        return self._records_iterator or iter(())

    def _unpack_records(self) -> Iterator[FetchedRecord | UnreadableBatch]:
        """The generator of the records. When aiokafka's stops at an error, another one goes on from there."""
        while True:
            try:
                yield from super()._unpack_records()
            except UnpackError as error:
                yield self._unreadable(str(error))
            except UnicodeDecodeError:
                self._decode_leniently()
            else:
                return

    def _consumer_record(self, tp: Any, record: Any) -> FetchedRecord:
        return FetchedRecord(
            tp.topic,
            tp.partition,
            record.offset,
            record.timestamp,
            record.key,
            record.value,
            tuple(record.headers),
            self._records.leader_epoch,
        )

    def _decode_leniently(self) -> None:
        topic, partition, offset = self._tp.topic, self._tp.partition, self.next_fetch_offset
        log.warning("a header's name is not UTF-8", topic=topic, partition=partition, offset=offset)
        self._records = self._fetched.again(self.next_fetch_offset)

    def _unreadable(self, why: str) -> UnreadableBatch:
        """One record for all of the batch; the iterator goes on behind it."""
        batch, tp = self._records.batch, self._tp
        first, last = max(batch.base_offset, self.next_fetch_offset), batch.next_offset - 1
        log.error(UNREADABLE_BATCH, topic=tp.topic, partition=tp.partition, first_offset=first, offset=last, why=why)
        self.next_fetch_offset = last + 1
        timestamp = max(batch.max_timestamp, 0)
        return UnreadableBatch(
            topic=tp.topic, partition=tp.partition, offset=last, first_offset=first, timestamp=timestamp, why=why
        )


class _LenientBatches(internals.PyMemoryRecords):  # type: ignore[misc]
    """Batches from an offset on. The iterator has consumed those before it, with their aborted transactions."""

    def __init__(self, content: bytes, offset: int) -> None:
        super().__init__(content)
        self.batch: Any = None
        self.leader_epoch = NO_EPOCH
        while self.has_next() and _LenientBatch(self._next_slice).next_offset <= offset:
            self._cache_next()

    def next_batch(self, *_: int) -> "_LenientBatch":
        batch = self.batch = _LenientBatch(self._next_slice)
        _, self.leader_epoch = _LENGTH.unpack_from(self._next_slice)
        self._cache_next()
        return batch


class _LenientBatch(internals.PyRecordBatch):  # type: ignore[misc]
    _buffer: bytearray

    def __iter__(self) -> "_LenientBatch":
        self._maybe_uncompress()
        self._buffer = _LenientBytes(self._buffer)
        return self


class _LenientBytes(bytearray):
    """Bytes that decode without an error. The record reader decodes nothing but header names."""

    def __getitem__(self, at: Any) -> Any:
        item = super().__getitem__(at)
        return _LenientBytes(item) if isinstance(at, slice) else item

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Decode as text, with escapes for invalid bytes."""
        del errors
        return super().decode(encoding, "backslashreplace")
