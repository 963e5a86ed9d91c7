"""The next offset to read of an input partition: a record beside the state, written in the same transaction."""

import msgspec
from msgspec import Struct

STORED_OFFSET_KEY = b"input position"
"""The key of all these records, because a partition that holds one belongs to a single input partition. Ids contain no blank."""
_encode = msgspec.json.Encoder().encode


class StoredOffset(Struct, frozen=True, kw_only=True):
    """All records before this offset are processed, and none from it on."""

    offset: int
    """The next offset to read."""


_decode = msgspec.json.Decoder(StoredOffset).decode


def encode_stored_offset(offset: int) -> tuple[bytes, bytes]:
    """Key and value of the record."""
    return STORED_OFFSET_KEY, _encode(StoredOffset(offset=offset))


def decode_stored_offset(value: bytes) -> int:
    """The next offset to read. Raises one of `codec.UNREADABLE`."""
    return _decode(value).offset
