"""Sends answers: stored by all replicas in sync before it says so, and sent again under the same id until they are."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from threading import Lock
from typing import NamedTuple

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError

from router.client.connection import DELIVERY_MS, Connection, open_consumer, open_producer
from router.client.patience import BrokerPatience
from router.client.stopping import StopRequest
from router.wire.errors import BrokerError, TopicError
from router.wire.security import unseen

CLOSE_S = 2
PART = 500
"""Records on the way at once: 128 MiB at most, as a report has 256 KiB."""


class KeyedRecord(NamedTuple):
    """What is sent."""

    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


class Sender:
    """One producer for all answers of a client. Any thread may send.

    Args:
        connection: of the department.
        stop: set when the client is stopped.
    """

    def __init__(self, connection: Connection, stop: StopRequest) -> None:
        self._connection, self._stop = connection, stop
        self._producer: KafkaProducer | None = None
        self._let_in = False
        self._lock = Lock()

    def send(
        self, topic: str, key: bytes, value: bytes, headers: list[tuple[str, bytes]] | None = None
    ) -> tuple[int, int]:
        """Send one record, and wait until Kafka has stored it. As `send_all`."""
        return self.send_all(topic, [KeyedRecord(key, value, headers or [])])[0]

    def send_all(self, topic: str, records: Sequence["KeyedRecord"]) -> list[tuple[int, int]]:
        """Send records, and wait until Kafka has stored all of them. Those of one key keep their order.

        An attempt whose outcome is not known is made again. The router drops a second record of the same id and content.

        Returns:
            Partition and offset of each.

        Raises:
            TopicError: the topic does not exist.
            BrokerError: the cluster denies access, does not answer for longer than the connection allows, or the client was stopped.
        """
        return [place for part in _parts(records) for place in self._send_part(topic, part)]

    def _send_part(self, topic: str, part: Sequence["KeyedRecord"]) -> list[tuple[int, int]]:
        """Records of different keys."""
        patience = BrokerPatience(self._connection, self._stop)
        stored: dict[bytes, tuple[int, int]] = {}
        while len(stored) < len(part):
            producer = None
            try:
                producer = self._open()
                left = [one for one in part if one.key not in stored]
                sent = [
                    (one.key, producer.send(topic, key=one.key, value=one.value, headers=one.headers)) for one in left
                ]
                for key, acknowledgement in sent:
                    place = acknowledgement.get(timeout=DELIVERY_MS / 1000)
                    stored[key] = (place.partition, place.offset)
                    self._let_in = True
            except KafkaError as error:
                self._close(producer)
                self._reject_absent(topic, error)
                if self._stop.is_set():
                    raise _stopped(self._connection) from error
                patience.failed(error, let_in=self._let_in)
        return [stored[one.key] for one in part]

    def close(self) -> None:
        """Close the connection."""
        self._close(self._producer)

    def _open(self) -> KafkaProducer:
        with self._lock:
            if self._producer is None:
                self._producer = open_producer(self._connection)
            return self._producer

    def _close(self, failed: KafkaProducer | None) -> None:
        if failed is None:
            return
        with self._lock:
            self._producer = None if failed is self._producer else self._producer
        with suppress(Exception):  # a broker that is down cannot be notified
            failed.close(timeout=CLOSE_S, null_logger=True)

    def _reject_absent(self, topic: str, error: KafkaError) -> None:
        """Raise TopicError when the cluster answers and does not have the topic: a producer only says that it waited."""
        if not isinstance(error, KafkaTimeoutError):
            return
        try:
            consumer = open_consumer(self._connection, None)
        except KafkaError:
            return
        try:
            existing = set(consumer.topics())
        except KafkaError:
            return
        finally:
            consumer.close(autocommit=False, timeout_ms=1000)
        if topic not in existing:
            raise TopicError(
                f"there is no such topic{unseen(self._connection.user)}",
                where=topic,
                hint="`grid-router topics apply CITY` makes it",
            )


def _parts(records: Sequence[KeyedRecord]) -> Iterator[list[KeyedRecord]]:
    """The records in parts that have each key once, at most `PART` in each."""
    part: dict[bytes, KeyedRecord] = {}
    for one in records:
        if one.key in part or len(part) == PART:
            yield list(part.values())
            part = {}
        part[one.key] = one
    if part:
        yield list(part.values())


def _stopped(connection: Connection) -> BrokerError:
    return BrokerError(
        "the answer was not stored before the client was stopped",
        where=connection.kafka,
        hint="give the same answer again after the restart; it counts once",
    )
