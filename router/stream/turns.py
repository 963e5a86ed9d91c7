"""Which partitions' transactions are on their way at the same time: a few, and each of the others in its turn.

A transaction is three requests, one after the other. Where all partitions of a worker have one on its way, each advances by one step while
all others do, and ends when all end; a few at a time keep the core as busy, and each ends sooner. What arrives for a partition that waits
for its turn is folded meanwhile and commits with the rest.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from enum import Enum

AT_A_TIME = 4
"""So many keep the core busy while each waits for the broker."""
TURN_SECONDS = 0.25
"""A turn ends then, though its transaction goes on: where a broker of the cluster is slow or gone, partitions on the others do not wait."""


class _Stage(Enum):
    NONE = "none"
    WAITS = "waits"
    MAY = "may"
    """It is its turn, and it was told."""
    HAS = "has"


class Turn:
    """A partition's turn: asked for by `take`, over with `end`; `Turns.of` makes one."""

    def __init__(self, turns: "Turns", ready: Callable[[], None]) -> None:
        self._turns, self._ready = turns, ready
        self._stage = _Stage.NONE
        self._timer: asyncio.TimerHandle | None = None

    def take(self) -> bool:
        """Whether it may begin; if not it waits, is told when it may, and asks again."""
        if self._stage is _Stage.NONE:
            self._stage = _Stage.WAITS
            self._turns.ask(self)
        if self._stage is not _Stage.MAY:
            return False
        self._stage = _Stage.HAS
        return True

    def end(self) -> None:
        """Its turn is over, or not wanted any more; the next one's begins."""
        stage, self._stage = self._stage, _Stage.NONE
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if stage is _Stage.WAITS:
            self._turns.leave(self)
        elif stage is not _Stage.NONE:
            self._turns.give_back()

    def come(self, seconds: float) -> None:
        """It is its turn, for so long at most; said by `Turns` alone."""
        self._stage = _Stage.MAY
        self._timer = asyncio.get_running_loop().call_later(seconds, self.end)
        self._ready()


class Turns:
    """The turns of a worker, in the order in which they were asked for.

    Args:
        at_a_time: how many may have theirs at once.
        seconds: how long a turn lasts at most, whether it is taken or not.
    """

    def __init__(self, at_a_time: int = AT_A_TIME, seconds: float = TURN_SECONDS) -> None:
        self._free, self._seconds = at_a_time, seconds
        self._queue: deque[Turn] = deque()

    def of(self, ready: Callable[[], None]) -> Turn:
        """One partition's place among the others.

        Args:
            ready: called when its turn has come.
        """
        return Turn(self, ready)

    def ask(self, turn: Turn) -> None:
        """It comes at once or waits behind those that asked before."""
        self._queue.append(turn)
        self._go_on()

    def leave(self, turn: Turn) -> None:
        """It waits no more."""
        self._queue.remove(turn)

    def give_back(self) -> None:
        """One is over."""
        self._free += 1
        self._go_on()

    def _go_on(self) -> None:
        while self._free and self._queue:
            self._free -= 1
            self._queue.popleft().come(self._seconds)
