"""Which stored offset of a changelog counts: the last one that is signed, and is no older one that was written again.

Docs: docs/adr/0024-signed-stored-offsets.md.
"""

from collections.abc import Callable
from typing import Any

from router.wire.codec import UNREADABLE
from router.wire.offset_signing import OffsetKeys
from router.wire.stored_offsets import STORED_OFFSET_KEY, decode_stored_offset


class OffsetCheck:
    """Says of each record of one changelog whether it counts. Records with other keys do. A part of the log may be read again.

    Args:
        keys: verify.
        on_ignored: called with the topic for each stored offset that does not count.
        key: of the stored offset.
    """

    def __init__(self, keys: OffsetKeys, on_ignored: Callable[[str], None], key: bytes = STORED_OFFSET_KEY) -> None:
        self._keys, self._on_ignored, self._key = keys, on_ignored, key
        self.reset()

    def reset(self) -> None:
        """Another reading begins."""
        self._number, self._at = 0, -1
        """The highest number, and the offset of the record that has it."""
        self._ignored_at = -1
        self.ignored = 0
        """Stored offsets that did not count."""

    def __call__(self, record: Any) -> bool:
        """Whether a record counts."""
        if not self._keys or record.key != self._key:
            return True
        if self._counts(record):
            return True
        self.ignored += 1
        self._ignored_at = max(self._ignored_at, record.offset)
        self._on_ignored(record.topic)
        return False

    @property
    def overwritten(self) -> bool:
        """Whether one that does not count lies behind the last one that does."""
        return self._ignored_at > self._at

    def _counts(self, record: Any) -> bool:
        try:
            stored = decode_stored_offset(record.value or b"")
        except UNREADABLE:
            return False
        if stored.number < self._number and record.offset > self._at:
            return False  # written once more
        place = place_of((record.topic, record.partition), self._key)
        if not self._keys.counts(stored, *place, record.timestamp):
            return False
        if record.offset > self._at:
            self._number, self._at = stored.number, record.offset
        return True


def place_of(changelog: tuple[str, int], key: bytes = STORED_OFFSET_KEY) -> tuple[str, int]:
    """What a signature holds for: topic and partition, and with them the key, where a partition has stored offsets of several logs.

    The name of a topic has no `#`, so no other place looks the same.
    """
    topic, partition = changelog
    return (topic if key == STORED_OFFSET_KEY else f"{topic}#{key.decode()}"), partition
