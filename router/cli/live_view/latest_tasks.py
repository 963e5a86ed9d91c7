"""The last tasks on the departments' topics: a look at the ends, not a reading of everything."""

from collections.abc import Iterable

import msgspec
from kafka import KafkaConsumer, TopicPartition

from router.domain.model.task import Task
from router.wire.codec import decode_task

ANSWER_MS = 2000
WINDOW = 40
"""Offsets looked back per partition; the markers of transactions take some of them."""


class Recent:
    """Follows the ends of the tasks' topics with one consumer."""

    def __init__(self, consumer: KafkaConsumer, topics: Iterable[str]) -> None:
        self._consumer = consumer
        self._partitions = [
            TopicPartition(topic, number) for topic in topics for number in sorted(consumer.partitions_for_topic(topic))
        ]
        self._read: dict[TopicPartition, int] = dict(consumer.beginning_offsets(self._partitions))
        consumer.assign(self._partitions)
        consumer.pause(*self._partitions)

    def tasks(self, timeout_ms: int = 200) -> list[Task]:
        """The tasks that came since the last look, at most about `WINDOW` a partition, in order of their dispatch.

        Raises:
            KafkaError: the broker is away.
        """
        ends = self._consumer.end_offsets(self._partitions, timeout_ms=ANSWER_MS)
        moved = [tp for tp in self._partitions if ends[tp] > self._read[tp]]
        if not moved:
            return []
        for tp in moved:
            self._consumer.seek(tp, max(self._read[tp], ends[tp] - WINDOW))
            self._consumer.resume(tp)
        found = []
        while batch := self._consumer.poll(timeout_ms=timeout_ms):
            for tp, records in batch.items():
                found += [task for record in records if (task := _task(record.value)) is not None]
                self._read[tp] = records[-1].offset + 1
            if all(self._consumer.position(tp) >= ends[tp] for tp in moved):
                break
        for tp in moved:
            # a fetch may be slower than the poll; then the rest is read in the next look
            self._read[tp] = max(self._read[tp], self._consumer.position(tp))
        self._consumer.pause(*moved)
        return sorted(found, key=lambda task: task.dispatched_at)


def _task(value: bytes | None) -> Task | None:
    try:
        return None if value is None else decode_task(value)
    except msgspec.MsgspecError:
        return None
