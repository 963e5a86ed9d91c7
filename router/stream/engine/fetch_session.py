"""Where the consumer reads the log of one partition.

A *reading* begins at a position and goes on without a gap. What is fetched carries its number, and a partition takes nothing of an earlier one:
whatever the group's coordinator told, and whatever was on its way when the partition was opened again, no later record overtakes an
earlier one.
"""

import itertools

_NUMBERS = itertools.count(1)


class Reading:
    """The reading of one partition that goes on; at first there is none."""

    def __init__(self) -> None:
        self.number: int | None = None
        """Of the reading, unique in this process."""
        self.sought: int | None = None
        """The offset at which the consumer must go on, as long as it has not been sought there."""
        self._fetched = 0

    @property
    def ready(self) -> bool:
        """Whether what is fetched now belongs to it."""
        return self.number is not None and self.sought is None

    def begin(self, position: int) -> None:
        """Another reading, from this offset on."""
        self.number, self.sought, self._fetched = next(_NUMBERS), position, 0

    def found(self, position: int) -> None:
        """The consumer has been sought to this offset."""
        if self.sought == position:
            self.sought = None

    def fetched(self, end: int) -> None:
        """What lies below this offset was fetched and is about to be handed over."""
        self._fetched = end

    def missed(self, offset: int) -> None:
        """What was fetched from this offset on cannot be handed over, and must be fetched again."""
        self.sought = offset

    def awaits(self, offered: int) -> bool:
        """Whether something was or must be fetched that has not been offered, of which what lies below `offered` has."""
        return self._fetched > offered or self.sought is not None
