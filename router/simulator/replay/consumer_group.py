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
        try:
            return not self.lags()
        except RetriableError:
            return False

    def lags(self) -> dict[TopicPartition, int]:
        """Offsets between what the group has committed and the last readable record, of each partition that has some.

        Raises:
            RetriableError: the cluster does not answer now.
        """
        wanted = dict.fromkeys([*self._sources, *self._events], OffsetSpec.LATEST)
        committed = self._admin.list_group_offsets({self._name: None})[self._name]
        # not the consumer: kafka-python's leaves out partitions whose leader it has forgotten
        found = self._admin.list_partition_offsets(wanted, isolation_level=IsolationLevel.READ_COMMITTED)
        position = {tp: there.offset for tp, there in committed.items()}
        ends = {tp: there.offset for tp, there in found.items()}
        lags = {tp: end - position.get(tp, 0) for tp, end in ends.items() if position.get(tp, 0) < end}
        # transaction markers follow the last record of the grid stream, and no group commits past them
        events = [tp for tp in self._events if tp in lags]
        if len(events) == len(lags) and events and not self._records_left(events, position, ends):
            return {}
        return lags

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
