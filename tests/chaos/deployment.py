"""The deployment under test: broker, proxy, two workers, load, group monitor, and a third worker on demand."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from msgspec import Struct

from router.domain.rules.city import City
from router.wire.settings import Settings
from router.workers.pool import WorkerPool
from router.workers.restart_policy import RestartPolicy
from tests.chaos.answerers import Answerers
from tests.chaos.cities import CITY
from tests.chaos.cluster import Cluster
from tests.chaos.group_monitor import GroupMonitor
from tests.chaos.late_requests import LateRequests
from tests.chaos.load import Load
from tests.chaos.observer import Observer
from tests.support.patience import PATIENCE_S

WORKERS = 2
RESTART_POLICY = RestartPolicy(crashes=1_000_000, rejections=1_000_000)
"""A run kills workers more often than a crash loop does, and a worker that starts without a broker ends; so no limit applies, as in `serve`."""
WORKER = (sys.executable, "-m", "router.stream")
LABELLED_WORKER = (sys.executable, "-m", "tests.chaos.labelled_worker")


class Deployment(Struct, frozen=True):
    """The parts that faults act on."""

    settings: Settings
    """`kafka` is the direct listener of the broker."""
    cluster: Cluster
    proxy: LateRequests
    pool: WorkerPool
    load: Load
    answerers: Answerers
    monitor: GroupMonitor
    observer: Observer
    city: City
    labelled_worker: Sequence[str] = LABELLED_WORKER
    """Command of the worker whose requests are late."""

    def pause(self, seconds: float) -> None:
        """Wait, and restart workers that end in the meantime."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._poll()
            time.sleep(min(left, 0.2))

    def until(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        """Wait for a condition.

        Raises:
            NoProgressError: it is not true in time.
        """
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise NoProgressError(f"after {seconds:.0f} s: {what}")
            self.pause(0.2)

    def await_members(self, workers: int = WORKERS) -> None:
        """Wait until the group is stable with this number of members, of which each has partitions."""
        self.until(
            lambda: self.monitor.members == workers,
            PATIENCE_S,
            f"the group is not stable with {workers} members that have partitions",
        )

    @contextmanager
    def third_worker(
        self, command: Sequence[str] = WORKER, *, through_proxy: bool = False, notes: dict[str, float]
    ) -> Iterator[WorkerPool]:
        """A third worker, which has its share of the partitions when the context begins; measures its graceful stop."""
        settings = self.settings.model_copy(
            update={
                "home": self.settings.home / "third",
                "kafka": self.cluster.proxy if through_proxy else self.settings.kafka,
            }
        )
        with WorkerPool(CITY, settings, 1, command=command, restart_policy=RESTART_POLICY) as pool:
            begun = time.monotonic()
            self.await_members(WORKERS + 1)
            notes["joined_s"], notes["injected"] = round(time.monotonic() - begun, 2), 1
            yield pool
            notes["drained_s"] = stopped_within(pool)

    def _poll(self) -> None:
        self.pool.poll()
        self.load.check()
        self.answerers.check()


def stopped_within(pool: WorkerPool) -> float:
    """Stop workers with SIGTERM. Return the seconds it took, or 99 when SIGKILL was needed."""
    begun = time.monotonic()
    orderly = pool.stop(30.0)
    return round(time.monotonic() - begun, 2) if orderly else 99.0


class NoProgressError(Exception):
    """The router makes no progress."""
