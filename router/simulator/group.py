"""The workers' consumer group seen from outside: has everybody joined, is everything read."""

import time
from collections.abc import Iterable

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import RetriableError

from router.wire.topics import Names


class Group:
    """The workers' consumer group, looked at from outside.

    Args:
        admin: of the same cluster as the consumer.
        consumer: without a group and without a subscription of its own: it is moved about.
        name: of the group.
        names: topic names of the deployment.
        networks: whose topics the group reads.
    """

    def __init__(
        self, admin: KafkaAdminClient, consumer: KafkaConsumer, name: str, names: Names, networks: Iterable[str]
    ) -> None:
        self._admin, self._consumer, self._name = admin, consumer, name
        self._sources = self._all(names.reports(network) for network in networks)
        self._events = self._all([names.events])

    def _all(self, topics: Iterable[str]) -> list[TopicPartition]:
        return [TopicPartition(t, p) for t in topics for p in sorted(self._consumer.partitions_for_topic(t) or ())]

    def ready(self, workers: int) -> bool:
        """Whether all workers have joined and shared the partitions among themselves."""
        try:
            group = self._admin.describe_groups([self._name])[self._name]
        except RetriableError:  # a broker that has just started has no coordinator yet
            return False
        return group["group_state"] == "Stable" and len(group["members"]) >= workers

    def finished(self) -> bool:
        """Whether the group has committed past everything there is to read, on both hops."""
        try:
            committed = self._admin.list_group_offsets({self._name: None})[self._name]
        except RetriableError:
            return False
        position = {tp: there.offset for tp, there in committed.items()}
        ends = self._consumer.end_offsets([*self._sources, *self._events])
        if any(position.get(tp, 0) < ends[tp] for tp in self._sources):
            return False
        # behind the last record of the grid stream stand the markers of transactions, which nobody can commit
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
