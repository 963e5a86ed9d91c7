"""The transactions of one task: its outputs and its input offsets commit together, or neither does.

    1. begin       2. send the outputs, the state and the input offsets in record batches
    3. wait for every acknowledgement       4. commit

An input offset is a record of the router, not one of the group coordinator: docs/adr/0008-offsets-stored-with-the-state.md.

The transactional id belongs to the stream task, not to the worker. So a worker that opens a stream task fences the one that owned it before.
Docs: docs/explanation/exactly-once.md.
"""

from contextlib import suppress

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from router.kafka.transactional_producer import TransactionalProducer
from router.stream.engine.checkpoint import Checkpoint
from router.stream.engine.stream_task_id import StreamTaskId

BATCH_BYTES = 3 << 20
"""Topics take 4 MiB. The second batch for a partition waits until the first is acknowledged, so one batch should hold all that
a transaction writes to one partition."""


class Transactions:
    """The transactional producer of one task.

    Args:
        bootstrap: `host:port` list of the cluster.
        group: the consumer group.
        task: group and task make the transactional id.
    """

    def __init__(self, bootstrap: str, group: str, task: StreamTaskId) -> None:
        self.task = task
        self._producer = TransactionalProducer(bootstrap, f"{group}-{task}", batch_bytes=BATCH_BYTES)
        self._bootstrap, self._group = bootstrap, group

    async def fence(self, *, predecessor: bool) -> None:
        """Claim the stream task: fence every earlier owner and abort its transaction. Raises KafkaError.

        Args:
            predecessor: whether to fence the owner of the stream task that the partition came from, too. That costs its present
                owner, which has the other topics, one reopening.
        """
        await self._producer.open()
        if predecessor and self.task.predecessor is not None:
            earlier_id = f"{self._group}-{self.task.predecessor}"
            earlier = TransactionalProducer(self._bootstrap, earlier_id, batch_bytes=BATCH_BYTES)
            try:
                await earlier.open()
            finally:
                with suppress(KafkaError):
                    await earlier.stop()

    def checkpoint(self) -> Checkpoint:
        """An empty checkpoint, to fill while the one before it commits."""
        return Checkpoint(self._producer.writer())

    async def commit(self, checkpoint: Checkpoint) -> None:
        """Commit a checkpoint in one transaction.

        Raises:
            KafkaError: whether it was committed is not known; fence again and read the stored offsets. This producer begins no
                other transaction.
        """
        await self._producer.begin()
        for written, (_, batch) in zip(
            await self._producer.send(checkpoint.writer), checkpoint.writer.batches, strict=True
        ):
            partition = TopicPartition(written.topic, written.partition)
            checkpoint.acknowledged[partition] = written.offset + batch.record_count()
        await self._producer.commit()

    async def stop(self) -> None:
        """Close the connections. The next owner's fence aborts an open transaction, or its timeout does."""
        await self._producer.stop()
