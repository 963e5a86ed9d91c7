"""Fetch sessions: which fetched records of a partition may still be folded.

A session begins at a seek and continues without a gap. Every fetched batch carries the id of its session, and a partition
drops batches of an earlier one. So no record overtakes an earlier record, whatever offset the group coordinator returns and
whatever was on its way when the partition was reopened.
"""

import itertools

_IDS = itertools.count(1)


class FetchSession:
    """The current fetch session of one partition; at first there is none."""

    def __init__(self) -> None:
        self.session_id: int | None = None
        """Unique in this process; None before the first session."""
        self.seek_target: int | None = None
        """The offset that the consumer must seek to; None once it has."""
        self._fetched = 0
        self.expected = 0
        """No record below this offset is fetched next."""
        self._gap: int | None = None

    @property
    def ready(self) -> bool:
        """Whether records that are fetched now belong to the session."""
        return self.session_id is not None and self.seek_target is None

    def begin(self, position: int) -> None:
        """Begin another session at this offset."""
        self.session_id, self.seek_target, self._fetched = next(_IDS), position, 0
        self.expected = position

    def on_seek(self, position: int) -> None:
        """Record that the consumer's position is now this offset."""
        if self.seek_target == position:
            self.seek_target = None

    def fetched(self, first: int, end: int) -> None:
        """Record that the records from `first` to below `end` were fetched and will be offered."""
        if self._gap is None and first > self.expected > 0:
            self._gap = self.expected
        self._fetched = self.expected = end

    def take_gap(self) -> int | None:
        """The first offset that was skipped since the last call. Mostly it was a transaction marker; else its record is gone."""
        gap, self._gap = self._gap, None
        return gap

    def refetch_from(self, offset: int) -> None:
        """Fetch again from this offset: the records from there on cannot be offered."""
        self.seek_target = self.expected = offset

    def awaits(self, offered: int) -> bool:
        """Whether records from `offered` on were fetched, or must be fetched again, and have not been offered."""
        return self._fetched > offered or self.seek_target is not None
