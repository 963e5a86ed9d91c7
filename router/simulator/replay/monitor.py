"""Monitors a replay: the feed sends, the workers process, the outputs arrive. It ends when everything is accounted for."""

import time
from collections.abc import Callable
from concurrent.futures import Future

from msgspec import Struct

from router.broker.progress import Patience, work_of
from router.simulator.messages import Sent
from router.simulator.replay.consumer_group import ConsumerGroup
from router.simulator.replay.feed import Feed
from router.simulator.replay.flow_control import InFlightLimiter
from router.simulator.replay.outputs import Outputs
from router.wire.errors import WorkerError
from router.workers.pool import WorkerPool

STALLED_S = 60.0
"""Longer than a dead worker keeps its partitions and the others need to restore them."""
LOOK_S = 0.25
SETTLE_S = 1.0
"""Pause between two comparisons of all outstanding records."""
KILL_AT = 0.3
"""Share of the recorded reports that are in cases when a worker is killed."""


class ReplayProgress(Struct, frozen=True, kw_only=True):
    """The progress so far."""

    doing: str
    sent: int = 0
    arrived: int = 0
    """Reports in cases."""
    cases: int = 0
    tasks: int = 0
    dead_letters: int = 0
    seconds: float = 0.0


class End(Struct, frozen=True, kw_only=True):
    """How the replay ended."""

    seconds: float
    """Seconds from the first message to the last output. The workers were ready before."""
    stalled: bool
    """Whether records were still outstanding after a minute without progress."""
    killed_at: int | None
    """Reports in cases when a worker was killed. None: no worker was killed."""
    restarts: int
    """How many times the pool restarted a worker."""


OnProgress = Callable[[ReplayProgress], None]


class ReplayMonitor:
    """Follows one replay.

    Args:
        feed: runs in another thread.
        limiter: gets what is accounted for.
        outputs: of the workers.
        group: of the workers.
        pool: the workers; polled here.
        kill_at: kill a worker once this many reports are in cases; None: never.
        on_progress: called several times a second.
    """

    def __init__(
        self,
        feed: Feed,
        outputs: Outputs,
        group: ConsumerGroup,
        pool: WorkerPool,
        *,
        limiter: InFlightLimiter,
        kill_at: int | None,
        on_progress: OnProgress,
    ) -> None:
        self._abreast = limiter
        self._feed, self._outputs, self._group, self._pool = feed, outputs, group, pool
        self._kill_at, self._on_progress = kill_at, on_progress
        self._killed_at: int | None = None
        self._awaited: list[Sent] = []
        self._seen = 0
        self._begun = self._moved = self._compared = time.monotonic()

    def until_ready(self, workers: int) -> None:
        """Wait until the group has assigned every partition. Raises WorkerError as `await_workers` does."""
        await_workers(self._group, self._pool, workers, self._on_progress)

    def follow(self, sending: "Future[None]") -> End:
        """Wait until every sent record is accounted for and read, or nothing makes progress.

        Raises:
            RouterError: the feed failed, or the workers end again and again.
        """
        self._begun = self._moved = time.monotonic()
        while True:
            self._pool.poll()
            came = self._outputs.take(LOOK_S)
            now = time.monotonic()
            if came:
                self._moved = now
            self._report_progress(now)
            self._kill_in_the_middle()
            if sending.done():
                sending.result()
            if not self._settle(now):
                if sending.done() and self._group.finished():
                    return self._end(stalled=False)
                if not sending.done():  # a slow feed is no stall
                    continue
            if now - self._moved > STALLED_S:
                return self._end(stalled=True)

    def _settle(self, now: float) -> bool:
        """Whether something is still outstanding."""
        if now - self._compared >= SETTLE_S or len(self._awaited) < 1000:
            self._compared = now
            sent = self._feed.sent
            new = sent[self._seen :]
            self._seen += len(new)
            still: list[Sent] = []
            for one in (*self._awaited, *new):
                if self._outputs.accounted(one):
                    self._abreast.accounted(one.report)
                else:
                    still.append(one)
            self._awaited = still
        return bool(self._awaited) or self._seen < len(self._feed.sent)

    def _kill_in_the_middle(self) -> None:
        if self._kill_at is not None and self._outputs.arrived >= self._kill_at:
            self._killed_at, self._kill_at = self._outputs.arrived, None
            self._pool.kill(0)

    def _report_progress(self, now: float) -> None:
        outputs = self._outputs
        self._on_progress(
            ReplayProgress(
                doing="replaying",
                sent=len(self._feed.sent),
                arrived=outputs.arrived,
                cases=outputs.opened,
                tasks=len(outputs.tasks),
                dead_letters=len(outputs.dead),
                seconds=now - self._begun,
            )
        )

    def _end(self, *, stalled: bool) -> End:
        return End(
            seconds=self._moved - self._begun, stalled=stalled, killed_at=self._killed_at, restarts=self._pool.restarts
        )


def await_workers(group: ConsumerGroup, pool: WorkerPool, workers: int, on_progress: OnProgress) -> None:
    """Wait until the group has assigned every partition.

    Raises:
        WorkerError: the workers end, or never join.
    """
    patience = Patience(lambda: work_of(pool.pids.values(), pool.logs))
    while not group.ready(workers):
        pool.poll()
        on_progress(ReplayProgress(doing="starting workers"))
        if why := patience.exhausted():
            raise WorkerError(
                f"the workers have not joined: their work {why}", where=str(pool.logs[0]), hint="read that log"
            )
        time.sleep(LOOK_S)
