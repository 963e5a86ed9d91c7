"""A worker that commits the position before the outputs, and dies once in between: what stood in between is lost."""

import os
import signal
import sys

from router.stream import __main__, transaction
from tests.chaos.broken import once

commit = transaction.Transactions.commit


async def commit_early(self: transaction.Transactions, checkpoint: transaction.Checkpoint) -> None:
    """Two transactions instead of one."""
    if checkpoint.position is not None:
        ahead = self.checkpoint()
        ahead.records = checkpoint.records
        await commit(self, ahead)
        if once.now("early_position"):
            os.kill(os.getpid(), signal.SIGKILL)
    await commit(self, checkpoint)


if __name__ == "__main__":
    transaction.Transactions.commit = commit_early
    sys.exit(__main__._run())
