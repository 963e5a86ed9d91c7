"""A mutant whose transactional ids contain the process id, so that opening a stream task fences no other worker.

It stops once before a commit. When it continues, it is a zombie that writes what its successor has written in the meantime.
"""

import os
import signal
import sys
from typing import Any

from aiokafka import AIOKafkaProducer

from router.kafka import transactional_producer
from router.stream import __main__
from router.stream.engine.checkpoint import Checkpoint
from router.stream.engine.transaction import Transactions
from tests.chaos.mutants import once

commit = Transactions.commit


def with_own_id(*, transactional_id: str, **settings: Any) -> AIOKafkaProducer:
    return AIOKafkaProducer(transactional_id=f"{transactional_id}-{os.getpid()}", **settings)


async def commit_late(self: Transactions, checkpoint: Checkpoint) -> None:
    if checkpoint.positions and self.task.stage == "merge" and once.now("unfenced"):
        os.kill(os.getpid(), signal.SIGSTOP)
    await commit(self, checkpoint)


if __name__ == "__main__":
    os.environ["GRID_ROUTER_LOOP_LIMIT_S"] = "3600"  # otherwise the watchdog ends the zombie as soon as it continues
    transactional_producer.AIOKafkaProducer = with_own_id
    Transactions.commit = commit_late
    sys.exit(__main__._run())
