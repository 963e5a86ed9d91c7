"""The editions of one city: catalogue, code tables and cells by the instant from which they hold.

The edition in effect is a question of when a report was received, so every partition of every topic answers it alike. A
report carries the version of its edition, and the same edition routes it: none is decided by a mixture. `merging.yaml` is
no part of an edition, because the state is indexed by it. Docs: docs/editions.md.
"""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from operator import itemgetter

from router.domain.rules.city import City


class EditionError(LookupError):
    """The rules of an edition are not at hand; no report is at fault."""


class UnknownEditionError(EditionError):
    """A report names an edition that has not been read yet."""


class UnreadableEditionError(EditionError):
    """The rules of an edition cannot be read, for whatever reason."""


class Editions:
    """What a worker knows of its city's editions; grows while it runs. Rules that nobody asks for are never read.

    Args:
        first: the edition that holds from the beginning; its merging is that of all others too.
    """

    def __init__(self, first: City) -> None:
        self.first = first
        self.readings = 0
        """How often everything that was published has been read since."""
        self._ready = {first.edition: first}
        self._sources: dict[str, Callable[[], City]] = {}
        self._timeline: list[tuple[datetime, str]] = []
        """Versions by the instant from which they hold; of equal instants the later published one stands behind."""

    def add(self, version: str, since: datetime, read: Callable[[], City]) -> None:
        """Take in a published edition, in the order of publication.

        Args:
            version: of the edition.
            since: received time from which it holds, aware.
            read: makes its rules, when they are needed for the first time.
        """
        self.know(version, read)
        self._timeline.append((since, version))
        self._timeline.sort(key=itemgetter(0))  # stable

    def know(self, version: str, read: Callable[[], City]) -> None:
        """An edition that reports may carry, though it never holds from now on."""
        self._sources.setdefault(version, read)

    @property
    def versions(self) -> list[str]:
        """Of all editions that a report may carry."""
        return [*{**self._ready, **self._sources}]

    @property
    def only(self) -> City | None:
        """The one edition there is; None when the received time decides between several."""
        return None if self._timeline else self.first

    @property
    def latest(self) -> str:
        """Version of the edition that holds last."""
        return self._timeline[-1][1] if self._timeline else self.first.edition

    def at(self, received: datetime) -> City:
        """The edition in effect at an instant of received time."""
        place = bisect_right(self._timeline, received, key=itemgetter(0))
        return self.of(self._timeline[place - 1][1]) if place else self.first

    def of(self, version: str) -> City:
        """The edition of a version; of none (a report of a router that had no editions) the first.

        Raises:
            UnknownEditionError: not read yet.
            UnreadableEditionError: its rules cannot be read.
        """
        city = self._ready.get(version)
        if city is not None:
            return city
        if not version:
            return self.first
        read = self._sources.get(version)
        if read is None:
            raise UnknownEditionError(version)
        try:
            city = replace(read(), merging=self.first.merging)
        except Exception as error:
            raise UnreadableEditionError(f"{version}: {error}") from error
        self._ready[version] = city
        return city
