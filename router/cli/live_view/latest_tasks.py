"""The latest tasks of the departments' topics. Reads the ends of the partitions only."""

from collections.abc import Iterable

from kafka import KafkaConsumer, TopicPartition

from router.domain.model.task import Task
from router.wire.codec import UNREADABLE, decode_task

ANSWER_MS = 2000
WINDOW = 40
"""Number of offsets to look back per partition. Transaction markers take some of them."""


class LatestTasks:
    """Follows the ends of the task topics with one consumer."""

    def __init__(self, consumer: KafkaConsumer, topics: Iterable[str]) -> None:
        self._consumer = consumer
        self._partitions = [
            TopicPartition(topic, number) for topic in topics for number in sorted(consumer.partitions_for_topic(topic))
        ]
        self._read: dict[TopicPartition, int] = dict(consumer.beginning_offsets(self._partitions))
        consumer.assign(self._partitions)
        consumer.pause(*self._partitions)

    def tasks(self, timeout_ms: int = 200) -> list[Task]:
        """The tasks since the last call, at most about `WINDOW` per partition, in order of dispatch.

        Raises:
            KafkaError: the broker does not answer.
        """
        ends = self._consumer.end_offsets(self._partitions, timeout_ms=ANSWER_MS)
        advanced = [tp for tp in self._partitions if ends[tp] > self._read[tp]]
        if not advanced:
            return []
        for tp in advanced:
            self._consumer.seek(tp, max(self._read[tp], ends[tp] - WINDOW))
            self._consumer.resume(tp)
        tasks: list[Task] = []
        while batch := self._consumer.poll(timeout_ms=timeout_ms):
            for tp, records in batch.items():
                tasks += [task for record in records if (task := _task(record.value)) is not None]
                self._read[tp] = records[-1].offset + 1
            if all(self._consumer.position(tp) >= ends[tp] for tp in advanced):
                break
        for tp in advanced:
            # a fetch may be slower than the poll; the next call reads the rest
            self._read[tp] = max(self._read[tp], self._consumer.position(tp))
        self._consumer.pause(*advanced)
        return sorted(tasks, key=lambda task: task.dispatched_at)


def _task(value: bytes | None) -> Task | None:
    try:
        return None if value is None else decode_task(value)
    except UNREADABLE:
        return None
