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

from router.stream.engine.checkpoint import Checkpoint
from router.stream.engine.poison_isolation import BatchFailedError
from router.stream.engine.processor import Record
from router.stream.engine.transaction import Transactions

REJECTED_OUTPUT = (MessageSizeTooLargeError, RecordListTooLargeError, InvalidTimestampError, InvalidMessageError)
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
        self.open = transactions.checkpoint()
        """Folded, and not in a transaction yet."""
        self._in_flight: Checkpoint | None = None
        """Whose transaction has begun and is not known to have ended well."""
        self._commit: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether a transaction is on its way, or its end has not been heard of."""
        return self._commit is not None

    @property
    def records(self) -> int:
        """Folded, and not known to be committed."""
        return len(self.open.records) + (len(self._in_flight.records) if self._in_flight is not None else 0)

    def begin(self, store_offset: Callable[[Checkpoint], None]) -> bool:
        """Let the next transaction begin, unless one is on its way or there is nothing to commit.

        Args:
            store_offset: writes the position into the checkpoint.
        """
        if self.busy or self.open.empty:
            return False
        self._in_flight, self.open = self.open, self._transactions.checkpoint()
        store_offset(self._in_flight)
        self._in_flight.begun = time.monotonic()
        self._commit = asyncio.create_task(self._transactions.commit(self._in_flight))
        self._commit.add_done_callback(lambda _: self._ended())
        return True

    def completed(self) -> Checkpoint | None:
        """What was committed since the last call; None when nothing was.

        Raises:
            UnfitBatchError: Kafka rejects what was made of these records.
            KafkaError: nobody knows whether it is committed.
        """
        commit, in_flight = self._commit, self._in_flight
        if commit is None or in_flight is None or not commit.done():
            return None
        self._commit = None
        try:
            commit.result()
        except REJECTED_OUTPUT as rejection:
            raise (BatchFailedError(in_flight.records) if in_flight.records else rejection) from rejection
        self._in_flight = None
        return in_flight

    async def wait(self) -> None:
        """Until no transaction is on its way; one is given up when this is cancelled."""
        if self._commit is None:
            return
        try:
            await asyncio.wait([self._commit])
        except asyncio.CancelledError:
            self._commit.cancel()
            raise

    def abandon(self) -> None:
        """Wait for nothing any more; the next owner's fence settles what is on its way."""
        if self._commit is not None:
            self._commit.cancel()

    def unacknowledged(self) -> Iterator[Sequence[Record]]:
        """The records that are not known to be committed, the later ones first."""
        for checkpoint in (self.open, self._in_flight):
            if checkpoint is not None:
                yield checkpoint.records
        self._in_flight = self._commit = None

    async def stop(self) -> None:
        """Let go of the producer. Whatever it leaves unfinished is the next fence's business."""
        with suppress(Exception):
            await asyncio.wait_for(self._transactions.stop(), STOP_SECONDS)
