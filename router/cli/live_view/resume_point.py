"""Finds where a stopped feed continues, from the last records of the networks' topics. A file could be outdated."""

from collections.abc import Iterable, Mapping, Sequence

from kafka import KafkaConsumer, TopicPartition

from router.kafka.topic_reader import Bounds, read_range
from router.simulator.messages import SourceMessage
from router.wire.partitioning import partition_for_key
from router.wire.topic_names import Names

Slot = tuple[str, int]
"""Topic and partition."""
LOOK_BACK = 100
"""Number of records to read from each partition's end. Other producers may have written after the feed."""


def last_keys(consumer: KafkaConsumer, topics: Iterable[str]) -> dict[Slot, list[bytes]]:
    """The keys of the last records of each partition, newest first.

    Raises:
        BrokerError: the broker does not send the records.
    """
    partitions = [TopicPartition(t, p) for t in topics for p in sorted(consumer.partitions_for_topic(t))]
    begins, ends = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
    bounds = {tp: Bounds(start=max(begins[tp], ends[tp] - LOOK_BACK), end=ends[tp]) for tp in partitions}
    keys: dict[Slot, list[bytes]] = {}
    for record in read_range(consumer, bounds):
        if record.key is not None:
            keys.setdefault((record.topic, record.partition), []).insert(0, record.key)
    return keys


def unsent(
    messages: Sequence[SourceMessage], last: Mapping[Slot, Sequence[bytes]], names: Names, partitions: int
) -> list[SourceMessage]:
    """The messages that are not in a topic yet, in their order.

    A partition has its messages in the feed's order, so all messages up to the furthest known key are in it. If the feed
    sends a key twice, the first message counts: a redelivery is harmless, a gap is not.
    """
    slots = [_slot(message, names, partitions) for message in messages]
    first: dict[tuple[Slot, bytes], int] = {}
    for index, (slot, message) in enumerate(zip(slots, messages, strict=True)):
        first.setdefault((slot, message.source_id.encode()), index)
    reached = {
        slot: max((first[slot, key] for key in keys if (slot, key) in first), default=-1) for slot, keys in last.items()
    }
    return [m for index, (slot, m) in enumerate(zip(slots, messages, strict=True)) if index > reached.get(slot, -1)]


def _slot(message: SourceMessage, names: Names, partitions: int) -> Slot:
    return names.reports(message.network), partition_for_key(message.source_id.encode(), partitions)
