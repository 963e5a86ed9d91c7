"""Partitions were added to a network's topic: each reads its reports from all dedup indexes, and goes on at its own stored offset."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry

from router.domain.intake.dedup import DedupEntry
from router.domain.networks.registry import NETWORKS
from router.domain.rules.rule_sets import RuleSets
from router.kafka.cluster_metadata import TopicDescription
from router.stream.engine.changelog_reader import Portion, latest_values, portion
from router.stream.engine.stored_offset import StoredOffsets
from router.stream.processors.normalise import NormaliseProcessor
from router.wire.codec import encode_dedup_entry
from router.wire.metrics import Metrics
from router.wire.offset_signing import NO_KEYS, OffsetKeys
from router.wire.partitioning import partition_for_key
from router.wire.stored_offsets import StoredOffset, encode_stored_offset
from router.wire.topic_names import Names
from tests.support.driver import tiny

NETWORK, BEFORE, NOW = "policing", 2, 3
KEYS = OffsetKeys([b"k" * 32])
DEDUP = Names().dedup_index(NETWORK)
MOVED, STAYED = (
    next(f"a{n}" for n in range(100) if partition_for_key(b"a%d" % n, NOW) == partition) for partition in (0, 1)
)
"""Both were in partition 1 before."""


class Grown:
    """The dedup indexes of a network whose topic has got a partition more: partition -> key and value of each record."""

    def __init__(self, **partitions: list[tuple[bytes, bytes]]) -> None:
        self._records = {
            int(name.removeprefix("p")): [
                SimpleNamespace(topic=DEDUP, partition=int(name[1:]), offset=at, timestamp=0, key=key, value=value)
                for at, (key, value) in enumerate(records)
            ]
            for name, records in partitions.items()
        }

    async def describe(self, _: str) -> TopicDescription:
        return TopicDescription(topic_id="A" * 22, leader_epochs=dict.fromkeys(range(NOW), 0))

    async def changelog(self, changelog: TopicPartition) -> TopicDescription:
        return TopicDescription(topic_id="A" * 22, leader_epochs={changelog.partition: 0})

    async def end(self, changelog: TopicPartition) -> int:
        return len(self._records.get(changelog.partition, ()))

    async def portions(
        self, changelog: TopicPartition, begin: int, end: int, ours: Callable[[Any], bool] = lambda _: True
    ) -> AsyncIterator[Portion]:
        yield portion(self._records.get(changelog.partition, [])[begin:end], end, ours)

    async def latest(self, changelog: TopicPartition, ours: Callable[[Any], bool] = lambda _: True) -> dict[bytes, Any]:
        return latest_values(self._records.get(changelog.partition, []), ours)


def opened(logs: Any, keys: OffsetKeys) -> tuple[NormaliseProcessor, StoredOffset | None]:
    processor = NormaliseProcessor(
        NETWORKS[NETWORK], RuleSets(tiny()), Names(), BEFORE, Metrics(CollectorRegistry()), keys=keys
    )
    return processor, asyncio.run(processor.open(logs, TopicPartition(Names().reports(NETWORK), 0)))


def entry(source_id: str) -> tuple[bytes, bytes]:
    at = datetime(2026, 11, 30, tzinfo=UTC)
    return encode_dedup_entry(source_id, DedupEntry(cell="c", digests=("0" * 16,), at=at))


def stored(offset: int, keys: OffsetKeys) -> tuple[bytes, bytes]:
    return StoredOffsets(keys).encode(StoredOffset(offset=offset, topic_id="t"), TopicPartition(DEDUP, 0))


def test_reports_that_moved_are_known_in_their_new_partition() -> None:
    processor, found = opened(
        Grown(p0=[entry("own"), stored(7, NO_KEYS)], p1=[entry(MOVED), entry(STAYED), stored(90, NO_KEYS)]), NO_KEYS
    )
    assert set(processor._dedup._entries) == {"own", MOVED}
    assert found is not None
    assert found.offset == 7


def test_a_forged_offset_does_not_count_in_a_topic_that_has_grown() -> None:
    forged = encode_stored_offset(StoredOffset(offset=50, topic_id="t", number=99, signature="0" * 32))
    processor, found = opened(Grown(p0=[entry("own"), stored(7, KEYS), forged], p1=[entry(MOVED)]), KEYS)
    assert MOVED in processor._dedup._entries
    assert found is not None
    assert found.offset == 7
