"""The state of one partition as its changelog has it, up to an offset.

Opening a partition reads the changelog from there to its end. A state that was read before, as a standby copy or by an earlier
opening, only reads the rest. A copy is a cache: whenever the log may not be the one that was read, it is read from its beginning.
Docs: docs/adr/0022-standby-copies.md.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any

from aiokafka import TopicPartition

from router.stream.engine.changelog_reader import ChangelogReader, Portion
from router.stream.gc_tuning import gc_paused

APPLIED = 200
"""Values taken into the state between two turns of the event loop: a few ms, in which other partitions wait."""
Values = Mapping[bytes, bytes | None]
"""Key -> its last value; None for a key that was deleted."""


class StateCopy:
    """How far a state follows its changelog.

    Args:
        clear: empties the state.
        apply: takes values of a changelog into the state. Values of one key come in the order of the log, and may come again after a failure.
        ours: whether the router wrote a record; others are left out.
    """

    def __init__(
        self,
        clear: Callable[[], None],
        apply: Callable[[Values, TopicPartition], None],
        ours: Callable[[Any], bool] = lambda _: True,
    ) -> None:
        self._clear, self._apply, self.ours = clear, apply, ours
        self.topic_id = ""
        """Of the changelog that was read; empty when unknown."""
        self.next = 0
        """The next offset to read. The state has all committed records before it."""
        self.begun, self.end = 0, 0
        """Where the present or the last reading began, and where it ends."""
        self.intact = True
        """Whether the state has nothing but committed records; not while, and not after it was lost, uncommitted ones are folded in."""
        self._leader_epoch = -1
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
        self.next = max(self.next, self.end)

    async def check(self, logs: ChangelogReader, changelog: TopicPartition) -> None:
        """Empty the state, unless it is that of the log as it is now. Raises as `catch_up` does."""
        described = await logs.changelog(changelog)
        epoch = described.leader_epochs[changelog.partition]
        if self.next and not (self.intact and await self._continues(logs, changelog, described.topic_id, epoch)):
            self.next = 0
        if not self.next:
            self._clear()
        self.topic_id, self._leader_epoch, self.intact = described.topic_id, epoch, True

    async def _continues(self, logs: ChangelogReader, changelog: TopicPartition, topic_id: str, epoch: int) -> bool:
        """Whether the log still has what was read of it: the same topic, not cut since."""
        if not topic_id or topic_id != self.topic_id:
            return False
        if await logs.end(changelog) < self.next:
            return False
        if epoch == self._leader_epoch:
            return True
        ends_at = await logs.epoch_end(changelog, self._leader_epoch)
        return ends_at is not None and ends_at >= self.next

    async def take(self, portion: Portion, changelog: TopicPartition) -> None:
        """Take the next records of the changelog into the state."""
        for values in _parts(portion.values):
            self._apply(values, changelog)
            await asyncio.sleep(0)
        self.next = portion.next
        self._on_progress()

    def committed(self, acknowledged: Mapping[TopicPartition, int], changelog: TopicPartition) -> None:
        """The partition's owner has committed records that it wrote: the state has them.

        Args:
            acknowledged: partition -> the offset behind the last record that the transaction wrote to it.
            changelog: of the state.
        """
        self.next = max(self.next, acknowledged.get(changelog, 0))


def _ignore() -> None:
    """No opening waits for the copy."""


def _parts(values: Values) -> Iterator[Values]:
    items = iter(values.items())
    while part := dict(islice(items, APPLIED)):
        yield part
