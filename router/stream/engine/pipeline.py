"""The transactions of one opening of a partition: what comes next is folded while the last one commits.

One transaction is on its way at most. After a failure nothing is retried: the partition takes back what is not known to be committed, and
opens again with another pipeline.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from aiokafka.errors import (
    InvalidMessageError,
    InvalidTimestampError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
)

from router.stream.engine.poison_isolation import UnfitBatchError
from router.stream.engine.processor import Record
from router.stream.engine.transaction import Checkpoint, Transactions

REFUSED_OUTPUT = (MessageSizeTooLargeError, RecordListTooLargeError, InvalidTimestampError, InvalidMessageError)
"""What Kafka answers when an output itself is at fault."""
STOP_SECONDS = 3.0


class Pipeline:
    """Fills one checkpoint while another one's transaction is on its way.

    Args:
        transactions: of the input partition; fenced.
        ended: called when a transaction has ended, well or not.
    """

    def __init__(self, transactions: Transactions, ended: Callable[[], None]) -> None:
        self._transactions, self._ended = transactions, ended
        self.filling = transactions.checkpoint()
        """Folded, and not in a transaction yet."""
        self._flying: Checkpoint | None = None
        """Whose transaction has begun and is not known to have ended well."""
        self._commit: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether a transaction is on its way, or its end has not been heard of."""
        return self._commit is not None

    @property
    def records(self) -> int:
        """Folded, and not known to be committed."""
        return len(self.filling.records) + (len(self._flying.records) if self._flying is not None else 0)

    def begin(self, note: Callable[[Checkpoint], None]) -> bool:
        """Let the next transaction begin, unless one is on its way or there is nothing to commit.

        Args:
            note: writes the position into the checkpoint.
        """
        if self.busy or self.filling.empty:
            return False
        self._flying, self.filling = self.filling, self._transactions.checkpoint()
        note(self._flying)
        self._flying.begun = time.monotonic()
        self._commit = asyncio.create_task(self._transactions.commit(self._flying))
        self._commit.add_done_callback(lambda _: self._ended())
        return True

    def landed(self) -> Checkpoint | None:
        """What was committed since the last call; None when nothing was.

        Raises:
            UnfitBatchError: Kafka refuses what was made of these records.
            KafkaError: nobody knows whether it is committed.
        """
        commit, flying = self._commit, self._flying
        if commit is None or flying is None or not commit.done():
            return None
        self._commit = None
        try:
            commit.result()
        except REFUSED_OUTPUT as refusal:
            raise (UnfitBatchError(flying.records) if flying.records else refusal) from refusal
        self._flying = None
        return flying

    async def wait(self) -> None:
        """Until no transaction is on its way; one is given up when this is cancelled."""
        if self._commit is None:
            return
        try:
            await asyncio.wait([self._commit])
        except asyncio.CancelledError:
            self._commit.cancel()
            raise

    def give_up(self) -> None:
        """Wait for nothing any more; the next owner's fence settles what is on its way."""
        if self._commit is not None:
            self._commit.cancel()

    def take_back(self) -> Iterator[Sequence[Record]]:
        """The records that are not known to be committed, the later ones first."""
        for checkpoint in (self.filling, self._flying):
            if checkpoint is not None:
                yield checkpoint.records
        self._flying = self._commit = None

    async def stop(self) -> None:
        """Let go of the producer. Whatever it leaves unfinished is the next fence's business."""
        with suppress(Exception):
            await asyncio.wait_for(self._transactions.stop(), STOP_SECONDS)
