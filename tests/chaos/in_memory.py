"""A deployment in memory: the router's own stages and fold, with outputs in lists that a test may change. No Kafka."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from router.cities.folder import city_folder, load_city
from router.domain.intake.normalise import RECEIVED_AT
from router.domain.networks.registry import NETWORKS
from router.domain.rules.rule_sets import RuleSets
from router.simulator.messages import rfc3339
from router.simulator.synthetic.stream import messages, read_simulation
from router.stream.engine.processor import Processor
from router.stream.processors.clock import StreamClock
from router.stream.processors.merge import MergeProcessor
from router.stream.processors.normalise import NormaliseProcessor
from router.wire.metrics import Metrics
from router.wire.partitioning import partition_for_key
from router.wire.topics import Names
from tests.chaos.audit.audit import AuditInput
from tests.chaos.cities import CITY
from tests.chaos.ledger import NUMBER, Entry, Kept, Ledger, Ledgered
from tests.chaos.load import KeyOf, Sending, own_id

PARTITIONS = 2
BATCH = 50
NAMES = Names()
START = datetime(2026, 11, 1, tzinfo=UTC)


class Record(Struct, kw_only=True):
    """One record of a topic."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: Any
    value: bytes
    headers: list[tuple[str, bytes]]


class MemoryLog:
    """Topics as lists, by name and partition. Reads like a `Log`, writes like a `Writer`."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, int], list[Record]] = {}
        self.offsets: dict[tuple[str, int], int] = {}

    def add(self, topic: str, partition: int, key: Any, value: Any, headers: Any = None) -> None:
        """Append one record."""
        records = self.records.setdefault((topic, partition), [])
        self.offsets[topic, partition] = len(records) + 1
        records.append(
            Record(
                topic=topic,
                partition=partition,
                offset=len(records),
                timestamp=round(START.timestamp() * 1000) + 1_000_000_000,
                key=key,
                value=value,
                headers=list(headers or []),
            )
        )

    def copy(self) -> "MemoryLog":
        """A copy of the records and offsets, which the caller may change."""
        other = MemoryLog()
        other.offsets = dict(self.offsets)
        other.records = {
            where: [replace(one, headers=list(one.headers)) for one in records]
            for where, records in self.records.items()
        }
        return other

    def of(self, topic: str) -> list[Record]:
        """All records of a topic."""
        return [record for (name, _), records in sorted(self.records.items()) for record in records if name == topic]

    def read(self, topics: Sequence[str], partition: int | None = None) -> Iterator[Record]:
        """See `Log.read`."""
        for (topic, number), records in sorted(self.records.items()):
            if topic in topics and partition in {None, number}:
                yield from records

    def position(self, topic: str, partition: int, topic_id: str = "") -> int:
        """See `Log.position`."""
        del topic_id  # no topic is deleted here
        return self.offsets.get((topic, partition), 0)


class Recording(Struct, frozen=True):
    """A run without faults."""

    entries: list[Entry]
    kept: dict[int, Kept]
    lists: MemoryLog
    deployment: AuditInput

    @property
    def ledgered(self) -> Ledgered:
        """What the file of a ledger would hold."""
        return Ledgered(self.entries, self.kept)


def record(
    reports: int, cities: Path, path: Path, *, more: Sequence[Sending] = (), key_of: KeyOf = own_id
) -> Recording:
    """Send messages of Puyang through both stages.

    Args:
        reports: number of messages.
        cities: folder of the run's cities.
        path: file of the ledger.
        more: what is sent after these.
        key_of: the key of each of these messages.
    """
    city = load_city(CITY, cities)
    usual = list(
        messages(city, read_simulation(city_folder(CITY, cities)), reports=reports, days=None, seed=1, rate=20)
    )
    sendings = [*(Sending(one, key_of(one)) for one in usual), *more]
    lists, ledger = MemoryLog(), Ledger(path, city)
    entries = ledger.enter([one.message for one in sendings], [one.key for one in sendings])
    kept = {entry.number: _send(lists, entry, one) for entry, one in zip(entries, sendings, strict=True)}
    ledger.close()
    rule_sets, metrics = RuleSets(city), Metrics(CollectorRegistry())
    for network in sorted(city.codes):
        for partition in range(PARTITIONS):
            processor = NormaliseProcessor(NETWORKS[network], rule_sets, NAMES, PARTITIONS, metrics)
            _process(processor, lists, NAMES.reports(network), partition)
    for partition in range(PARTITIONS):
        merge = MergeProcessor(rule_sets, NAMES, StreamClock(), metrics)
        _process(merge, lists, NAMES.events, partition)
        merge.tick(lists, partition)
        _process(merge, lists, NAMES.events, partition, first=lists.position(NAMES.events, partition) - 1)
    deployment = AuditInput(log=lists, names=NAMES, partitions=PARTITIONS, rule_sets=rule_sets)
    return Recording(entries, kept, lists, deployment)


def _send(lists: MemoryLog, entry: Entry, one: Sending) -> Kept:
    topic, key = NAMES.reports(one.message.network), one.key
    received = rfc3339(START + timedelta(seconds=entry.number)).encode()
    partition = entry.number % PARTITIONS if key is None else partition_for_key(key, PARTITIONS)
    lists.add(topic, partition, key, one.message.value, [(RECEIVED_AT, received), (NUMBER, b"%d" % entry.number)])
    if one.timestamp is not None:
        lists.records[topic, partition][-1].timestamp = one.timestamp
    return Kept(entry.number, topic, partition, len(lists.records[topic, partition]) - 1)


def _process(processor: Processor, lists: MemoryLog, topic: str, partition: int, *, first: int = 0) -> None:
    records = lists.records.get((topic, partition), [])[first:]
    for start in range(0, len(records), BATCH):
        processor.process(records[start : start + BATCH], lists, set())
