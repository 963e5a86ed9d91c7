"""State that cannot be read back: the error names the place and the remedy, and no case is opened a second time."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry

from router.domain.rules.rule_sets import RuleSets
from router.kafka.cluster_metadata import TopicDescription
from router.stream.engine.processor import UnreadableStateError
from router.stream.processors.clock import CLOCKS
from router.stream.processors.merge import MergeProcessor
from router.wire.metrics import Metrics
from router.wire.repairs import decode_repair
from router.wire.rule_sets import decode_rule_set
from router.wire.stored_offsets import StoredOffset, encode_stored_offset
from router.wire.topics import Names
from tests.support.driver import Driver, report, tiny
from tests.support.poison.foreign_records import RULE_SETS, STATES

CASES_ID = "A" * 22


class Written:
    """A changelog that holds these records, and a stored offset beside it."""

    def __init__(
        self, *records: tuple[bytes, bytes, list[tuple[str, bytes]]], stored: StoredOffset | None = None
    ) -> None:
        self._stored = stored
        self._records = [SimpleNamespace(key=k, value=v, headers=h) for k, v, h in records]

    async def latest(self, _: TopicPartition, ours: Callable[[Any], bool]) -> dict[bytes, bytes]:
        return {record.key: record.value for record in self._records if ours(record)}

    async def newest(self, *_: Any) -> dict[bytes, bytes]:
        return {} if self._stored is None else dict([encode_stored_offset(self._stored)])

    async def changelog(self, _: TopicPartition) -> TopicDescription:
        return TopicDescription(topic_id=CASES_ID, leader_epochs={1: 0})


def opened(
    *records: tuple[bytes, bytes, list[tuple[str, bytes]]], stored: StoredOffset | None = None
) -> MergeProcessor:
    processor = MergeProcessor(RuleSets(tiny()), Names(), CLOCKS["wall"](), Metrics(CollectorRegistry()))
    logs: Any = Written(*records, stored=stored)
    asyncio.run(processor.open(logs, TopicPartition("grid.events", 1)))
    return processor


DEEP = (b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",)
CASE = [("ce_type", b"grid.case.changed.v1")]


@pytest.mark.parametrize("value", [b"", b"{", b"[]", b"{}", b'{"id":7}', b"\xff", *DEEP])
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
