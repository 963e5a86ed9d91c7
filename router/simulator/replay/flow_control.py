"""Keeps a full-speed feed in step with the router, so that later events also arrive later.

Each network has its own topic. A router that works off a backlog reads the small topics to their end while the large ones
still wait. Without flow control, police would report a graffito days before the citizen whose call they followed, and the
ledger would score an order that occurs in no city. Scaled or real time needs none of this.
"""

from router.simulator.messages import SourceMessage

LIMIT = 1000
"""Most records in flight: a few hours of a large city, against merge windows of days."""


class InFlightLimiter:
    """What the router has processed. The thread that reads outputs writes it; the feed reads it.

    Args:
        limit: most records in flight.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._handed = self._accounted = 0
        self._done: set[str] = set()
        self.held: list[SourceMessage] = []
        """Messages held back: a secondary report follows the report of its incident."""

    def accounted(self, report: str) -> None:
        """One record was seen in a case or a dead letter."""
        self._done.add(report)
        self._accounted += 1

    @property
    def room(self) -> bool:
        """Whether one more record may be sent."""
        return self._handed - self._accounted < self._limit

    def release(self, message: SourceMessage | None = None) -> list[SourceMessage]:
        """This message and those held back, as far as they may be sent now, in order. They count as sent."""
        if message is not None:
            self.held.append(message)
        ready = [held for held in self.held if held.kind != "secondary_reports" or held.incident in self._done]
        if ready:
            going = set(map(id, ready))
            self.held = [held for held in self.held if id(held) not in going]
            self._handed += len(ready)
        return ready
