"""How many reports a token may send: a token bucket for each holder, in the memory of one gateway."""

from collections import OrderedDict
from math import ceil

BURST_S = 10.0
"""How many seconds' worth of reports may come at once."""
MAX_HOLDERS = 50_000
"""Holders that are remembered; the one that was silent longest is forgotten first, and has a full bucket again."""


class RateLimit:
    """The buckets of all holders. A full bucket may be overdrawn, so that a batch larger than a bucket passes, too.

    Args:
        rate: reports per second.
    """

    def __init__(self, rate: float) -> None:
        self._rate, self._full = rate, rate * BURST_S
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """Holder -> level of its bucket and when it was, in seconds; who sent last comes last."""

    def wait_s(self, holder: str, reports: int, now: float) -> int:
        """Whole seconds after which the holder may send that number of reports; 0: now."""
        short = min(reports, self._full) - self._level(holder, now)
        return 0 if short <= 0 else max(1, ceil(short / self._rate))

    def take(self, holder: str, reports: int, now: float) -> None:
        """Count reports of a holder."""
        self._buckets[holder] = self._level(holder, now) - reports, now
        self._buckets.move_to_end(holder)
        if len(self._buckets) > MAX_HOLDERS:
            self._buckets.popitem(last=False)

    def _level(self, holder: str, now: float) -> float:
        level, since = self._buckets.get(holder, (self._full, now))
        return min(self._full, level + (now - since) * self._rate)
