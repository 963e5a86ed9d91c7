"""The transactions of one input partition: outputs and input offset commit together, or neither does.

    1. begin       2. send the outputs, the state and the input offset in record batches
    3. wait for every acknowledgement       4. commit

The input offset is a record of the router, not one of the group coordinator: docs/adr/0008-offsets-stored-with-the-state.md.

The transactional id belongs to the input partition, not to the worker. So a worker that opens a partition fences the one
that owned it before. Docs: docs/explanation/exactly-once.md.
"""

from aiokafka import TopicPartition

from router.kafka.transactional_producer import TransactionalProducer
from router.stream.engine.checkpoint import Checkpoint

BATCH_BYTES = 3 << 20
"""Topics take 4 MiB. The second batch for a partition waits until the first is acknowledged, so one batch should hold all that
a transaction writes to one partition."""


class Transactions:
    """The transactional producer of one input partition.

    Args:
        bootstrap: `host:port` list of the cluster.
        group: the consumer group.
        source: the input partition. Group and partition make the transactional id.
    """

    def __init__(self, bootstrap: str, group: str, source: TopicPartition) -> None:
        self.source = source
        transactional_id = f"{group}-{source.topic}-{source.partition}"
        self._producer = TransactionalProducer(bootstrap, transactional_id, batch_bytes=BATCH_BYTES)

    async def fence(self) -> None:
        """Claim the partition: fence every earlier owner and abort its transaction. Raises KafkaError."""
        await self._producer.open()

    def checkpoint(self) -> Checkpoint:
        """An empty checkpoint, to fill while the one before it commits."""
        return Checkpoint(self._producer.writer())

    async def commit(self, checkpoint: Checkpoint) -> None:
        """Commit a checkpoint in one transaction.

        Raises:
            KafkaError: whether it was committed is not known; fence again and read the stored offset. This producer begins no
                other transaction.
        """
        await self._producer.begin()
        await self._producer.send(checkpoint.writer)
        await self._producer.commit()

    async def stop(self) -> None:
        """Close the connections. The next owner's fence aborts an open transaction, or its timeout does."""
        await self._producer.stop()
