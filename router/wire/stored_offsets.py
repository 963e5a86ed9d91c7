"""The next offset to read of an input partition: a record beside the state, written in the same transaction."""

from datetime import datetime

import msgspec
from msgspec import Struct

NO_EPOCH = -1
STORED_OFFSET_KEY = b"input position"
"""The key of these records, where a partition that holds one belongs to a single input partition. Ids contain no blank."""
_encode = msgspec.json.Encoder().encode


class StoredOffset(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All records before this offset are processed, and none from it on."""

    offset: int
    """The next offset to read."""
    topic_id: str = ""
    """Id of the topic that was read, 22 characters as Kafka prints it. Empty: written by an earlier release."""
    leader_epoch: int = NO_EPOCH
    """Leader epoch of the last record before the offset; -1: unknown. Earlier releases did not write it."""
    cases_id: str = ""
    """Id of the topic of the cases that belong to the offset; only on `grid.offsets`. Empty: written by an earlier release."""

    received_at: datetime | None = None
    """When the latest report that the cases have was received; only on `grid.offsets`, from the first report on."""
    ticked_at: datetime | None = None
    """The instant of the latest tick; only on `grid.offsets`, from the first tick on. With `received_at` it is the log time."""
    forgotten_until: datetime | None = None
    """The latest end of a window of an archived case; only on `grid.offsets`. Absent: none was archived."""
    escalated_until: datetime | None = None
    """Until when every step of a ladder was sent; only on `grid.offsets`, from the first tick on. Cases do not say it."""
    escalated_case: str = ""
    """Of the steps that came due at that instant, those of cases up to this id were sent; empty: of all cases."""
    number: int = 0
    """Rises with every stored offset of the partition, if they are signed: an older one that is written again does not count."""
    signature: str = ""
    """Of the fields before, its topic and its partition (`offset_keys.py`). Empty: workers without keys wrote it."""

    def same_place(self, other: "StoredOffset") -> bool:
        """Whether both name the same offset of the same log."""
        return self.offset == other.offset and (
            self.topic_id == other.topic_id or not (self.topic_id and other.topic_id)
        )


_decode = msgspec.json.Decoder(StoredOffset).decode


def encode_stored_offset(stored: StoredOffset, key: bytes = STORED_OFFSET_KEY) -> tuple[bytes, bytes]:
    """Key and value of the record."""
    return key, _encode(stored)


def decode_stored_offset(value: bytes) -> StoredOffset:
    """The stored offset. Raises one of `codec.UNREADABLE`."""
    return _decode(value)
