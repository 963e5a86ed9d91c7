"""A rule set as a record of `grid.rule-sets`: the texts of a city's lists, code tables and cells, gzipped JSON."""

import gzip
import zlib
from datetime import datetime
from io import BytesIO

import msgspec
from msgspec import Struct

MAX_TEXT_BYTES = 256 << 20
"""Limit of the unpacked texts of a rule set."""


class RuleSetRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One publication of a city's rules."""

    version: str
    """Version of the rules, a hash of their content."""
    city: str
    published_at: datetime
    effective_from: datetime | None = None
    """Received time from which it is in force; None: from the beginning, as the rule set of the first worker."""
    actor: str | None = None
    note: str | None = None
    texts: dict[str, str]
    """Path in the city's folder -> text."""

    @property
    def key(self) -> str:
        """Key of the record: one rule set can be published several times, each for another instant."""
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
        ValueError: it is no rule set, or larger than `MAX_TEXT_BYTES`.
    """
    try:
        with gzip.open(BytesIO(value)) as file:
            content = file.read(MAX_TEXT_BYTES + 1)
        if len(content) > MAX_TEXT_BYTES:
            raise ValueError("the rule set is too large")
        return _decoder.decode(content)
    except (OSError, EOFError, zlib.error, msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"no rule set ({error})") from error
