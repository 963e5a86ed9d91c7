"""A feed at full speed kept abreast of the router, so that what happened later also arrives later.

Each network has its own topic, and a router that works off a backlog reads the small topics to their end while the large
ones still wait: without this, police would report a graffito days before the citizen whose call it followed, and a ledger
of merges would judge an order that no city has. In scaled or real time nothing of this is needed.
"""

from router.simulator.messages import SourceMessage

LIMIT = 1000
"""Records under way at one time: a few hours of a large city, against merge windows of days."""


class InFlightLimiter:
    """What the router has taken in; written by the thread that reads outputs, read by the feed.

    Args:
        limit: most records under way.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._handed = self._accounted = 0
        self._done: set[str] = set()
        self.held: list[SourceMessage] = []
        """Messages that may not go yet: a companion follows the report of its incident."""

    def accounted(self, report: str) -> None:
        """One record was seen in a case or a dead letter."""
        self._done.add(report)
        self._accounted += 1

    @property
    def room(self) -> bool:
        """Whether one more record may go."""
        return self._handed - self._accounted < self._limit

    def release(self, message: SourceMessage | None = None) -> list[SourceMessage]:
        """This message and those held so far, as far as they may go now, in their order; they count as handed over."""
        if message is not None:
            self.held.append(message)
        ready = [held for held in self.held if held.kind != "secondary_reports" or held.incident in self._done]
        if ready:
            going = set(map(id, ready))
            self.held = [held for held in self.held if id(held) not in going]
            self._handed += len(ready)
        return ready
