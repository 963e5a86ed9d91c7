r"""Decode fetched records whatever bytes their header names contain.

Kafka allows any bytes in a header name. aiokafka requires UTF-8 and raises in the middle of a fetch. One record of a faulty
producer would then crash each worker in turn that owns its partition. Here such a name is decoded with escapes (`caf\xe9`).
Other fetches take aiokafka's own path, at no extra cost.
"""

from typing import Any

import structlog
from aiokafka.record.memory_records import MemoryRecords

from router.kafka import internals

log = structlog.get_logger(__name__)


def install() -> None:
    """Make every consumer of this process decode leniently. A second call changes nothing."""
    internals.install_fetch_decoder(LenientFetch, LenientPartitionRecords)


class LenientFetch:
    """The fetched batches of one partition, which can be read a second time.

    Args:
        content: the bytes that the broker sent.
    """

    def __init__(self, content: bytes) -> None:
        records = MemoryRecords(content)
        self._content = content
        self.has_next, self.next_batch, self.size_in_bytes = records.has_next, records.next_batch, records.size_in_bytes

    def again(self, offset: int) -> "_LenientBatches":
        """The batch that contains this offset and the batches behind it, decoded leniently."""
        return _LenientBatches(self._content, offset)


class LenientPartitionRecords(internals.BasePartitionRecords):  # type: ignore[misc]
    """An iterator of records. After a header name that is not UTF-8 it goes on with the slower, lenient decoder."""

    def __init__(self, tp: Any, records: LenientFetch, *rest: Any) -> None:
        super().__init__(tp, records, *rest)
        self._fetched = records
        self._records_iterator: Any

    def __next__(self) -> Any:
        try:
            return next(self._records_iterator)
        except StopIteration:
            self._records_iterator = None
            raise
        except UnicodeDecodeError:
            topic, partition, offset = self._tp.topic, self._tp.partition, self.next_fetch_offset
            log.warning("a header's name is not UTF-8", topic=topic, partition=partition, offset=offset)
        self._records = self._fetched.again(self.next_fetch_offset)
        self._records_iterator = self._unpack_records()
        return next(self._records_iterator)


class _LenientBatches(internals.PyMemoryRecords):  # type: ignore[misc]
    """Batches from an offset on. The iterator has consumed those before it, with their aborted transactions."""

    def __init__(self, content: bytes, offset: int) -> None:
        super().__init__(content)
        while self.has_next() and _LenientBatch(self._next_slice).next_offset <= offset:
            self._cache_next()

    def next_batch(self, *_: int) -> "_LenientBatch":
        content = self._next_slice
        self._cache_next()
        return _LenientBatch(content)


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
