"""The state of one partition as its changelog has it, up to an offset.

Opening a partition reads the changelog from there to its end. A state that was read before, as a standby copy or by an earlier
opening, only reads the rest. A copy is a cache: whenever the log may not be the one that was read, it is read from its beginning.
Docs: docs/adr/0022-standby-copies.md.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any

from aiokafka import TopicPartition

from router.stream.engine.changelog_reader import ChangelogReader, Portion
from router.stream.gc_tuning import gc_paused
from router.wire.declared_topics import TOMBSTONES_MS
from router.wire.stored_offsets import NO_EPOCH

APPLIED = 200
"""Values taken into the state between two turns of the event loop: a few ms, in which other partitions wait."""
MAX_AGE_S = TOMBSTONES_MS / 2000
"""After so long without reaching the end of its changelog, a state is read again. Compaction keeps a tombstone twice as long. A state
that missed one would keep a case that is archived, for ever."""
Values = Mapping[bytes, bytes | None]
"""Key -> its last value; None for a key that was deleted."""


class StateCopy:
    """How far a state follows its changelog.

    Args:
        clear: empties the state.
        apply: takes values of a changelog into the state. Values of one key come in the order of the log, and may come again after a failure.
        ours: whether the router wrote a record; others are left out.
        clock: seconds since 1970. It goes on while the machine is suspended.
    """

    def __init__(
        self,
        clear: Callable[[], None],
        apply: Callable[[Values, TopicPartition], None],
        ours: Callable[[Any], bool] = lambda _: True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clear, self._apply, self.ours, self._clock = clear, apply, ours, clock
        self.topic_id = ""
        """Of the changelog that was read; empty when unknown."""
        self.next = 0
        """The next offset to read. The state has all committed records before it."""
        self.begun, self.end = 0, 0
        """Where the present or the last reading began, and where it ends."""
        self.intact = True
        """Whether the state has nothing but committed records; not while, and not after it was lost, uncommitted ones are folded in."""
        self.leader_epoch = NO_EPOCH
        """The latest one whose beginning was compared with what was read."""
        self._behind = 0
        """The offset behind the last record that the state may have."""
        self._complete_at = 0.0
        """When the log had no record that the state does not have."""
        self._awaited, self._awaited_at = 0, 0.0
        """An end of the log that was not reached yet when it was looked at, and when that was."""
        self._on_progress: Callable[[], None] = _ignore

    @contextmanager
    def opening(self, on_progress: Callable[[], None]) -> Iterator[None]:
        """The partition opens, and nothing is read yet. In the context, `on_progress` is called whenever some of the changelog was read.

        Not behind it: as a standby copy, the state goes on when the stream task that opened it has ended.
        """
        self.begun = self.end = self.next
        self._on_progress = on_progress
        try:
            yield
        finally:
            self._on_progress = _ignore

    @property
    def progress(self) -> tuple[int, int]:
        """How many offsets the present or the last reading has read, and how many it had to read."""
        return min(self.next, self.end) - self.begun, self.end - self.begun

    async def catch_up(self, logs: ChangelogReader, changelog: TopicPartition) -> None:
        """Read the changelog to its end. Waits for transactions that are open, so that nothing committed is missing.

        Raises:
            StoppedError: the changelog does not exist, or a value of it cannot be used.
            KafkaError: no broker answers. The next call goes on where this one ended.
        """
        await self.check(logs, changelog)
        self.begun, self.end = self.next, await logs.end(changelog)
        with gc_paused():
            async for portion in logs.portions(changelog, self.next, self.end, self.ours):
                await self.take(portion, changelog)
        self._advance(self.end)

    async def check(self, logs: ChangelogReader, changelog: TopicPartition, leader_epoch: int = NO_EPOCH) -> None:
        """Empty the state, unless it is that of the log as it is now. Raises as `catch_up` does.

        Args:
            logs: reads the changelog.
            changelog: of the state.
            leader_epoch: of a record behind `next`. The broker that describes the log may not know it yet.
        """
        described = await logs.changelog(changelog)
        epoch = max(described.leader_epochs[changelog.partition], leader_epoch)
        now, end = self._clock(), await logs.end(changelog)
        if self.next:
            fresh = self.intact and abs(now - self._complete_at) < MAX_AGE_S
            self.next = await self._continued(logs, changelog, described.topic_id, epoch, end) if fresh else 0
        if not self.next:
            self._clear()
            self._behind, self._awaited, self._complete_at = 0, 0, now
        self.leader_epoch = max(epoch, self.leader_epoch) if self.next else epoch
        self.topic_id, self.intact = described.topic_id, True
        if self.next >= self._awaited:
            self._awaited, self._awaited_at = end, now
        self._advance(self.next)

    async def _continued(
        self, logs: ChangelogReader, changelog: TopicPartition, topic_id: str, epoch: int, end: int
    ) -> int:
        """Where to read on in the same topic, if it was not cut before that; else 0."""
        if not topic_id or topic_id != self.topic_id or end < self._behind:
            return 0
        if epoch <= self.leader_epoch:
            return min(self.next, end)
        ends_at = await logs.epoch_end(changelog, self.leader_epoch)
        # only markers may lie between the last record and `next`: they may be of the new leader, and so may other records
        return 0 if ends_at is None or ends_at < self._behind else min(self.next, ends_at)

    def _advance(self, to: int) -> None:
        self.next = max(self.next, to)
        if self.next >= self._awaited:
            self._complete_at = max(self._complete_at, self._awaited_at)

    async def take(self, portion: Portion, changelog: TopicPartition) -> None:
        """Take the next records of the changelog into the state."""
        self._behind = max(self._behind, portion.behind)
        for values in _parts(portion.values):
            self._apply(values, changelog)
            await asyncio.sleep(0)
        self._advance(portion.next)
        self._on_progress()

    def committed(self, acknowledged: Mapping[TopicPartition, int], changelog: TopicPartition) -> None:
        """The partition's owner has committed records that it wrote: the state has them.

        Args:
            acknowledged: partition -> the offset behind the last record that the transaction wrote to it.
            changelog: of the state.
        """
        written = acknowledged.get(changelog, 0)
        self._behind, self._complete_at = max(self._behind, written), self._clock()
        self._advance(written)


def _ignore() -> None:
    """No opening waits for the copy."""


def _parts(values: Values) -> Iterator[Values]:
    items = iter(values.items())
    while part := dict(islice(items, APPLIED)):
        yield part
