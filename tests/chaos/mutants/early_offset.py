"""A mutant that commits the input offsets before the outputs, and dies once in between: those outputs are lost."""

import os
import signal
import sys
from typing import Any

from router.kafka.record_batches import Writer
from router.stream import __main__
from router.stream.engine.checkpoint import Checkpoint
from router.stream.engine.transaction import Transactions
from router.wire.stored_offsets import STORED_OFFSET_KEY
from tests.chaos.mutants import once

add, commit = Writer.add, Transactions.commit
withheld: dict[int, list[tuple[Any, ...]]] = {}
"""Offset records that a writer received and did not add, by the writer's id."""


def add_all_but_the_offsets(self: Writer, topic: str, partition: int, key: bytes | None, *rest: Any) -> None:
    if key == STORED_OFFSET_KEY:
        withheld.setdefault(id(self), []).append((topic, partition, key, *rest))
    else:
        add(self, topic, partition, key, *rest)


async def commit_early(self: Transactions, checkpoint: Checkpoint) -> None:
    """Two transactions instead of one."""
    offsets = withheld.pop(id(checkpoint.writer), [])
    if offsets:
        first = self.checkpoint()
        for offset in offsets:
            add(first.writer, *offset)
        await commit(self, first)
        if once.now("early_offset"):
            os.kill(os.getpid(), signal.SIGKILL)
    await commit(self, checkpoint)


if __name__ == "__main__":
    Writer.add = add_all_but_the_offsets
    Transactions.commit = commit_early
    sys.exit(__main__._run())
