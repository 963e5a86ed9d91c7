"""Stored offsets of many input partitions in one topic: who asks at the same time shares a reading, and none reads another's."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition

from router.stream.engine.log_position import StoppedError
from router.stream.engine.processor import UnreadableStateError
from router.stream.engine.shared_offsets import SharedOffset, SharedOffsets
from router.wire.offset_signing import NO_KEYS, OffsetKeys
from router.wire.stored_offsets import StoredOffset

TOPIC = "grid.feedback-offsets"
PARKS, POLICE = TopicPartition("feedback.parks", 1), TopicPartition("feedback.police", 1)
KEYS = OffsetKeys([b"k" * 32])


class Log:
    """The records of the topic, in memory: what `ChangelogReader` reads and a writer writes."""

    def __init__(self) -> None:
        self.records: list[Any] = []
        self.readings = 0
        self.missing = ""
        self.before: Callable[[], None] = lambda: None
        """Called while the topic is looked up, before the end of the log is."""

    def add(self, topic: str, partition: int, key: bytes, value: bytes) -> None:
        self.records.append(
            SimpleNamespace(
                topic=topic, partition=partition, offset=len(self.records), timestamp=10**12, key=key, value=value
            )
        )

    async def changelog(self, changelog: TopicPartition) -> None:
        await asyncio.sleep(0)
        self.before()
        if self.missing:
            raise StoppedError(self.missing)
        assert changelog.topic == TOPIC

    async def latest(self, changelog: TopicPartition, ours: Callable[[Any], bool]) -> dict[bytes, bytes]:
        self.readings += 1
        found = [one for one in self.records if one.partition == changelog.partition and ours(one)]
        await asyncio.sleep(0)
        return {one.key: one.value for one in found}


def offset(source: TopicPartition, keys: OffsetKeys = KEYS, shared: SharedOffsets | None = None) -> Any:
    return SharedOffset(shared or SharedOffsets(TOPIC, 2, keys, lambda _: None), source)


def at(number: int) -> StoredOffset:
    return StoredOffset(offset=number, topic_id="A" * 22, leader_epoch=3)


def write(log: Log, source: TopicPartition, number: int, keys: OffsetKeys = KEYS) -> None:
    writer: Any = log
    offset(source, keys).write(at(number), writer)


def place(stored: StoredOffset | None) -> int | None:
    return None if stored is None else stored.offset


@pytest.mark.parametrize("keys", [KEYS, NO_KEYS])
def test_each_input_partition_has_its_own_offset(keys: OffsetKeys) -> None:
    log: Any = Log()
    write(log, PARKS, 7, keys)
    write(log, POLICE, 40, keys)
    write(log, PARKS, 8, keys)
    grown = TopicPartition("feedback.parks", 3)  # in the same partition of the topic, because that has two
    write(log, grown, 5, keys)
    assert [place(asyncio.run(offset(one, keys).read(log))) for one in (PARKS, POLICE, grown)] == [8, 40, 5]
    assert asyncio.run(offset(TopicPartition("feedback.roads", 1), keys).read(log)) is None


def test_who_asks_before_a_reading_begins_shares_it_and_who_asks_later_does_not() -> None:
    log: Any = Log()
    write(log, PARKS, 7)
    write(log, POLICE, 40)
    shared = SharedOffsets(TOPIC, 2, KEYS, lambda _: None)

    async def both() -> list[int | None]:
        one, other = offset(PARKS, shared=shared), offset(POLICE, shared=shared)
        return [place(stored) for stored in await asyncio.gather(one.read(log), other.read(log))]

    async def later() -> int | None:
        first = asyncio.create_task(offset(PARKS, shared=shared).read(log))
        while log.readings < 2:
            await asyncio.sleep(0)
        write(log, POLICE, 41)  # while the reading runs
        found = place(await offset(POLICE, shared=shared).read(log))
        await first
        return found

    async def scenario() -> None:
        assert await both() == [7, 40]
        assert log.readings == 1
        assert await later() == 41
        assert log.readings == 3

    asyncio.run(scenario())


def test_one_that_is_cancelled_does_not_end_the_reading_of_the_others() -> None:
    log: Any = Log()
    write(log, PARKS, 7)
    shared = SharedOffsets(TOPIC, 2, KEYS, lambda _: None)

    async def scenario() -> int | None:
        gone = asyncio.create_task(offset(POLICE, shared=shared).read(log))
        stays = asyncio.create_task(offset(PARKS, shared=shared).read(log))
        await asyncio.sleep(0)
        gone.cancel()
        return place(await stays)

    assert asyncio.run(scenario()) == 7


def test_a_missing_topic_stops_the_partitions_until_it_is_there() -> None:
    log: Any = Log()
    write(log, PARKS, 7)
    shared = SharedOffsets(TOPIC, 2, KEYS, lambda _: None)
    log.missing = "no such topic"

    async def scenario() -> int | None:
        with pytest.raises(StoppedError, match="no such topic"):
            await offset(PARKS, shared=shared).read(log)
        log.missing = ""
        return place(await offset(PARKS, shared=shared).read(log))

    assert asyncio.run(scenario()) == 7


def test_a_signed_offset_does_not_count_under_another_key_or_in_another_partition() -> None:
    """Another program may write the topic: it copies what the router signed to where it would skip records."""
    log: Any = Log()
    write(log, PARKS, 7)
    write(log, POLICE, 40)
    police = log.records[-1]
    log.add(TOPIC, 1, b"feedback.parks/1", police.value)
    log.add(TOPIC, 0, b"feedback.parks/2", police.value)
    assert place(asyncio.run(offset(PARKS).read(log))) == 7
    with pytest.raises(UnreadableStateError, match="have no signature"):
        asyncio.run(offset(TopicPartition("feedback.parks", 2)).read(log))


def test_an_older_offset_that_is_written_again_does_not_count() -> None:
    log: Any = Log()
    writer: Any = log
    one = offset(PARKS)
    for number in (7, 8):
        one.write(at(number), writer)
    log.add(TOPIC, 1, log.records[0].key, log.records[0].value)
    assert place(asyncio.run(offset(PARKS).read(log))) == 8
