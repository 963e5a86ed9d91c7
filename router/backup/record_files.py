"""The records of one partition as a file: gzipped lines of JSON, one a record, in the order of the log.

A line is `[offset, timestamp in ms, key, value, [[header, value], ...]]`. Keys and values are in Base64, or null.
"""

import gzip
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Self

import msgspec
from msgspec import Struct

from router.backup.manifest import RUN_AGAIN
from router.wire.errors import InputError
from router.wire.private_files import open_private, private_folder

COMPRESSION = 1
"""Of gzip. The next level takes half as long again and saves a twentieth."""


class CopiedRecord(Struct, frozen=True, array_like=True):
    """One record. It has the fields of a `ConsumerRecord` that the router reads."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]] = []


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(CopiedRecord).decode


class RecordFile:
    """A file that is being written; a context manager. The file is on the disk when the context ends.

    Args:
        path: must not exist yet.
    """

    def __init__(self, path: Path) -> None:
        private_folder(path.parent)
        self._raw: IO[bytes] = open_private(path, "wb")
        self._file = gzip.GzipFile("", "wb", COMPRESSION, self._raw, mtime=0)
        self.records = 0

    def add(self, record: Any) -> None:
        """Add a record of a consumer."""
        headers = [(name, value) for name, value in record.headers]
        self._file.write(
            _encode(CopiedRecord(record.offset, record.timestamp, record.key, record.value, headers)) + b"\n"
        )
        self.records += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._raw.flush()
        os.fsync(self._raw.fileno())
        self._raw.close()


def records_in(path: Path) -> Iterator[CopiedRecord]:
    """The records of a file. Raises InputError when it is damaged, or its offsets do not rise."""
    last = -1
    try:
        with gzip.open(path, "rb") as file:
            for line in file:
                record = _decode(line)
                if record.offset <= last:
                    raise InputError(f"offset {record.offset} follows {last}", where=str(path), hint=RUN_AGAIN)
                last = record.offset
                yield record
    except (OSError, EOFError, msgspec.MsgspecError) as error:
        raise InputError(f"the file cannot be read ({error})", where=str(path), hint=RUN_AGAIN) from error
