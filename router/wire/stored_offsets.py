"""Where the reading of an input partition goes on: a record beside the state, written in the transaction that moved it."""

import msgspec
from msgspec import Struct

STORED_OFFSET_KEY = b"input position"
"""The key of every such record: a partition that holds one belongs to one input partition alone. No id has a blank in it."""
_encode = msgspec.json.Encoder().encode


class StoredOffset(Struct, frozen=True, kw_only=True):
    """Everything before this offset of the input partition is done, and nothing from it on."""

    offset: int
    """The next offset to read."""


_decode = msgspec.json.Decoder(StoredOffset).decode


def encode_stored_offset(offset: int) -> tuple[bytes, bytes]:
    """Key and value of the record."""
    return STORED_OFFSET_KEY, _encode(StoredOffset(offset=offset))


def decode_stored_offset(value: bytes) -> int:
    """The next offset to read. Raises one of `codec.UNREADABLE`."""
    return _decode(value).offset
