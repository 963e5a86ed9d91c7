"""Reads one topic as a member of a consumer group: every record at least once, until it is acknowledged.

 poll ──▶ waiting ──▶ handed out ──▶ acknowledged ──▶ committed
            │              │
            └──────────────┴── revoked, or the client ends: another member gets it

About `MOST` records are waiting or handed out at most. A slow department polls as well, one record at a time: so it stays a member of its
group, and holds a bounded number of bytes.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Generator, Hashable, Iterator
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from typing import Generic, NamedTuple, TypeVar

from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import KafkaError

from router.client.connection import Connection, open_consumer
from router.client.outstanding import OutstandingRecords, RecentMarks
from router.client.patience import BrokerPatience
from router.client.records import Record
from router.client.stopping import StopRequest
from router.kafka.unpacking import UnpackError
from router.wire.errors import TopicError

MOST = 1000
"""Records that are waiting or handed out."""
BATCH = 100
"""Records of one poll."""
REMEMBERED = 20_000
"""Marks of acknowledged records, so that they are recognised after a rebalance: 5 MB."""
POLL_MS, HELD_POLL_MS = 300, 0
"""How long a stop may have to wait for a poll."""
POLL_AT_LEAST_S = 15.0
"""A member that does not poll for five minutes leaves its group. So this polls while records wait, too."""
COMMIT_MS, CLOSE_MS = 3000, 2000
"""A client that is stopped while the cluster is away ends in less than ten seconds, the usual time before it is killed."""
WARN_EVERY_S = 60.0
FULL_S = 0.1
T = TypeVar("T")
log = logging.getLogger("router.client")


class Waiting(NamedTuple):
    """A record that was polled."""

    record: Record
    outstanding: OutstandingRecords


class Handed(NamedTuple, Generic[T]):
    """What a record says, and how its department acknowledges it."""

    said: T
    acknowledge: Callable[[], None]


class Subscription(Generic[T]):
    """The records of a topic for a consumer group.

    Args:
        connection: of the department.
        topic: to read.
        group: of the department's system; its members share the partitions.
        stop: set when the client is stopped.
        read: what a record says; None: nothing for this department, and it counts as acknowledged.
        mark: what makes a record one, so that it is recognised when it is read again.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        topic: str,
        group: str,
        stop: StopRequest,
        read: Callable[[Record], T | None],
        mark: Callable[[T], Hashable],
    ) -> None:
        self._connection, self._topic, self._group, self._stop = connection, topic, group, stop
        self._read, self._mark = read, mark
        self._recent = RecentMarks(REMEMBERED)
        self._partitions: dict[TopicPartition, OutstandingRecords] = {}
        self._waiting: deque[Waiting] = deque()
        self._revoked: deque[TopicPartition] = deque()
        self._polled_at = self._warned_at = time.monotonic()

    def records(self) -> Generator[Handed[T], None, None]:
        """What is not acknowledged yet, then what comes, until the client is stopped. Waits for a cluster that does not answer.

        Raises:
            TopicError: there is no such topic.
            BrokerError: the cluster denies access, or does not answer for longer than the connection allows.
        """
        patience = BrokerPatience(self._connection, self._stop)
        while not self._stop.is_set():
            try:
                with self._member() as consumer:
                    yield from self._hand_out(consumer)
            except (KafkaError, UnpackError) as error:
                patience.failed(error)

    @contextmanager
    def _member(self) -> Iterator[KafkaConsumer]:
        consumer = open_consumer(self._connection, self._group)
        try:
            require_topic(consumer, self._topic, self._connection)
            consumer.subscribe([self._topic], listener=_Listener(self._revoked))
            yield consumer
            self._commit(consumer)
        except GeneratorExit:  # the department's loop has ended, by `break` or an exception
            self._commit(consumer)
            raise
        finally:
            for partition in list(self._partitions):
                self._forget(partition)
            with suppress(KafkaError):
                consumer.close(autocommit=False, timeout_ms=CLOSE_MS)

    def _hand_out(self, consumer: KafkaConsumer) -> Generator[Handed[T], None, None]:
        while not self._stop.is_set():
            held = bool(self._waiting) or self._is_full()
            if not held or time.monotonic() - self._polled_at >= POLL_AT_LEAST_S:
                self._commit(consumer)  # before a rebalance, which only a poll begins
                self._poll(consumer, held=held)
            if self._waiting:
                handed = self._next(*self._waiting.popleft())
                if handed is not None:
                    yield handed
            elif held:
                self._stop.wait(FULL_S)

    def _next(self, record: Record, outstanding: OutstandingRecords) -> Handed[T] | None:
        """What a record says, unless it was acknowledged before."""
        offset, said = record.offset, self._read(record)
        if said is None:
            outstanding.acknowledge(offset)
            return None
        mark = self._mark(said)
        if mark in self._recent:
            outstanding.acknowledge(offset)
            return None

        def acknowledge() -> None:
            self._recent.add(mark)
            outstanding.acknowledge(offset)

        return Handed(said, acknowledge)

    def _poll(self, consumer: KafkaConsumer, *, held: bool) -> None:
        """Take records. While some are held, take one at most: a pause would do, but kafka-python 3.0 may not end it."""
        polled = consumer.poll(timeout_ms=HELD_POLL_MS if held else POLL_MS, max_records=1 if held else BATCH)
        self._polled_at = time.monotonic()
        self._forget_revoked()
        for partition, records in polled.items():
            outstanding = self._partitions.setdefault(partition, OutstandingRecords())
            for record in records:
                outstanding.read(record.offset)
                self._waiting.append(Waiting(record, outstanding))

    def _is_full(self) -> bool:
        """Whether the department must acknowledge some before it gets more."""
        number = sum(map(len, self._partitions.values()))
        if number >= MOST and time.monotonic() - self._warned_at >= WARN_EVERY_S:
            self._warned_at = time.monotonic()
            log.warning(
                "%d records of %s are not acknowledged; nothing more is read until some are", number, self._topic
            )
        return number >= MOST

    def _commit(self, consumer: KafkaConsumer) -> None:
        self._forget_revoked()
        offsets = {tp: at for tp, one in self._partitions.items() if (at := one.to_commit()) is not None}
        if not offsets:
            return
        try:
            consumer.commit({tp: OffsetAndMetadata(at, "", -1) for tp, at in offsets.items()}, timeout_ms=COMMIT_MS)
        except KafkaError as error:  # a later commit has them, or another member reads them again
            log.warning("offsets of %s were not committed (%s)", self._topic, type(error).__name__)
            return
        for tp, at in offsets.items():
            self._partitions[tp].committed(at)

    def _forget_revoked(self) -> None:
        """Another member has these partitions now: what of them is acknowledged later is not committed here."""
        while self._revoked:
            self._forget(self._revoked.popleft())

    def _forget(self, partition: TopicPartition) -> None:
        gone = self._partitions.pop(partition, None)
        self._waiting = deque(one for one in self._waiting if one.outstanding is not gone)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Notes what is revoked. Kafka's client calls it in its own thread, where nothing may block, so it does no more."""

    def __init__(self, revoked: deque[TopicPartition]) -> None:
        self._revoked = revoked

    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        self._revoked.extend(revoked)

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Nothing to do: their records begin at the committed offset."""


def require_topic(consumer: KafkaConsumer, topic: str, connection: Connection) -> None:
    """Raise TopicError unless the topic exists. The sentence offers the nearest name of its kind."""
    existing = consumer.topics()
    if topic in existing:
        return
    names = connection.names
    roots = (names.rejected_feedback(""), names.tasks(""), names.feedback(""))
    root = next((one for one in roots if topic.startswith(one)), "")
    known = sorted(name.removeprefix(root) for name in existing if root and name.startswith(root))
    near = get_close_matches(topic.removeprefix(root), known, n=1)
    hint = (
        f"the nearest name is {near[0]}"
        if near
        else "look at the departments that `grid-router topics apply CITY` has made topics for"
    )
    raise TopicError("there is no such topic, so no such department", where=topic, hint=hint)
