"""Reads one topic again from an instant, outside of any consumer group: nothing is committed."""

from collections.abc import Generator, Iterator
from datetime import datetime

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from router.client.connection import Connection, open_consumer
from router.client.patience import BrokerPatience
from router.client.records import Record
from router.client.stopping import StopRequest
from router.client.subscription import require_topic
from router.kafka.topic_reader import Bounds, bounds_since, follow, read_range
from router.kafka.unpacking import UnpackError
from router.wire.errors import BrokerError

POLL_MS = 300


class Replay:
    """The records of a topic from an instant on, merged by Kafka's time.

    Args:
        connection: of the department.
        topic: to read.
        since: Kafka's time of the first record.
        following: whether to wait for what comes after the present end.
        stop: set when the client is stopped.
    """

    def __init__(
        self, connection: Connection, *, topic: str, since: datetime, following: bool, stop: StopRequest
    ) -> None:
        self._connection, self._topic, self._since = connection, topic, since
        self._following, self._stop = following, stop
        self._bounds: dict[TopicPartition, Bounds] | None = None

    def records(self) -> Generator[Record, None, None]:
        """Each record once. A cluster that does not answer is waited for, and the reading goes on where it was.

        Raises:
            TopicError: there is no such topic.
            BrokerError: the cluster denies access, or does not answer for longer than the connection allows.
        """
        patience = BrokerPatience(self._connection, self._stop)
        while not self._stop.is_set():
            try:
                yield from self._attempt()
            except (KafkaError, UnpackError) as error:
                patience.failed(error, let_in=self._bounds is not None)
            except BrokerError as error:  # records exist, but none arrives
                patience.failed(KafkaError(str(error)), let_in=self._bounds is not None)
            else:
                return

    def _attempt(self) -> Iterator[Record]:
        consumer = open_consumer(self._connection, None)
        try:
            if self._bounds is None:
                require_topic(consumer, self._topic, self._connection)
                self._bounds = bounds_since(consumer, self._topic, self._since)
            yield from self._counted(self._records(consumer, self._bounds), self._bounds)
        finally:
            consumer.close(autocommit=False, timeout_ms=1000)

    def _records(self, consumer: KafkaConsumer, bounds: dict[TopicPartition, Bounds]) -> Iterator[Record]:
        yield from read_range(consumer, bounds)
        if self._following:
            for records in follow(consumer, {tp: bound.start for tp, bound in bounds.items()}, timeout_ms=POLL_MS):
                if self._stop.is_set():
                    return
                yield from records

    def _counted(self, records: Iterator[Record], bounds: dict[TopicPartition, Bounds]) -> Iterator[Record]:
        """The records, and where another attempt would begin."""
        for record in records:
            if self._stop.is_set():
                return
            tp = TopicPartition(record.topic, record.partition)
            bounds[tp] = Bounds(start=record.offset + 1, end=max(bounds[tp].end, record.offset + 1))
            if record.timestamp >= self._since.timestamp() * 1000:
                yield record
