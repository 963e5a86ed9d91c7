"""Messages that are written and not yet received: the phone is offline, the petition comes days later."""

import numpy as np

from router.simulator.synthetic.message_batch import MessageBatch, joined


class ReorderBuffer:
    """Puts messages into the order of their receipt.

    Args:
        horizon: milliseconds; what is received later than so much ahead lies apart and is not looked through each time.
    """

    def __init__(self, horizon: int) -> None:
        self._horizon, self._near_until = horizon, 0
        self._near: list[MessageBatch] = []
        self._far: list[MessageBatch] = []

    def due(self, made: MessageBatch, until: int) -> MessageBatch:
        """Take in more messages, in any order; give those received before an instant, of which no more may come."""
        self._sort_out(made)
        if until > self._near_until:
            self._near_until = until + self._horizon
            far, self._far = self._far, []
            for message_batch in far:
                self._sort_out(message_batch)
        near = joined(*self._near)
        near = near.take(np.argsort(near.received, kind="stable"))
        ready = int(np.searchsorted(near.received, until))
        self._near = [near.take(slice(ready, None))]
        return near.take(slice(0, ready))

    def _sort_out(self, message_batch: MessageBatch) -> None:
        near = message_batch.received < self._near_until
        self._near.append(message_batch.take(np.flatnonzero(near)))
        if not near.all():
            self._far.append(message_batch.take(np.flatnonzero(~near)))
