"""Where a stopped feed goes on: told by the last records of the networks' own topics, not by a file that may be wrong."""

from collections.abc import Iterable, Mapping, Sequence

from kafka import KafkaConsumer, TopicPartition

from router.kafka.topic_reader import Bounds, read_range
from router.simulator.messages import SourceMessage
from router.wire.partitioning import partition_for_key
from router.wire.topics import Names

Slot = tuple[str, int]
"""Topic and partition."""
LOOK_BACK = 100
"""Records read from each partition's end: the feed's last one stands there unless others write to the topic too."""


def last_keys(consumer: KafkaConsumer, topics: Iterable[str]) -> dict[Slot, list[bytes]]:
    """The keys of the last records of each partition, newest first.

    Raises:
        BrokerError: the broker does not send them.
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
    """The messages that no topic holds yet, in their order.

    A partition holds its messages in the feed's order, so all up to the furthest known key are there. A key that the feed
    sends twice counts as its first sending: a second redelivery does no harm, a gap would.
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
