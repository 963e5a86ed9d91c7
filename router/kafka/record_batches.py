"""Records into record batches: about 1 us a record, where an awaited `send` of aiokafka costs 9 us."""

import asyncio
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import RecordMetadata

from router.kafka.internals import append_record

Slot = tuple[str, int]
"""Topic and partition."""
RecordHeaders = list[tuple[str, bytes]]
NO_HEADERS: RecordHeaders = []


def append(builder: BatchBuilder, key: bytes | None, value: bytes | None, headers: RecordHeaders) -> bool:
    """Append a record to a batch; False when the batch is full and did not take it.

    aiokafka drops a record that does not fit, and reports that by its return value alone. It always takes the first record
    of a batch, whatever its size.

    Raises:
        RuntimeError: an empty batch did not take the record.
    """
    if append_record(builder, key, value, headers):
        return True
    if builder.record_count() == 0:
        raise RuntimeError("an empty record batch rejected a record")
    return False


class Writer:
    """Collects the records of one transaction, with one open batch a topic partition.

    Args:
        producer: that will send the batches.
    """

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._full: list[tuple[Slot, BatchBuilder]] = []
        self._open: dict[Slot, BatchBuilder] = {}

    def add(
        self,
        topic: str,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        headers: RecordHeaders | None = None,
    ) -> None:
        """Add one record. A full batch is kept, and the record begins the next one."""
        slot = (topic, partition)
        builder = self._open.get(slot)
        if builder is None:
            builder = self._open[slot] = self._producer.create_batch()
        elif append_record(builder, key, value, headers or NO_HEADERS):
            return
        else:
            self._full.append((slot, builder))
            builder = self._open[slot] = self._producer.create_batch()
        append(builder, key, value, headers or NO_HEADERS)

    @property
    def batches(self) -> list[tuple[Slot, BatchBuilder]]:
        """All batches, those of one partition in the order of their records."""
        return [*self._full, *self._open.items()]

    async def send(self) -> list["asyncio.Future[RecordMetadata]"]:
        """Send all batches. Each future ends when the broker has acknowledged its batch."""
        batches = self.batches
        await self._request_metadata({topic for (topic, _), _ in batches})
        return [
            await self._producer.send_batch(builder, topic, partition=partition)
            for (topic, partition), builder in batches
        ]

    async def _request_metadata(self, topics: set[str]) -> None:
        """Learn the leaders of new topics in one round. Otherwise each batch would request its own topic, one by one."""
        client: Any = self._producer.client
        new = topics - client.cluster.topics()
        if new:
            await asyncio.gather(*[client.add_topic(topic) for topic in new])
