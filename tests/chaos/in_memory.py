"""A deployment in memory: the router's own stages and fold, with outputs in lists that a test may change. No Kafka."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from router.cities.folder import city_folder, load_city
from router.domain.intake.normalise import RECEIVED_AT
from router.domain.model.feedback import SUPERVISION
from router.domain.networks.registry import NETWORKS
from router.domain.rules.city import City
from router.domain.rules.rule_sets import RuleSets
from router.simulator.departments.plan import PlannedAnswer, is_checked, plan, plan_filing
from router.simulator.departments.rates import Setting
from router.simulator.messages import rfc3339
from router.simulator.synthetic.stream import messages, read_simulation
from router.stream.engine.processor import Processor
from router.stream.engine.shared_offsets import SharedOffsets
from router.stream.processors.clock import StreamClock
from router.stream.processors.feedback import FeedbackProcessor
from router.stream.processors.merge import MergeProcessor
from router.stream.processors.normalise import NormaliseProcessor
from router.wire.codec import decode_case, decode_task, encode_erasure
from router.wire.metrics import Metrics
from router.wire.offset_signing import NO_KEYS
from router.wire.partitioning import partition_for_key
from router.wire.topic_names import Names
from tests.chaos.answerers import BAD_CITY, FILED_S, LIMIT_S, is_answered, waiting_case
from tests.chaos.audit.audit import AuditInput
from tests.chaos.cities import CITY
from tests.chaos.erasures import ErasureStored, erasure_of, is_erased, partition_of
from tests.chaos.feedback_ledger import FeedbackLedgered, said_of
from tests.chaos.ledger import NUMBER, Entry, Kept, Ledger, Ledgered
from tests.chaos.load import KeyOf, Sending, own_id

PARTITIONS = 2
BATCH = 50
NAMES = Names()
START = datetime(2026, 11, 1, tzinfo=UTC)
LATER = timedelta(days=40)
ANSWERED_AFTER = timedelta(days=15)
"""So late that no case which it closes is archived before the last messages come."""
ROUNDS = 3
"""Tasks that returns and decisions lead to are answered, too."""
LAST = 10
"""This number of messages comes 40 days after the others, and the same number 80 days. The former end all windows, the latter archive cases."""


class Record(Struct, kw_only=True):
    """One record of a topic."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: Any
    value: Any
    """Bytes, or None in a tombstone."""
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
    said: FeedbackLedgered
    lists: MemoryLog
    deployment: AuditInput

    @property
    def ledgered(self) -> Ledgered:
        """What the file of a ledger would hold."""
        return Ledgered(self.entries, self.kept)


def record(
    reports: int,
    cities: Path,
    path: Path,
    *,
    more: Sequence[Sending] = (),
    key_of: KeyOf = own_id,
    answered: float = 0.0,
) -> Recording:
    """Send messages of Puyang through both stages.

    Args:
        reports: number of messages.
        cities: folder of the run's cities.
        path: file of the ledger.
        more: what is sent after these.
        key_of: the key of each of these messages.
        answered: share of the tasks that are answered.
    """
    city = load_city(CITY, cities)
    usual = list(
        messages(city, read_simulation(city_folder(CITY, cities)), reports=reports, days=None, seed=1, rate=20)
    )
    sendings = [*(Sending(one, key_of(one)) for one in usual), *more]
    lists, ledger = MemoryLog(), Ledger(path, city)
    entries = ledger.enter([one.message for one in sendings], [one.key for one in sendings])
    ledger.close()
    rule_sets, stages = RuleSets(city), _Stages(city, lists)
    sent = Counter(entry.report for entry in entries)
    late = [
        entry.number
        for entry, one in zip(entries, sendings, strict=True)
        if entry.outcome == "case" and sent[entry.report] == 1 and one.timestamp is None
    ]
    delayed = dict.fromkeys(late[-2 * LAST : -LAST], LATER) | dict.fromkeys(late[-LAST:], 2 * LATER)
    kept: dict[int, Kept] = {}
    said = FeedbackLedgered([], {}, [])
    for delay in (timedelta(0), LATER, 2 * LATER):
        for entry, one in zip(entries, sendings, strict=True):
            if delayed.get(entry.number, timedelta(0)) == delay:
                kept[entry.number] = _send(lists, entry, one, delay)
        stages.run()
        if not delay and answered:
            _answer(lists, said, city, answered, stages.run)
            _erase(lists, said, answered)
            stages.run()
    deployment = AuditInput(log=lists, names=NAMES, partitions=PARTITIONS, rule_sets=rule_sets)
    return Recording(entries, kept, said, lists, deployment)


class _Stages:
    """Both stages of a city, which process what was sent since they ran last; then each partition of the grid stream gets a tick.

    Args:
        city: the rules.
        lists: the topics.
    """

    def __init__(self, city: City, lists: MemoryLog) -> None:
        rule_sets, metrics = RuleSets(city), Metrics(CollectorRegistry())
        self._lists, self._done = lists, Counter[tuple[str, int]]()
        self._normalise = {
            (NAMES.reports(network), partition): NormaliseProcessor(
                NETWORKS[network], rule_sets, NAMES, PARTITIONS, metrics
            )
            for network in sorted(city.codes)
            for partition in range(PARTITIONS)
        }
        offsets = SharedOffsets(NAMES.feedback_offsets, PARTITIONS, NO_KEYS, lambda _: None)
        self._feedback = {
            (NAMES.feedback(sender), partition): FeedbackProcessor(
                sender, NAMES, PARTITIONS, metrics, offsets, history=True
            )
            for sender in (*sorted(city.catalogue.departments), SUPERVISION)
            for partition in range(PARTITIONS)
        }
        self._merge = [MergeProcessor(rule_sets, NAMES, StreamClock(), metrics) for _ in range(PARTITIONS)]

    def run(self) -> None:
        for (topic, partition), processor in (*self._normalise.items(), *self._feedback.items()):
            self._process(processor, topic, partition)
        for partition, merge in enumerate(self._merge):
            self._process(merge, NAMES.events, partition)
            merge.tick(self._lists, partition)
            self._process(merge, NAMES.events, partition)

    def _process(self, processor: Processor, topic: str, partition: int) -> None:
        records = self._lists.records.get((topic, partition), [])
        for start in range(self._done[topic, partition], len(records), BATCH):
            processor.process(records[start : start + BATCH], self._lists, set())
        self._done[topic, partition] = len(records)


def _send(lists: MemoryLog, entry: Entry, one: Sending, delay: timedelta) -> Kept:
    topic, key = NAMES.reports(one.message.network), one.key
    at = START + timedelta(seconds=entry.number) + delay
    received = rfc3339(at).encode()
    partition = entry.number % PARTITIONS if key is None else partition_for_key(key, PARTITIONS)
    lists.add(topic, partition, key, one.message.value, [(RECEIVED_AT, received), (NUMBER, b"%d" % entry.number)])
    stamped = round(at.timestamp() * 1000) + 1000
    lists.records[topic, partition][-1].timestamp = stamped if one.timestamp is None else one.timestamp
    return Kept(entry.number, topic, partition, len(lists.records[topic, partition]) - 1)


def _answer(lists: MemoryLog, said: FeedbackLedgered, city: City, share: float, run: Callable[[], None]) -> None:
    """Answer a share of the tasks, round by round: a return leads to a task that is answered in the next round."""
    setting = Setting(
        departments=sorted(city.catalogue.departments), transfers=city.catalogue.transfers, rates=BAD_CITY
    )
    known = set[str]()
    for turn in range(1, ROUNDS + 1):
        begin = START + ANSWERED_AFTER + turn * timedelta(hours=1)
        tasks = [
            decode_task(one.value) for department in setting.departments for one in lists.of(NAMES.tasks(department))
        ]
        new = {one.id: one for one in tasks if one.id not in known and is_answered(one, share)}
        known |= new.keys()
        answers = [
            (answer, task.partition_key)
            for task in new.values()
            for answer in plan(task, setting, checked=is_checked(task, city.catalogue), begin=begin, limit_s=LIMIT_S)
        ]
        waiting = {one.id: one for record in lists.of(NAMES.cases) if (one := waiting_case(record.value)) is not None}
        for case in [one for id_, one in waiting.items() if id_ not in known]:
            known.add(case.id)
            filing = plan_filing(case, setting, begin=begin, within_s=FILED_S)
            answers += [(answer, case.partition_key) for answer in filing]
        for answer, key in sorted(answers, key=lambda one: one[0].delivered_at):
            _say(lists, said, answer, key)
        run()


def _erase(lists: MemoryLog, said: FeedbackLedgered, share: float) -> None:
    """Ask for a share of the cases that departments have."""
    cases = {one.key: decode_case(one.value) for one in lists.of(NAMES.cases) if one.value is not None}
    at = START + ANSWERED_AFTER + (ROUNDS + 1) * timedelta(hours=1)
    for case in [one for one in cases.values() if is_erased(one.id, share / 4)]:
        erasure = erasure_of(case.id, case.partition_key, at)
        partition = partition_of(erasure, PARTITIONS)
        lists.add(NAMES.events, partition, *encode_erasure(erasure))
        offset = len(lists.records[NAMES.events, partition]) - 1
        said.erasures.append(ErasureStored(erasure.id, case.id, partition, offset))


def _say(lists: MemoryLog, said: FeedbackLedgered, answer: PlannedAnswer, key: str) -> None:
    number, topic = len(said.said) + 1, NAMES.feedback(answer.sender)
    partition = partition_for_key(answer.task.encode(), PARTITIONS)
    lists.add(topic, partition, answer.task.encode(), answer.value, [(NUMBER, b"%d" % number)])
    stored = lists.records[topic, partition][-1]
    stored.timestamp = round(answer.delivered_at.timestamp() * 1000)
    said.said.append(said_of(number, answer, key))
    said.kept[number] = Kept(number, topic, partition, stored.offset)
