"""Writes restored records: in their order, with their timestamps, from the offset on that they are to have."""

from collections.abc import Iterable
from typing import Self

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from router.backup.record_files import CopiedRecord
from router.kafka.reconnecting import reconnect_options

BATCH_BYTES = 1 << 20
LARGEST_BYTES = 96 << 20
"""Below the 100 MB that a broker takes in one request. The largest record of a deployment is 32 MiB."""
ON_THE_WAY = 16
"""Batches without an acknowledgement."""
GZIP = 1
"""Number of the codec in a batch (Kafka's protocol)."""
FILLER_RECORDS = 500_000
"""In one batch: 4 MB that gzip packs into 10 KB."""
FILLER_BYTES = 32 << 20


class LogWriter:
    """Writes to partitions of new topics. A context manager; use it in the event loop that runs it.

    Args:
        bootstrap: `host:port` list of the cluster.
    """

    def __init__(self, bootstrap: str) -> None:
        self._producer = AIOKafkaProducer(
            **reconnect_options(bootstrap),
            acks="all",
            enable_idempotence=True,  # an attempt that is made again writes nothing twice
            max_batch_size=BATCH_BYTES,
            max_request_size=LARGEST_BYTES,
        )

    async def __aenter__(self) -> Self:
        await self._producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()

    async def fill(self, topic: str, partition: int, records: int) -> None:
        """Write records without content, so that the next one gets a later offset, and wait until all replicas in sync have them.

        The caller deletes them.

        Raises:
            KafkaError: the cluster does not take them.
        """
        while records:
            count = min(records, FILLER_RECORDS)
            builder = BatchBuilder(FILLER_BYTES, GZIP)
            for _ in range(count):
                builder.append(timestamp=0, key=None, value=b"")
            await self._send(builder, topic, partition, pending := list[object]())
            await _acknowledged(pending)  # one at a time: each is large before it is packed
            records -= count

    async def write(self, topic: str, partition: int, records: Iterable[CopiedRecord]) -> None:
        """Write records in their order, and wait until all replicas in sync have them. Raises KafkaError."""
        pending: list[object] = []
        builder = self._producer.create_batch()
        for one in records:
            while builder.append(timestamp=one.timestamp, key=one.key, value=one.value, headers=one.headers) is None:
                await self._send(builder, topic, partition, pending)
                builder = self._producer.create_batch()
        if builder.record_count():
            await self._send(builder, topic, partition, pending)
        await _acknowledged(pending)

    async def _send(self, builder: BatchBuilder, topic: str, partition: int, pending: list[object]) -> None:
        pending.append(await self._producer.send_batch(builder, topic, partition=partition))
        if len(pending) >= ON_THE_WAY:
            await _acknowledged(pending)


async def _acknowledged(pending: list[object]) -> None:
    """Wait for every batch on the way; then the list is empty."""
    for acknowledgement in pending:
        await acknowledgement  # type: ignore[misc]
    pending.clear()
