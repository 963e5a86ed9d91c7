"""Stored offsets of many input partitions in one compacted topic, one key each: for processors without a changelog of their own.

A city has dozens of departments, and each has a topic of feedback. When a stream task opens, its input partitions ask for their
offsets at about the same time, so one reading answers many. Docs: docs/adr/0031-feedback-through-kafka.md.
"""

import asyncio
from collections.abc import Callable

from aiokafka import TopicPartition

from router.kafka.record_batches import Writer
from router.stream.engine.changelog_reader import ChangelogReader
from router.stream.engine.stored_offset import StoredOffsets
from router.wire.offset_check import OffsetCheck
from router.wire.offset_signing import OffsetKeys
from router.wire.stored_offsets import StoredOffset

_Reading = tuple[dict[bytes, bytes], dict[bytes, OffsetCheck]]
"""The latest value of each key, and the check that its records passed."""


class SharedOffsets:
    """The topic of stored offsets, shared by the processors of a worker.

    Args:
        topic: compacted.
        partitions: of this topic.
        keys: sign and verify.
        ignored: called with the topic for each stored offset that does not count.
    """

    def __init__(self, topic: str, partitions: int, keys: OffsetKeys, ignored: Callable[[str], None]) -> None:
        self.topic, self._partitions, self.keys, self.ignored = topic, partitions, keys, ignored
        self._next: dict[int, asyncio.Task[_Reading]] = {}
        """Partition -> a reading that has not begun. All that ask before it begins get its answer."""

    def changelog_of(self, source: TopicPartition) -> TopicPartition:
        """Where the offset of an input partition is stored. The topic of feedback may have more partitions than this one."""
        return TopicPartition(self.topic, source.partition % self._partitions)

    async def read(self, logs: ChangelogReader, source: TopicPartition) -> _Reading:
        """Read the partition that has the offset of an input partition. What was committed before the call is in it.

        Raises:
            StoppedError: the topic does not exist, or lacks the partition.
            KafkaError: no broker answers.
        """
        changelog = self.changelog_of(source)
        reading = self._next.get(changelog.partition)
        if reading is None:
            reading = asyncio.create_task(self._read(logs, changelog), name=f"stored offsets {changelog}")
            self._next[changelog.partition] = reading
        return await asyncio.shield(reading)  # one that is cancelled must not end it for the others

    async def _read(self, logs: ChangelogReader, changelog: TopicPartition) -> _Reading:
        try:
            # a missing topic stops the partition with a sentence; a read only times out
            await logs.changelog(changelog)
        finally:
            self._next.pop(changelog.partition, None)  # the end of the log is looked up from here on
        checks: dict[bytes, OffsetCheck] = {}

        def ours(record: object) -> bool:
            key: bytes = record.key  # type: ignore[attr-defined]
            check = checks.get(key)
            if check is None:
                check = checks[key] = OffsetCheck(self.keys, self.ignored, key)
            return check(record)

        return await logs.latest(changelog, ours), checks


class SharedOffset:
    """The stored offset of one input partition in a shared topic.

    Args:
        shared: the topic.
        source: the input partition.
    """

    def __init__(self, shared: SharedOffsets, source: TopicPartition) -> None:
        self._shared, self._source = shared, source
        self._key = f"{source.topic}/{source.partition}".encode()
        self._offsets = StoredOffsets(shared.keys, shared.ignored, self._key)

    async def read(self, logs: ChangelogReader) -> StoredOffset | None:
        """The offset; None when none was stored. Raises as `SharedOffsets.read`, and UnreadableStateError."""
        latest, checks = await self._shared.read(logs, self._source)
        found = latest.get(self._key)
        check = checks.get(self._key) or self._offsets.check()
        own = {} if found is None else {self._key: found}
        return self._offsets.pop(own, self._shared.changelog_of(self._source), check)

    @property
    def overwritten(self) -> bool:
        """See `StoredOffsets.overwritten`."""
        return self._offsets.overwritten

    def write(self, position: StoredOffset, writer: Writer) -> None:
        """Write the next offset; it commits with the outputs of the records before it."""
        changelog = self._shared.changelog_of(self._source)
        writer.add(changelog.topic, changelog.partition, *self._offsets.encode(position, changelog))
