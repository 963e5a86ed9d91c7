"""Where the consumer reads the log of one partition.

A *reading* begins at a position and goes on without a gap. What is fetched carries its number, and a partition takes nothing of an earlier one:
whatever the group's coordinator told, and whatever was on its way when the partition was opened again, no later record overtakes an
earlier one.
"""

import itertools

_NUMBERS = itertools.count(1)


class FetchSession:
    """The reading of one partition that goes on; at first there is none."""

    def __init__(self) -> None:
        self.session_id: int | None = None
        """Of the reading, unique in this process."""
        self.seek_target: int | None = None
        """The offset at which the consumer must go on, as long as it has not been sought there."""
        self._fetched = 0

    @property
    def ready(self) -> bool:
        """Whether what is fetched now belongs to it."""
        return self.session_id is not None and self.seek_target is None

    def begin(self, position: int) -> None:
        """Another reading, from this offset on."""
        self.session_id, self.seek_target, self._fetched = next(_NUMBERS), position, 0

    def on_seek(self, position: int) -> None:
        """The consumer has been sought to this offset."""
        if self.seek_target == position:
            self.seek_target = None

    def fetched(self, end: int) -> None:
        """What lies below this offset was fetched and is about to be handed over."""
        self._fetched = end

    def refetch_from(self, offset: int) -> None:
        """What was fetched from this offset on cannot be handed over, and must be fetched again."""
        self.seek_target = offset

    def awaits(self, offered: int) -> bool:
        """Whether something was or must be fetched that has not been offered, of which what lies below `offered` has."""
        return self._fetched > offered or self.seek_target is not None
