"""Messages of a synthetic city and the truth about them, as columns."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import Struct

from router.simulator.messages import Kind

Column = Any
KINDS: Sequence[Kind] = ("simulated", "updated", "redelivered", "malformed")


class MessageBatch(Struct, frozen=True):
    """Messages and the truth about them, columns of one length."""

    received: Column
    """Milliseconds of UTC."""
    network: Column
    source_id: Column
    value: Column
    """Text; a lone surrogate stands for a byte that is no UTF-8."""
    kind: Column
    """Index in KINDS."""
    incident: Column
    """Number, from 1."""
    matter: Column
    cell: Column
    owner: Column
    """Index of the department that must have it."""
    storm: Column
    late: Column

    def take(self, rows: Column) -> "MessageBatch":
        """Some of the rows."""
        return MessageBatch(*(getattr(self, name)[rows] for name in self.__struct_fields__))

    def __len__(self) -> int:
        return len(self.received)


def joined(*message_batches: MessageBatch) -> MessageBatch:
    """The rows of all of them."""
    names = MessageBatch.__struct_fields__
    return MessageBatch(
        *(np.concatenate([getattr(message_batch, name) for message_batch in message_batches]) for name in names)
    )
