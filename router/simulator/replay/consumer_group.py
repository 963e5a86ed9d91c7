"""The workers' consumer group, observed from outside: has every worker joined, is everything read."""

import time
from collections.abc import Sequence

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import RetriableError
from kafka.protocol.consumer.offsets import IsolationLevel, OffsetSpec


class ConsumerGroup:
    """Observes the workers' consumer group.

    Args:
        admin: of the same cluster as the consumer.
        consumer: without a group and without a subscription; it is reassigned here.
        name: of the group.
        sources: partitions of the networks' topics that the group reads.
        events: partitions of the grid stream.
    """

    def __init__(
        self,
        admin: KafkaAdminClient,
        consumer: KafkaConsumer,
        name: str,
        *,
        sources: Sequence[TopicPartition],
        events: Sequence[TopicPartition],
    ) -> None:
        self._admin, self._consumer, self._name = admin, consumer, name
        self._sources, self._events = sources, events

    def ready(self, workers: int) -> bool:
        """Whether all workers have joined and the group has assigned every partition."""
        try:
            group = self._admin.describe_groups([self._name])[self._name]
        except RetriableError:  # a broker that has just started has no coordinator yet
            return False
        return group["group_state"] == "Stable" and len(group["members"]) >= workers

    def finished(self) -> bool:
        """Whether the group has committed past every readable record, on both stages."""
        wanted = dict.fromkeys([*self._sources, *self._events], OffsetSpec.LATEST)
        try:
            committed = self._admin.list_group_offsets({self._name: None})[self._name]
            # not the consumer: kafka-python's leaves out partitions whose leader it has forgotten
            found = self._admin.list_partition_offsets(wanted, isolation_level=IsolationLevel.READ_COMMITTED)
        except RetriableError:
            return False
        position = {tp: there.offset for tp, there in committed.items()}
        ends = {tp: there.offset for tp, there in found.items()}
        if any(position.get(tp, 0) < ends[tp] for tp in self._sources):
            return False
        # transaction markers follow the last record of the grid stream, and no group commits past them
        behind = [tp for tp in self._events if position.get(tp, 0) < ends[tp]]
        return not behind or not self._records_left(behind, position, ends)

    def _records_left(
        self, behind: list[TopicPartition], position: dict[TopicPartition, int], ends: dict[TopicPartition, int]
    ) -> bool:
        self._consumer.assign(behind)
        for tp in behind:
            self._consumer.seek(tp, position.get(tp, 0))
        deadline = time.monotonic() + 5
        while any(self._consumer.position(tp) < ends[tp] for tp in behind):
            if self._consumer.poll(timeout_ms=200, max_records=1) or time.monotonic() > deadline:
                return True
        return False
