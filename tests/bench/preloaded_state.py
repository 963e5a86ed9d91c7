"""Preloads a deployment: the router's own processors write changelogs with many matchable cases, without transactions."""

import asyncio
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from aiokafka import AIOKafkaProducer
from msgspec import Struct
from prometheus_client import CollectorRegistry

from router.cities.folder import load_city
from router.domain.intake.normalise import RECEIVED_AT
from router.domain.networks.registry import NETWORKS
from router.domain.rules.rule_sets import RuleSets
from router.kafka.record_batches import Writer
from router.simulator.messages import SourceMessage, rfc3339
from router.simulator.recorded.hotline_history import NETWORK
from router.stream.processors.clock import StreamClock
from router.stream.processors.merge import MergeProcessor
from router.stream.processors.normalise import NormaliseProcessor
from router.wire.metrics import Metrics
from router.wire.partitioning import partition_for_key
from router.wire.settings import Settings
from router.wire.topic_names import Names
from tests.bench.load_shape import CITY

BATCH = 16_000
"""Messages between two flushes."""


class Arrived(Struct):
    """A record with the attributes of a consumed record."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]]


class PartialWriter:
    """Replaces the writer of a processor: keeps the records of one topic, and writes those of selected topics."""

    def __init__(self, kept: str, passed: Sequence[str], writer: Writer) -> None:
        self._kept, self._passed, self._writer = kept, passed, writer
        self.records: dict[int, list[Any]] = defaultdict(list)

    def add(self, topic: str, partition: int, key: bytes, value: bytes, headers: Any = None) -> None:
        """As `Writer.add`."""
        if topic == self._kept:
            records = self.records[partition]
            records.append(Arrived(topic, partition, len(records), 0, key, value, headers))
        elif topic in self._passed:
            self._writer.add(topic, partition, key, value, headers)


class Preloader:
    """Both stages of every partition, in this process.

    Args:
        settings: of the deployment to preload.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings, self._names = settings, Names(settings.namespace)
        metrics, rule_sets, number = Metrics(CollectorRegistry()), RuleSets(load_city(CITY)), settings.partitions
        self._normalising = [
            NormaliseProcessor(NETWORKS[NETWORK], rule_sets, self._names, number, metrics) for _ in range(number)
        ]
        self._merging = [MergeProcessor(rule_sets, self._names, StreamClock(), metrics) for _ in range(number)]

    @property
    def matchable_cases(self) -> int:
        """Matchable cases in all partitions."""
        return sum(processor._state.matchable_cases for processor in self._merging)

    async def run(self, messages: Iterator[SourceMessage], cases: int) -> None:
        """Process messages until there are `cases` matchable cases, and write their changelogs to the broker."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._settings.kafka, acks="all", enable_idempotence=True, max_batch_size=1 << 20
        )
        await producer.start()
        try:
            while (missing := cases - self.matchable_cases) > 0:
                writer = Writer(producer)
                self._take(list(islice(messages, min(BATCH, missing))), writer)
                await asyncio.gather(*await writer.send())
        finally:
            await producer.stop()

    def _take(self, messages: Sequence[SourceMessage], writer: Writer) -> None:
        names, dedup_index = self._names, self._names.dedup_index(NETWORK)
        partial = PartialWriter(names.events, [dedup_index], writer)
        for partition, records in self._arrived(messages).items():
            self._normalising[partition].process(records, partial, set())
        for partition, records in partial.records.items():
            self._merging[partition].process(records, PartialWriter("", [names.cases], writer), set())

    def _arrived(self, messages: Sequence[SourceMessage]) -> dict[int, list[Arrived]]:
        topic, found = self._names.reports(NETWORK), defaultdict(list)
        for message in messages:
            key = message.source_id.encode()
            partition, headers = (
                partition_for_key(key, self._settings.partitions),
                [(RECEIVED_AT, rfc3339(message.received_at).encode())],
            )
            at = int(message.received_at.timestamp() * 1000)
            found[partition].append(Arrived(topic, partition, 0, at, key, message.value, headers))
        return found


def preload_state(settings: Settings, cases: int, messages: Iterator[SourceMessage]) -> None:
    """Fill the changelogs of a deployment with empty topics until there are `cases` matchable cases."""
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, range(os.cpu_count() or 1))  # nothing is measured yet
    asyncio.run(Preloader(settings).run(messages, cases))
    os.sched_setaffinity(0, own)
