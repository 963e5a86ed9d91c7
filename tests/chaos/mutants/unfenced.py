"""A worker whose transactional ids are its own, so that opening a partition fences nobody; once, it stops before a commit.

Whoever continues it later has a zombie that writes what its successor has written meanwhile.
"""

import os
import signal
import sys
from typing import Any

from aiokafka import AIOKafkaProducer

from router.stream import __main__
from router.stream.engine import transaction
from tests.chaos.mutants import once

commit = transaction.Transactions.commit


def with_own_id(*, transactional_id: str, **settings: Any) -> AIOKafkaProducer:
    return AIOKafkaProducer(transactional_id=f"{transactional_id}-{os.getpid()}", **settings)


async def commit_late(self: transaction.Transactions, checkpoint: transaction.Checkpoint) -> None:
    if checkpoint.position is not None and self._source.topic.endswith("grid.events") and once.now("unfenced"):
        os.kill(os.getpid(), signal.SIGSTOP)
    await commit(self, checkpoint)


if __name__ == "__main__":
    os.environ["GRID_ROUTER_LOOP_LIMIT_S"] = "3600"  # else a sound worker's watch ends it as soon as it wakes
    transaction.AIOKafkaProducer = with_own_id
    transaction.Transactions.commit = commit_late
    sys.exit(__main__._run())
