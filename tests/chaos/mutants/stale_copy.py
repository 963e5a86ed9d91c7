"""A mutant whose standby copies stop following early and still count as complete: a takeover reads no tail.

One worker is killed once. The other one goes on with states that lack the latest cases and ids.
"""

import os
import signal
import sys
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from router.stream import __main__
from router.stream.engine.changelog_reader import ChangelogReader
from router.stream.engine.checkpoint import Checkpoint
from router.stream.engine.standby import StandbyCopies
from router.stream.engine.state_copy import StateCopy
from router.stream.engine.transaction import Transactions
from tests.chaos.mutants import once

READS = 3
"""How often the copies are read, after each has some cases, before they stop."""
catch_up, read, commit = StateCopy.catch_up, StandbyCopies._read, Transactions.commit
reads = 0


async def catch_up_without_tail(self: StateCopy, logs: ChangelogReader, changelog: TopicPartition) -> None:
    if self.next:
        await self.check(logs, changelog)
    if not self.next:
        await catch_up(self, logs, changelog)


async def read_a_little(self: StandbyCopies, consumer: AIOKafkaConsumer, following: Any) -> None:
    global reads  # noqa: PLW0603 - the life of this process
    cases = [one for one in following.values() if one.changelog.topic.endswith(".cases")]
    reads += bool(cases) and all(one.copy.next for one in cases)  # a copy of nothing would be read whole at a takeover
    await read(self, consumer, following if reads <= READS else {})


async def commit_and_die(self: Transactions, checkpoint: Checkpoint) -> None:
    if reads > READS and checkpoint.positions and self.task.stage == "merge" and once.now("stale_copy"):
        os.kill(os.getpid(), signal.SIGKILL)
    await commit(self, checkpoint)


if __name__ == "__main__":
    StateCopy.catch_up, StandbyCopies._read = catch_up_without_tail, read_a_little  # type: ignore[method-assign]
    Transactions.commit = commit_and_die  # type: ignore[method-assign]
    sys.exit(__main__._run())
