"""The stored offset: the input offset that a partition keeps beside its state. Docs: docs/explanation/exactly-once.md.

With keys it is signed, so that one of another program does not count (docs/adr/0024-signed-stored-offsets.md).
"""

from collections.abc import Callable
from typing import Any

from aiokafka import TopicPartition
from msgspec.structs import replace

from router.domain.intake.rejections import printable
from router.stream.engine.changelog_reader import ChangelogReader
from router.stream.engine.processor import UnreadableStateError
from router.wire.codec import UNREADABLE
from router.wire.offset_check import OffsetCheck, place_of
from router.wire.offset_signing import OffsetKeys
from router.wire.stored_offsets import STORED_OFFSET_KEY, StoredOffset, decode_stored_offset, encode_stored_offset

OPENING = 1 << 20
"""How much the number rises at an opening. Transactions that the owner before could not commit used up some numbers: their records are
signed, and another program can read them. If it writes one again, it has a lower number than what was committed since."""


class StoredOffsets:
    """Reads and writes the stored offset of one partition.

    Args:
        keys: sign and verify.
        ignored: called with the topic for each stored offset that does not count.
        key: of its records. Input partitions that store their offsets in one partition have a key each.
    """

    def __init__(
        self, keys: OffsetKeys, ignored: Callable[[str], None] = lambda _: None, key: bytes = STORED_OFFSET_KEY
    ) -> None:
        self._keys, self._ignored, self._key = keys, ignored, key
        self._number = 0
        """Of the stored offset that was read or written last."""
        self.overwritten = False
        """Whether one that does not count lies behind the one that was read. Compaction keeps the last record of a key, so the one that
        counts will be removed, unless it is written again."""

    def encode(self, stored: StoredOffset, changelog: TopicPartition) -> tuple[bytes, bytes]:
        """Key and value of the next record."""
        self.overwritten = False
        if self._keys:
            self._number += 1
            stored = replace(stored, number=self._number)
        return encode_stored_offset(self._keys.sign(stored, *place_of(changelog, self._key)), self._key)

    def check(self) -> "OffsetCheck":
        """A check for the reading of a changelog."""
        return OffsetCheck(self._keys, self._ignored, self._key)

    def pop(self, latest: dict[bytes, bytes], changelog: TopicPartition, check: "OffsetCheck") -> StoredOffset | None:
        """Remove the stored offset from the latest values and return it; see `pop_stored_offset`.

        Args:
            latest: key -> value.
            changelog: where they were read.
            check: that the reading used.

        Raises:
            UnreadableStateError: it cannot be read, or only stored offsets that do not count are left.
        """
        stored, self.overwritten = pop_stored_offset(latest, changelog, self._key), check.overwritten
        where = f"{changelog.topic}/{changelog.partition}"
        if stored is None and check.ignored:
            raise UnreadableStateError(
                f"{where}: the stored offsets that are left have no signature of this deployment's keys, so this partition stops; "
                "give this worker the keys of the workers that wrote them (GRID_ROUTER_OFFSET_KEYS), or make new keys with "
                "`grid-router broker keys`, which trust what is stored."
            )
        if stored is not None and stored.signature and not self._keys:
            raise UnreadableStateError(
                f"{where}: the stored offset is signed and this worker has no keys, so this partition stops; set "
                "GRID_ROUTER_OFFSET_KEYS to the file of the workers that wrote it, or to new keys of `grid-router broker keys`."
            )
        self._number = max(self._number, (stored.number if stored is not None else 0) + OPENING)
        return stored

    async def read(
        self, logs: ChangelogReader, changelog: TopicPartition, *, exclusive: bool = False
    ) -> StoredOffset | None:
        """Read the stored offset from the end of a partition, without reading the records before it.

        Args:
            logs: reads the partition.
            changelog: where the offset is stored.
            exclusive: only stored offsets belong into this partition, so any other record is logged as a foreign record.

        Returns:
            The offset; None when none was stored.

        Raises:
            UnreadableStateError: see `pop`.
        """
        check = self.check()

        def ours(record: Any) -> bool:
            return check(record) and (record.key == self._key or not exclusive)

        return self.pop(await logs.newest(changelog, self._key, ours), changelog, check)


def pop_stored_offset(
    latest: dict[bytes, bytes], changelog: TopicPartition, key: bytes = STORED_OFFSET_KEY
) -> StoredOffset | None:
    """Remove the stored offset from the latest values and return it; None when none was stored.

    Args:
        latest: key -> value.
        changelog: where they were read.
        key: of the stored offset.

    Raises:
        UnreadableStateError: another program or a later version of the router wrote it.
    """
    value = latest.pop(key, None)
    if value is None:
        return None
    try:
        return decode_stored_offset(value)
    except UNREADABLE as error:
        raise UnreadableStateError(
            f"{changelog.topic}/{changelog.partition}: the stored offset cannot be read ({printable(str(error), 100)}), "
            "so this partition stops; start the version of the router that wrote it, or write the offset again."
        ) from error
