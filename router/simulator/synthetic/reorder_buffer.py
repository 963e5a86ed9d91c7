"""Messages that are written and not yet received: the phone is offline, the petition comes days later."""

import numpy as np

from router.simulator.synthetic.message_batch import Sheet, joined


class Waiting:
    """Puts messages into the order of their receipt.

    Args:
        horizon: milliseconds; what is received later than so much ahead lies apart and is not looked through each time.
    """

    def __init__(self, horizon: int) -> None:
        self._horizon, self._near_until = horizon, 0
        self._near: list[Sheet] = []
        self._far: list[Sheet] = []

    def due(self, made: Sheet, until: int) -> Sheet:
        """Take in more messages, in any order; give those received before an instant, of which no more may come."""
        self._sort_out(made)
        if until > self._near_until:
            self._near_until = until + self._horizon
            far, self._far = self._far, []
            for sheet in far:
                self._sort_out(sheet)
        near = joined(*self._near)
        near = near.take(np.argsort(near.received, kind="stable"))
        ready = int(np.searchsorted(near.received, until))
        self._near = [near.take(slice(ready, None))]
        return near.take(slice(0, ready))

    def _sort_out(self, sheet: Sheet) -> None:
        near = sheet.received < self._near_until
        self._near.append(sheet.take(np.flatnonzero(near)))
        if not near.all():
            self._far.append(sheet.take(np.flatnonzero(~near)))
