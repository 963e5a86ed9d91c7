"""Reads every topic of the router under read_committed during a run: each transaction is visible as a whole, or not at all.

A whole transaction has outputs, state and position. It counts the records of `labelled_worker.py`.
"""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from msgspec import Struct

from router.kafka.connecting import connect_options
from router.wire.errors import BrokerError
from tests.chaos.labelled_worker import LABEL
from tests.chaos.partitions import partitions_of

TORN_S = 20.0
"""Partitions get the marker of a commit one after the other. A transaction that is visible in part for longer is torn."""
END_S = 60.0


class Observed(Struct, frozen=True, kw_only=True):
    """What a reader saw."""

    whole: int
    """Transactions of which every record was visible."""
    torn: list[str]
    """Transactions of which only a part was."""


class Transactions:
    """Counts the visible records of each labelled transaction."""

    def __init__(self) -> None:
        self.whole = 0
        self._seen: Counter[bytes] = Counter()
        self._since: dict[bytes, float] = {}

    def add(self, headers: Iterable[tuple[str, bytes]], at: float) -> None:
        """Count one record that was read at this second."""
        label = next((content for name, content in headers if name == LABEL), None)
        if label is None:
            return
        self._seen[label] += 1
        self._since.setdefault(label, at)
        if self._seen[label] == int(label.rpartition(b"/")[2]):
            self.whole += 1
            del self._seen[label], self._since[label]

    def partial(self, before: float) -> list[str]:
        """Transactions that are visible in part since a second before this one: how much of which."""
        return [f"{self._seen[label]} of {label.decode()}" for label, since in self._since.items() if since < before]


class Observer:
    """Reads in its own thread; a context manager, in which every topic exists.

    Args:
        bootstrap: `host:port` of the broker, not of the proxy.
        topics: that the router writes.
    """

    def __init__(self, bootstrap: str, topics: Sequence[str]) -> None:
        self._bootstrap, self._topics = bootstrap, topics
        self._transactions = Transactions()
        self._torn: dict[str, None] = {}
        self._stop, self._grown = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="observer")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def follow_partitions(self) -> None:
        """Read partitions that were added, too."""
        self._grown.set()

    @property
    def torn(self) -> list[str]:
        """Transactions of which only a part has been visible for `TORN_S`, so far."""
        return list(self._torn)

    def finish(self) -> Observed:
        """Read to the end. Call it after the last transaction."""
        self._stop.set()
        self._thread.join()
        torn = [*self._torn, *self._transactions.partial(time.monotonic())]
        return Observed(whole=self._transactions.whole, torn=list(dict.fromkeys(torn)))

    async def _run(self) -> None:
        partitions = self._partitions()
        consumer = AIOKafkaConsumer(
            **connect_options(self._bootstrap), isolation_level="read_committed", auto_offset_reset="earliest"
        )
        async with consumer:
            consumer.assign(partitions)
            while not self._stop.is_set():
                with suppress(KafkaError, BrokerError):  # the broker may be down
                    if self._grown.is_set():
                        partitions = await self._add_partitions(consumer)
                        self._grown.clear()
                    self._add(await consumer.getmany(timeout_ms=200))
            await self._read_to_end(consumer, partitions)

    def _partitions(self) -> list[TopicPartition]:
        return [TopicPartition(*one) for one in partitions_of(self._bootstrap, self._topics)]

    async def _add_partitions(self, consumer: AIOKafkaConsumer) -> list[TopicPartition]:
        """Assign the added partitions, and go on in the others where it is."""
        partitions = await asyncio.to_thread(self._partitions)
        at = {one: await consumer.position(one) for one in consumer.assignment()}
        consumer.assign(partitions)
        for one, position in at.items():
            consumer.seek(one, position)
        return partitions

    async def _read_to_end(self, consumer: AIOKafkaConsumer, partitions: list[TopicPartition]) -> None:
        async with asyncio.timeout(END_S):
            ends = await consumer.end_offsets(partitions)
            while ends:
                self._add(await consumer.getmany(*ends, timeout_ms=200))
                ends = {one: end for one, end in ends.items() if await consumer.position(one) < end}

    def _add(self, fetched: dict[TopicPartition, list[Any]]) -> None:
        now = time.monotonic()
        for records in fetched.values():
            for record in records:
                self._transactions.add(record.headers, now)
        self._torn.update(dict.fromkeys(self._transactions.partial(now - TORN_S)))
