"""A rule set as a record of `grid.rule-sets`: the texts of a city's lists, code tables and cells, gzipped JSON."""

import gzip
import zlib
from datetime import datetime
from io import BytesIO

import msgspec
from msgspec import Struct

MAX_TEXT_BYTES = 256 << 20
"""Bytes of a rule set's texts; more is no rule set."""


class RuleSetRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One publication."""

    version: str
    """Of the rules that the texts amount to."""
    city: str
    published_at: datetime
    effective_from: datetime | None = None
    """Received time from which it holds; None: from the beginning (the rule set with which the first worker started)."""
    actor: str | None = None
    note: str | None = None
    texts: dict[str, str]
    """Path within the city's folder -> text."""

    @property
    def key(self) -> str:
        """Of the record: the same rule set may be published again for another time."""
        return f"{self.effective_from.isoformat() if self.effective_from else 'beginning'}/{self.version}"


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(RuleSetRecord)


def encode_rule_set(record: RuleSetRecord) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """Key, value, headers; equal records give equal bytes."""
    value = gzip.compress(_encoder.encode(record), compresslevel=6, mtime=0)
    return record.key.encode(), value, [("content-type", b"application/json"), ("content-encoding", b"gzip")]


def decode_rule_set(value: bytes) -> RuleSetRecord:
    """A record of `grid.rule-sets`.

    Raises:
        ValueError: no rule set, or one larger than `MAX_TEXT_BYTES`.
    """
    try:
        with gzip.open(BytesIO(value)) as file:
            content = file.read(MAX_TEXT_BYTES + 1)
        if len(content) > MAX_TEXT_BYTES:
            raise ValueError("the rule set is too large")
        return _decoder.decode(content)
    except (OSError, EOFError, zlib.error, msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"no rule set ({error})") from error
