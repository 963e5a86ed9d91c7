"""Reads one topic as a member of a consumer group: every record at least once, until it is acknowledged.

 poll ──▶ waiting ──▶ handed out ──▶ acknowledged ──▶ committed
            │              │
            └──────────────┴── the client ends, or another member has the partition: that one gets it

About `MOST` records are waiting or handed out at most. A slow department polls as well, one record at a time: so it stays a member of its
group, and holds a bounded number of bytes. While the group shares its partitions out again, nothing is handed out. A partition that comes
back to this member goes on as if nothing had been: kafka-python keeps its position, so the records in front of it must be kept here, too.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Generator, Hashable, Iterator
from collections.abc import Set as AbstractSet
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
from router.wire.security import unseen

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
        self._shares: deque[_Share] = deque()
        self._joining = self._let_in = False
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
                patience.failed(error, let_in=self._let_in)

    @contextmanager
    def _member(self) -> Iterator[KafkaConsumer]:
        consumer = open_consumer(self._connection, self._group)
        try:
            consumer.subscribe([self._topic], listener=_Listener(self._shares))
            # after it, so that the member knows the partitions when it joins: else it would soon join a second time
            require_topic(consumer, self._topic, self._connection)
            self._let_in = True
            yield consumer
            self._commit(consumer)
        except GeneratorExit:  # the department's loop has ended, by `break` or an exception
            self._commit(consumer)
            raise
        finally:
            with suppress(KafkaError):
                consumer.close(autocommit=False, timeout_ms=CLOSE_MS)
            self._shares.clear()
            self._forget(set(self._partitions))
            self._joining = False

    def _hand_out(self, consumer: KafkaConsumer) -> Generator[Handed[T], None, None]:
        while not self._stop.is_set():
            held = bool(self._waiting) or self._is_full()
            if not held or self._joining or time.monotonic() - self._polled_at >= POLL_AT_LEAST_S:
                self._commit(consumer)  # before a rebalance, which only a poll begins
                self._poll(consumer, held=held)
            if self._joining:
                continue
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
        waits = not held or self._joining
        polled = consumer.poll(timeout_ms=POLL_MS if waits else HELD_POLL_MS, max_records=1 if held else BATCH)
        self._polled_at = time.monotonic()
        self._follow_shares()
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
        if self._joining:
            return  # the group would reject it
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

    def _follow_shares(self) -> None:
        """Keep the partitions that this member still has. What is acknowledged later of the others is not committed here."""
        while self._shares:
            share = self._shares.popleft()
            self._joining = share.joining
            if share.partitions is not None:
                self._forget(set(self._partitions) - share.partitions)

    def _forget(self, partitions: set[TopicPartition]) -> None:
        gone = [self._partitions.pop(one) for one in partitions]
        self._waiting = deque(one for one in self._waiting if not any(one.outstanding is other for other in gone))


class _Share(NamedTuple):
    """What a member hears of its group."""

    joining: bool
    """Whether the partitions are shared out now."""
    partitions: AbstractSet[TopicPartition] | None
    """Those whose position kafka-python keeps, new ones included; None: not known yet."""


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Notes what the group says. Kafka's client calls it in its own thread, where nothing may block, so it does no more."""

    def __init__(self, shares: deque[_Share]) -> None:
        self._shares = shares

    def on_partitions_revoked(self, _revoked: set[TopicPartition]) -> None:
        """The group shares its partitions out again. This member may get all of its own back."""
        self._shares.append(_Share(joining=True, partitions=None))

    def on_partitions_lost(self, _lost: set[TopicPartition]) -> None:
        """The group has thrown this member out: another one may have begun with its partitions."""
        self._shares.append(_Share(joining=True, partitions=frozenset()))

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """The records of a new partition begin at the committed offset, those of a kept one where they were."""
        self._shares.append(_Share(joining=False, partitions=frozenset(assigned)))


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
    raise TopicError(f"there is no such topic, so no such department{unseen(connection.user)}", where=topic, hint=hint)
