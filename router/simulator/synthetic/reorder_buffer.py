"""Orders messages by receipt. A message may be received long after it was written, for example from an offline phone."""

import numpy as np

from router.simulator.synthetic.message_batch import MessageBatch, joined


class ReorderBuffer:
    """Sorts messages by their received time.

    Args:
        horizon: milliseconds; messages received later than this are kept apart and not sorted at each call.
    """

    def __init__(self, horizon: int) -> None:
        self._horizon, self._near_until = horizon, 0
        self._near: list[MessageBatch] = []
        self._far: list[MessageBatch] = []

    def due(self, made: MessageBatch, until: int) -> MessageBatch:
        """Add messages in any order, and return those received before an instant. No earlier message may follow."""
        self._split(made)
        if until > self._near_until:
            self._near_until = until + self._horizon
            far, self._far = self._far, []
            for message_batch in far:
                self._split(message_batch)
        near = joined(*self._near)
        near = near.take(np.argsort(near.received, kind="stable"))
        ready = int(np.searchsorted(near.received, until))
        self._near = [near.take(slice(ready, None))]
        return near.take(slice(0, ready))

    def _split(self, message_batch: MessageBatch) -> None:
        near = message_batch.received < self._near_until
        self._near.append(message_batch.take(np.flatnonzero(near)))
        if not near.all():
            self._far.append(message_batch.take(np.flatnonzero(~near)))
