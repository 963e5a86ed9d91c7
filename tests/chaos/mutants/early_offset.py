"""A worker that commits the position before the outputs, and dies once in between: what stood in between is lost."""

import os
import signal
import sys
from typing import Any

from router.stream import __main__
from router.stream.engine import batch_writer as writer
from router.stream.engine import transaction
from router.wire.stored_offsets import STORED_OFFSET_KEY
from tests.chaos.mutants import once

add, commit = writer.Writer.add, transaction.Transactions.commit
ahead: dict[int, tuple[Any, ...]] = {}
"""Position that a writer was given and has not written, by the writer's id."""


def add_most(self: writer.Writer, topic: str, partition: int, key: bytes | None, *rest: Any) -> None:
    if key == STORED_OFFSET_KEY:
        ahead[id(self)] = (topic, partition, key, *rest)
    else:
        add(self, topic, partition, key, *rest)


async def commit_early(self: transaction.Transactions, checkpoint: transaction.Checkpoint) -> None:
    """Two transactions instead of one."""
    position = ahead.pop(id(checkpoint.writer), None)
    if position is not None:
        first = self.checkpoint()
        add(first.writer, *position)
        await commit(self, first)
        if once.now("early_position"):
            os.kill(os.getpid(), signal.SIGKILL)
    await commit(self, checkpoint)


if __name__ == "__main__":
    writer.Writer.add = add_most
    transaction.Transactions.commit = commit_early
    sys.exit(__main__._run())
