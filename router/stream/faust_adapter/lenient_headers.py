r"""What a consumer fetched, readable whatever the names of its headers are.

Kafka takes any bytes for a header's name. aiokafka insists on UTF-8 and raises in the middle of a fetch, so that one record of a careless
producer would end every worker that is given its partition, one after the other. Here such a name is written out (`caf\xe9`) instead.
What can be read as ever is read as ever, at no cost.
"""

from typing import Any

import structlog
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy

log = structlog.get_logger(__name__)


def install() -> None:
    """Let every consumer of this process read so; doing it twice changes nothing."""
    fetcher.MemoryRecords = LenientFetch
    fetcher.PartitionRecords = PartitionRecords


class LenientFetch:
    """The batches fetched of one partition; can be read a second time.

    Args:
        content: as the broker sent them.
    """

    def __init__(self, content: bytes) -> None:
        records = MemoryRecords(content)
        self._content = content
        self.has_next, self.next_batch, self.size_in_bytes = records.has_next, records.next_batch, records.size_in_bytes

    def again(self, offset: int) -> "_Batches":
        """The batch with this offset and those behind it, whose headers may have any names."""
        return _Batches(self._content, offset)


class PartitionRecords(fetcher.PartitionRecords):  # type: ignore[misc]
    """An iterator of records; goes on, more slowly, behind the last one when a name is no UTF-8."""

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


class _Batches(_MemoryRecordsPy):  # type: ignore[misc]
    """Batches from the one with an offset on: those before it are done, and what they said about aborted transactions is known."""

    def __init__(self, content: bytes, offset: int) -> None:
        super().__init__(content)
        while self.has_next() and _Batch(self._next_slice).next_offset <= offset:
            self._cache_next()

    def next_batch(self, *_: int) -> "_Batch":
        content = self._next_slice
        self._cache_next()
        return _Batch(content)


class _Batch(_DefaultRecordBatchPy):  # type: ignore[misc]
    _buffer: bytearray

    def __iter__(self) -> "_Batch":
        self._maybe_uncompress()
        self._buffer = _Content(self._buffer)
        return self


class _Content(bytearray):
    """Bytes of which any can be decoded: names are the only thing that the reader decodes."""

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        return _Content(found) if isinstance(at, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """As text, bytes that are none written out."""
        del errors
        return super().decode(encoding, "backslashreplace")
