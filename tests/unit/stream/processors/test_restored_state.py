"""State that cannot be read back: the error names the place and the remedy, and no case is opened a second time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import TopicPartition
from hypothesis import given, settings
from prometheus_client import CollectorRegistry

from router.domain.case.archiving import IDS_KEPT
from router.domain.networks.registry import NETWORKS
from router.domain.rules.city import City
from router.domain.rules.rule_sets import RuleSets
from router.domain.state.log_clock import LogClock
from router.kafka.cluster_metadata import TopicDescription
from router.stream.engine.changelog_reader import Portion, missing_topic, portion
from router.stream.engine.log_position import StoppedError
from router.stream.engine.processor import Processor, UnreadableStateError
from router.stream.processors.clock import CLOCKS
from router.stream.processors.merge import MergeProcessor
from router.stream.processors.normalise import NormaliseProcessor
from router.wire.metrics import Metrics
from router.wire.repairs import decode_repair
from router.wire.rule_sets import decode_rule_set
from router.wire.stored_offsets import StoredOffset, decode_stored_offset, encode_stored_offset
from router.wire.topic_names import Names
from tests.support.driver import Driver, hours, report, tiny
from tests.support.poison.foreign_records import RULE_SETS, STATES
from tests.unit.domain.fold.test_case_properties import CITY as MOVING
from tests.unit.domain.fold.test_case_properties import Log, logs
from tests.unit.domain.lifecycle.test_escalations import LADDERS

CASES_ID = "A" * 22


class Written:
    """A changelog that holds these records, and a stored offset beside it."""

    def __init__(
        self, *records: tuple[bytes, bytes, list[tuple[str, bytes]]], stored: StoredOffset | None = None
    ) -> None:
        self._stored = stored
        self._records = [
            SimpleNamespace(topic="t", partition=1, offset=n, key=k, value=v, headers=h)
            for n, (k, v, h) in enumerate(records)
        ]

        self.topic_id = CASES_ID
        self.missing = ""
        """A topic that was deleted. Its reads time out, as those of a broker do."""

    def _read(self, topic: str) -> None:
        if topic == self.missing:
            raise TimeoutError

    async def latest(
        self, changelog: TopicPartition, ours: Callable[[Any], bool] = lambda _: True
    ) -> dict[bytes, bytes]:
        self._read(changelog.topic)
        latest = {record.key: record.value for record in self._records if ours(record)}
        return {key: value for key, value in latest.items() if value is not None}

    async def end(self, changelog: TopicPartition) -> int:
        self._read(changelog.topic)
        return len(self._records)

    async def portions(
        self, changelog: TopicPartition, begin: int, end: int, ours: Callable[[Any], bool] = lambda _: True
    ) -> AsyncIterator[Portion]:
        self._read(changelog.topic)
        yield portion(self._records[begin:end], end, ours)

    async def newest(self, changelog: TopicPartition, *_: Any) -> dict[bytes, bytes]:
        self._read(changelog.topic)
        return {} if self._stored is None else dict([encode_stored_offset(self._stored)])

    async def describe(self, _: str) -> TopicDescription:
        return TopicDescription(topic_id=self.topic_id, leader_epochs=dict.fromkeys(range(2), 0))

    async def changelog(self, changelog: TopicPartition) -> TopicDescription:
        if changelog.topic == self.missing:
            raise StoppedError(missing_topic(changelog.topic))
        return TopicDescription(topic_id=self.topic_id, leader_epochs={1: 0})


def opened(
    *records: tuple[bytes, bytes, list[tuple[str, bytes]]], stored: StoredOffset | None = None, city: City | None = None
) -> MergeProcessor:
    processor = MergeProcessor(RuleSets(city or tiny()), Names(), CLOCKS["wall"](), Metrics(CollectorRegistry()))
    logs: Any = Written(*records, stored=stored)
    asyncio.run(processor.open(logs, TopicPartition("grid.events", 1)))
    return processor


DEEP = (b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",)
CASE = [("ce_type", b"grid.case.changed.v1")]


@pytest.mark.parametrize("value", [b"", b"{", b"[]", b"{}", b'{"id":7}', b"\xff", b'{"id":"\xff"}', *DEEP])
def test_an_unreadable_case_stops_its_partition_with_a_sentence(value: bytes) -> None:
    with pytest.raises(UnreadableStateError) as stopped:
        opened((b"C-1\x1b[31m", value, CASE))
    said = str(stopped.value)
    assert said.startswith("grid.cases/1, key 'C-1�[31m': this case cannot be read (")
    assert said.endswith("write the case once more as it was.")
    assert said.isprintable()


def test_a_foreign_record_replaces_no_case() -> None:
    driver = Driver(tiny())
    driver.pipe(report("a"))
    ((key, value),) = driver.latest().items()
    processor = opened((key, value, CASE), (key, b"garbage", []), (b"x", b"{}", [("ce_type", b"other")]))
    assert processor._state.snapshot() == driver.snapshot()


@settings(max_examples=60)
@given(log=logs())
def test_whatever_was_folded_is_opened_again(log: Log) -> None:
    """A case without reports, too: its last one has left it, and it stays until it is archived."""
    driver = Driver(MOVING)
    for event in log:
        driver.pipe(event)
    clock = driver.state.clock
    stored = StoredOffset(offset=7, **{name: getattr(clock, name) for name in LogClock.__struct_fields__})
    processor = opened(*[(key, value, CASE) for key, value in driver.latest().items()], stored=stored, city=MOVING)
    assert processor._state.snapshot() == driver.snapshot()


ARCHIVED = [("ce_type", b"grid.case.archived.v1")]


@pytest.mark.parametrize(("headers", "gone"), [(ARCHIVED, True), ([], False), (CASE, False)])
def test_only_a_tombstone_of_the_router_takes_a_case_out(headers: list[tuple[str, bytes]], gone: bool) -> None:
    driver = Driver(tiny())
    driver.pipe(report("a"))
    ((key, value),) = driver.latest().items()
    none: Any = None
    processor = opened((key, value, CASE), (key, none, headers))
    assert processor._state.snapshot() == (Driver(tiny()) if gone else driver).snapshot()


def test_an_archived_case_with_a_value_is_foreign_in_the_table_of_cases() -> None:
    driver = Driver(tiny())
    driver.pipe(report("a"))
    ((key, value),) = driver.latest().items()
    assert opened((key, value, ARCHIVED))._state.snapshot() == Driver(tiny()).snapshot()


def test_the_log_time_is_stored_with_the_offset_and_restored() -> None:
    clock = LogClock(hours(3), hours(2), hours(1), hours(2), "C-7")
    processor = opened()
    processor._state.clock = clock
    writer: Any = SimpleNamespace(add=lambda *record: written.append(record))
    written: list[Any] = []
    processor.store_offset(StoredOffset(offset=7), writer, 1)
    ((topic, _, _, value),) = written
    assert topic == "grid.offsets"
    assert opened(stored=decode_stored_offset(value))._state.clock == clock


def test_an_opened_partition_remembers_the_steps_of_ladders_that_were_sent() -> None:
    """No case says it: the stored log time does."""
    city = tiny(escalations=LADDERS)
    driver = Driver(city)
    driver.pipe(report("a", rule_set=city.rule_set))
    driver.tick(30)
    driver.tick(50)
    ((key, value),) = driver.latest().items()
    stored = StoredOffset(offset=7, escalated_until=hours(50))
    processor = opened((key, value, CASE), stored=stored, city=city)
    assert processor._state.snapshot() == driver.snapshot()
    assert processor._state.next_due() == hours(70)


def test_without_the_rules_of_a_case_whose_step_was_sent_the_partition_waits() -> None:
    """They are only late: with them it comes on by itself, and without them it would send the step again."""
    city = tiny(escalations=LADDERS)
    driver = Driver(city)
    driver.pipe(report("a", rule_set=city.rule_set))
    ((key, value),) = driver.latest().items()
    stored = StoredOffset(offset=7, escalated_until=hours(50))
    with pytest.raises(
        UnreadableStateError, match=f"a case names the rule set {city.rule_set}, whose rules this worker"
    ):
        opened((key, value, CASE), stored=stored)


def test_without_a_stored_offset_a_case_may_have_been_archived() -> None:
    driver = Driver(tiny(standards="default: {}"))
    driver.pipe(report("a"))
    driver.tick(30)
    driver.pipe(report("b", 2000))
    (key, value), later = driver.latest().items()
    assert opened((key, value, CASE), (*later, CASE))._state.clock.forgotten_until == hours(30)
    assert opened((key, value, CASE))._state.clock.forgotten_until == hours(0) - IDS_KEPT
    assert opened((key, value, CASE), stored=StoredOffset(offset=7))._state.clock.forgotten_until is None


@pytest.mark.parametrize("value", [value for value in RULE_SETS if value is not None])
def test_an_invalid_rule_set_record_is_rejected(value: bytes) -> None:
    with pytest.raises(ValueError, match="no rule set"):
        decode_rule_set(value)


@pytest.mark.parametrize("value", [value for value in STATES if value is not None])
def test_a_foreign_repair_record_is_rejected(value: bytes) -> None:
    with pytest.raises(ValueError, match="not a repair"):
        decode_repair(b"k", value)


@pytest.mark.parametrize("cases_id", ["", CASES_ID])
def test_cases_of_the_stored_offset_are_restored(cases_id: str) -> None:
    """An earlier release wrote no id."""
    opened(stored=StoredOffset(offset=7, topic_id="E" * 22, cases_id=cases_id))


def test_cases_that_were_deleted_and_made_again_stop_the_partition() -> None:
    """With an empty table every report that comes again would open a second case."""
    with pytest.raises(UnreadableStateError, match=r"^grid\.cases/1: the topic was deleted and made again, .* restore"):
        opened(stored=StoredOffset(offset=7, topic_id="E" * 22, cases_id="B" * 22))


STORED = StoredOffset(offset=7, topic_id="E" * 22)
SOURCE = TopicPartition("in", 1)


def merge() -> Processor:
    return MergeProcessor(RuleSets(tiny()), Names(), CLOCKS["wall"](), Metrics(CollectorRegistry()))


def normalise() -> Processor:
    return NormaliseProcessor(NETWORKS["hotline"], RuleSets(tiny()), Names(), 2, Metrics(CollectorRegistry()))


async def resumed(stage: Callable[[], Processor], change: Callable[[Written], None]) -> bool:
    """Whether a state is kept, after something has become of the topics."""
    written = Written(stored=STORED)
    processor, logs = stage(), cast(Any, written)
    if stage is normalise:  # the stored offset is a record of the changelog itself
        written._records = [SimpleNamespace(key=k, value=v, offset=0) for k, v in [encode_stored_offset(STORED)]]
    assert await processor.open(logs, SOURCE) == STORED
    change(written)
    return await processor.resume(logs, SOURCE, STORED)


stages = pytest.mark.parametrize("stage", [merge, normalise])


@stages
@pytest.mark.parametrize(("topic_id", "kept"), [(CASES_ID, True), ("", True), ("B" * 22, False)])
def test_a_state_is_kept_only_while_its_changelog_is_the_same(
    stage: Callable[[], Processor], topic_id: str, kept: bool
) -> None:
    """The stored offset alone is not enough: merge keeps it on another topic, and a copy of a changelog has it, too."""

    def made_again(written: Written) -> None:
        written.topic_id = topic_id

    assert asyncio.run(resumed(stage, made_again)) is kept


TOPICS = [(merge, "grid.cases"), (merge, "grid.archive"), (merge, "grid.offsets"), (normalise, "grid.dedup.hotline")]


@pytest.mark.parametrize(("stage", "topic"), TOPICS)
def test_a_deleted_topic_of_a_kept_state_stops_the_partition(stage: Callable[[], Processor], topic: str) -> None:
    def deleted(written: Written) -> None:
        written.missing = topic

    with pytest.raises(StoppedError) as stopped:
        asyncio.run(resumed(stage, deleted))
    assert str(stopped.value) == missing_topic(topic)


@pytest.mark.parametrize(("stage", "topic"), TOPICS)
def test_a_deleted_topic_stops_a_partition_that_opens(stage: Callable[[], Processor], topic: str) -> None:
    logs: Any = Written(stored=STORED)
    logs.missing = topic
    with pytest.raises(StoppedError) as stopped:
        asyncio.run(stage().open(logs, SOURCE))
    assert str(stopped.value) == missing_topic(topic)
