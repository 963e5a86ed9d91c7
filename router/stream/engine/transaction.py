"""What commits together: a batch's outputs and the input position behind it, or none of both.

    1. begin       2. outputs of the fold, in record batches, and beside the state the position of the input partition
    3. every batch acknowledged       4. commit

The position is a record of ours, not one of the group's coordinator: docs/adr/0008-the-position-is-ours.md.

What does so is a checkpoint. It is filled before its transaction begins, while the one before it commits.

The transactional id belongs to the input partition, not to the worker, so opening a partition fences whoever held
it before. Docs: docs/exactly-once.md.
"""

import asyncio
import time
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer, TopicPartition

from router.stream.engine.batch_writer import Writer
from router.stream.engine.processor import Counted, Record

TRANSACTION_TIMEOUT_MS = 30_000
"""After this the broker aborts a transaction whose worker went silent: how long a dead worker can hold back readers."""
BATCH_BYTES = 3 << 20
"""Topics take 4 MiB. A second batch for a partition waits until the first is acknowledged, so one must hold what a transaction
writes to one partition."""
RETRY_BACKOFF_MS = 5
"""The broker answers ConcurrentTransactions until the last markers are written, a few ms; aiokafka waits 100 by default."""


MAX_LINGER_S = 1.0
"""What is folded waits no longer for more before its transaction begins: in a backlog readers would see nothing of a partition until
thousands of records of it, and of all others in turn, are folded."""


class Checkpoint:
    """Records that were folded and what that gave: outputs, and what is to be counted once they are committed.

    Args:
        writer: holds the outputs.
    """

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.records: list[Record] = []
        self.bytes = 0
        """Of the records' values."""
        self._since: float | None = None
        """When the first of them was added."""
        self.counted: list[Counted] = []
        self.ticked = False
        self.begun = time.monotonic()
        """When its transaction began."""

    def add(self, records: Sequence[Record], size: int) -> None:
        """Add folded records, whose values have `size` bytes."""
        if self._since is None:
            self._since = time.monotonic()
        self.records += records
        self.bytes += size

    @property
    def linger_expired(self) -> bool:
        """Whether what it holds has waited long enough for more."""
        return self._since is not None and time.monotonic() - self._since >= MAX_LINGER_S

    @property
    def empty(self) -> bool:
        """Whether there is nothing to commit."""
        return not self.records and not self.ticked

    @property
    def position(self) -> int | None:
        """The next offset to read, None when only a tick is written."""
        return self.records[-1].offset + 1 if self.records else None


class Transactions:
    """The transactional producer of one input partition.

    Args:
        bootstrap: `host:port` list of the cluster.
        group: the consumer group.
        source: the input partition; with the group it makes the transactional id.
    """

    def __init__(self, bootstrap: str, group: str, source: TopicPartition) -> None:
        self._source = source
        self._producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap,
            transactional_id=f"{group}-{source.topic}-{source.partition}",
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
            acks="all",
            linger_ms=0,
            max_batch_size=BATCH_BYTES,
            retry_backoff_ms=RETRY_BACKOFF_MS,
        )

    async def fence(self) -> None:
        """Claim the partition: aborts the transaction of any earlier owner and shuts that owner out (InitProducerId)."""
        await self._producer.start()

    def checkpoint(self) -> Checkpoint:
        """An empty one, to be filled while the one before it commits."""
        return Checkpoint(Writer(self._producer))

    async def commit(self, checkpoint: Checkpoint) -> None:
        """Run one transaction.

        Raises:
            KafkaError: nothing may be assumed; fence again and read the noted position.
        """
        producer = self._producer
        await producer.begin_transaction()
        acknowledged = await checkpoint.writer.send()
        for batch in acknowledged:
            batch.add_done_callback(_ignore_exception)
        if acknowledged:
            await asyncio.gather(*acknowledged)
        await producer.commit_transaction()

    async def stop(self) -> None:
        """Let go of the connection; an unfinished transaction is aborted by the next owner's fence or by time."""
        try:
            await self._producer.stop()
        finally:
            # a fenced producer's `stop` raises before it closes its sockets, and one that was cut short sends on for ever
            sending = self._producer._sender._sender_task  # noqa: SLF001
            if sending is not None:
                sending.cancel()
            await self._producer.client.close()


def _ignore_exception(batch: "asyncio.Future[object]") -> None:
    """A transaction that fails raises once; that its other batches fail too is no news."""
    if not batch.cancelled():
        batch.exception()
