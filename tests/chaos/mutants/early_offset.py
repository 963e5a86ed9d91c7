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
from router.wire.topic_names import Names
from tests.chaos.mutants import once

add, commit = Writer.add, Transactions.commit
NAME = ""
FEEDBACK_OFFSETS = Names().feedback_offsets
withheld: dict[int, list[tuple[Any, ...]]] = {}
"""Offset records that a writer received and did not add, by the writer's id."""


def is_offset(topic: str, key: bytes | None) -> bool:
    """Whether a record is a stored offset that is committed too early."""
    return topic.endswith(FEEDBACK_OFFSETS) if NAME == "early_feedback" else key == STORED_OFFSET_KEY


def add_all_but_the_offsets(self: Writer, topic: str, partition: int, key: bytes | None, *rest: Any) -> None:
    if is_offset(topic, key):
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
        if once.now(NAME):
            os.kill(os.getpid(), signal.SIGKILL)
    await commit(self, checkpoint)


def main(name: str) -> None:
    """Run the worker.

    Args:
        name: of the mutant.
    """
    global NAME  # noqa: PLW0603 - the life of this process
    NAME = name
    Writer.add = add_all_but_the_offsets
    Transactions.commit = commit_early
    sys.exit(__main__._run())


if __name__ == "__main__":
    main("early_offset")
