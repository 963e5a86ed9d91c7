"""Messages of a synthetic city with their truth, as columns."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import Struct

from router.simulator.messages import Kind

Column = Any
KINDS: Sequence[Kind] = ("simulated", "updated", "redelivered", "malformed")


class MessageBatch(Struct, frozen=True):
    """Messages with their truth, as columns of equal length."""

    received: Column
    """Milliseconds of UTC."""
    network: Column
    source_id: Column
    value: Column
    """Text. A lone surrogate stands for a byte that is not UTF-8."""
    kind: Column
    """Index in KINDS."""
    incident: Column
    """Number of the incident, from 1."""
    matter: Column
    cell: Column
    owner: Column
    """Index of the department that must lead the incident."""
    storm: Column
    late: Column

    def take(self, rows: Column) -> "MessageBatch":
        """Some of the rows."""
        return MessageBatch(*(getattr(self, name)[rows] for name in self.__struct_fields__))

    def __len__(self) -> int:
        return len(self.received)


def joined(*message_batches: MessageBatch) -> MessageBatch:
    """One batch with the rows of all batches."""
    names = MessageBatch.__struct_fields__
    return MessageBatch(
        *(np.concatenate([getattr(message_batch, name) for message_batch in message_batches]) for name in names)
    )
