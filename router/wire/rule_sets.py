"""An edition as a record of `grid.catalogue`: the texts of a city's lists, code tables and cells, gzipped JSON."""

import gzip
import zlib
from datetime import datetime
from io import BytesIO

import msgspec
from msgspec import Struct

LARGEST_TEXTS = 256 << 20
"""Bytes of an edition's texts; more is no edition."""


class EditionRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One publication."""

    version: str
    """Of the rules that the texts amount to."""
    city: str
    published_at: datetime
    since: datetime | None = None
    """Received time from which it holds; None: from the beginning (the edition with which the first worker started)."""
    actor: str | None = None
    note: str | None = None
    texts: dict[str, str]
    """Path within the city's folder -> text."""

    @property
    def key(self) -> str:
        """Of the record: the same edition may be published again for another time."""
        return f"{self.since.isoformat() if self.since else 'beginning'}/{self.version}"


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(EditionRecord)


def encode_edition(record: EditionRecord) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """Key, value, headers; equal records give equal bytes."""
    value = gzip.compress(_encoder.encode(record), compresslevel=6, mtime=0)
    return record.key.encode(), value, [("content-type", b"application/json"), ("content-encoding", b"gzip")]


def decode_edition(value: bytes) -> EditionRecord:
    """A record of `grid.catalogue`.

    Raises:
        ValueError: no edition, or one larger than `LARGEST_TEXTS`.
    """
    try:
        with gzip.open(BytesIO(value)) as file:
            content = file.read(LARGEST_TEXTS + 1)
        if len(content) > LARGEST_TEXTS:
            raise ValueError("the edition is too large")
        return _decoder.decode(content)
    except (OSError, EOFError, zlib.error, msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"no edition ({error})") from error
