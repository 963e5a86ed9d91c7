"""A worker that commits the position before the outputs, and dies once in between: what stood in between is lost."""

import os
import signal
import sys
from collections.abc import Callable

from router.stream import __main__, transaction
from router.stream.writer import Writer
from tests.chaos.broken import once

commit = transaction.Transactions.commit


async def commit_early(self: transaction.Transactions, fill: Callable[[Writer], None], position: int | None) -> None:
    """Two transactions instead of one."""
    if position is not None:
        await commit(self, lambda _: None, position)
        if once.now("early_position"):
            os.kill(os.getpid(), signal.SIGKILL)
    await commit(self, fill, None)


if __name__ == "__main__":
    transaction.Transactions.commit = commit_early
    sys.exit(__main__._run())
