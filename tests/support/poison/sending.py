"""Records on a real broker exactly as they are: header names that are no UTF-8, no key and no value, any codec of our own.

Ordinary producers cannot write these; systems of other makers can.
"""

from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from msgspec import Struct

from tests.support.poison.record import Headers

BATCH_BYTES = 1 << 20
RecordAddress = tuple[str, int, int]
"""Topic, partition, offset."""


class Sent(Struct, frozen=True, kw_only=True):
    """One record, and where it goes."""

    topic: str
    partition: int
    value: bytes | None
    key: bytes | None = None
    headers: Headers = ()


class _Name:
    """A header's name that is already bytes."""

    def __init__(self, name: str | bytes) -> None:
        self._name = name

    def encode(self, *_: str) -> bytes:
        """What the builder writes."""
        return self._name if isinstance(self._name, bytes) else self._name.encode()


class _Batch(BatchBuilder):  # type: ignore[misc]
    """A batch of aiokafka's builder in Python, which takes what its compiled one does not."""

    def __init__(self, codec: int, size: int = BATCH_BYTES) -> None:
        super().__init__(size, 0)
        self._builder = _DefaultRecordBatchBuilderPy(2, codec, 0, -1, -1, 0, size)


async def send(bootstrap: str, records: Sequence[Sent], codec: int = 0) -> list[RecordAddress]:
    """Write records; those of one partition keep their order.

    Args:
        bootstrap: address of the broker.
        records: each with its topic and partition.
        codec: number of the compression in the protocol: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd.

    Returns:
        Where each of them stands.
    """
    slots: dict[tuple[str, int], list[int]] = {}
    for number, record in enumerate(records):
        slots.setdefault((record.topic, record.partition), []).append(number)
    addresses: dict[int, RecordAddress] = {}
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", max_request_size=64 << 20, linger_ms=0)
    await producer.start()
    try:
        for (topic, partition), numbers in slots.items():
            for batch, members in _batches([(number, records[number]) for number in numbers], codec):
                written: Any = await (await producer.send_batch(batch, topic, partition=partition))
                addresses |= {number: (topic, partition, written.offset + at) for at, number in enumerate(members)}
    finally:
        await producer.stop()
    return [addresses[number] for number in range(len(records))]


def _batches(records: Sequence[tuple[int, Sent]], codec: int) -> list[tuple[_Batch, list[int]]]:
    batches: list[tuple[_Batch, list[int]]] = []
    for number, record in records:
        if not batches or not _append(batches[-1][0], record):
            batches.append((_Batch(codec), []))
            assert _append(batches[-1][0], record)
        batches[-1][1].append(number)
    return batches


def _append(batch: _Batch, record: Sent) -> bool:
    headers = [(_Name(name), value) for name, value in record.headers]
    return batch.append(timestamp=None, key=record.key, value=record.value, headers=headers) is not None
