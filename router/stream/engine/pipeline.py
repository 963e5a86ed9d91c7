"""The transactions of an open task: one checkpoint is filled while the one before it commits.

At most one transaction is in flight. Nothing is retried after a failure: the stream task puts the unacknowledged records back
and opens again with another pipeline. Docs: docs/explanation/exactly-once.md.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from aiokafka import TopicPartition
from aiokafka.errors import (
    InvalidMessageError,
    InvalidTimestampError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
)

from router.kafka.cancellation import own_cancellation
from router.stream.engine.checkpoint import Checkpoint
from router.stream.engine.poison_isolation import BatchFailedError
from router.stream.engine.transaction import Transactions

REJECTED_OUTPUT = (MessageSizeTooLargeError, RecordListTooLargeError, InvalidTimestampError, InvalidMessageError)
"""Kafka's errors for an output that is itself invalid."""
STOP_SECONDS = 3.0


class Pipeline:
    """Fills one checkpoint while the transaction of another is in flight.

    Args:
        transactions: of the stream task; fenced.
        on_end: called when a transaction has ended, whether it committed or failed.
    """

    def __init__(self, transactions: Transactions, on_end: Callable[[], None]) -> None:
        self._transactions, self._on_end = transactions, on_end
        self.open = transactions.checkpoint()
        """Folded records whose transaction has not begun."""
        self._in_flight: Checkpoint | None = None
        """The checkpoint whose transaction has begun and is not known to have committed."""
        self._commit: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether a transaction is in flight, or its result was not collected yet."""
        return self._commit is not None

    def records_of(self, source: TopicPartition) -> int:
        """Number of records of an input partition that are folded and not known to be committed."""
        in_flight = self._in_flight
        return len(self.open.records_of(source)) + (len(in_flight.records_of(source)) if in_flight is not None else 0)

    def begin(self, store_offsets: Callable[[Checkpoint], None]) -> bool:
        """Begin the next transaction, unless one is in flight or there is nothing to commit.

        Args:
            store_offsets: writes the input offsets into the checkpoint.

        Returns:
            Whether a transaction began.
        """
        if self.busy or self.open.empty:
            return False
        self._in_flight, self.open = self.open, self._transactions.checkpoint()
        store_offsets(self._in_flight)
        self._in_flight.begun = time.monotonic()
        self._commit = asyncio.create_task(self._transactions.commit(self._in_flight))
        self._commit.add_done_callback(lambda _: self._on_end())
        return True

    def completed(self) -> Checkpoint | None:
        """The checkpoint that was committed since the last call, or None.

        Raises:
            BatchFailedError: Kafka rejects the outputs of these records.
            KafkaError: it is unknown whether the transaction committed.
        """
        commit, in_flight = self._commit, self._in_flight
        if commit is None or in_flight is None or not commit.done():
            return None
        self._commit = None
        try:
            commit.result()
        except REJECTED_OUTPUT as rejection:
            raise (BatchFailedError(in_flight.batches) if in_flight.batches else rejection) from rejection
        self._in_flight = None
        return in_flight

    async def wait(self) -> None:
        """Wait until no transaction is in flight; cancelling the wait cancels the transaction."""
        if self._commit is None:
            return
        try:
            await asyncio.wait([self._commit])
        except asyncio.CancelledError:
            self._commit.cancel()
            raise

    def abandon(self) -> None:
        """Stop waiting for the transaction in flight; the next owner's fence settles it."""
        if self._commit is not None:
            self._commit.cancel()

    def unacknowledged(self) -> Iterator[Checkpoint]:
        """The checkpoints that are not known to be committed, the later one first."""
        for checkpoint in (self.open, self._in_flight):
            if checkpoint is not None:
                yield checkpoint
        self._in_flight = self._commit = None

    async def stop(self) -> None:
        """Close the producer; the next fence settles an unfinished transaction."""
        with suppress(Exception), own_cancellation():
            await asyncio.wait_for(self._transactions.stop(), STOP_SECONDS)
