"""The stage on which faults strike: broker, proxy, two workers, load, and the watch; and a third worker when one is asked for."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from msgspec import Struct

from router.domain.rules.city import City
from router.wire.settings import Settings
from router.workers.pool import WorkerPool
from router.workers.restart_policy import RestartPolicy
from tests.chaos.cities import CITY
from tests.chaos.cluster import Cluster
from tests.chaos.group_monitor import Watch
from tests.chaos.load import Load
from tests.chaos.proxy import Proxy

WORKERS = 2
TOGETHER_S = 90.0
PATIENCE = RestartPolicy(crashes=1_000_000)
"""A run ends workers far more often than a crash loop would."""
WORKER = (sys.executable, "-m", "router.stream")


class Stage(Struct, frozen=True):
    """What faults act upon."""

    settings: Settings
    """Of the deployment; `kafka` is the broker's own listener."""
    cluster: Cluster
    proxy: Proxy
    pool: WorkerPool
    load: Load
    watch: Watch
    city: City

    def pause(self, seconds: float) -> None:
        """Let time pass; workers that ended are started again meanwhile."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._poll()
            time.sleep(min(left, 0.2))

    def until(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        """Wait for a condition.

        Raises:
            StuckError: it does not come true in time.
        """
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise StuckError(f"after {seconds:.0f} s: {what}")
            self.pause(0.2)

    def together(self, workers: int = WORKERS) -> None:
        """Wait until so many workers share the partitions."""
        self.until(lambda: self.watch.members == workers, TOGETHER_S, f"the group has not {workers} members at rest")

    @contextmanager
    def third(
        self, command: Sequence[str] = WORKER, *, through_proxy: bool = False, notes: dict[str, float]
    ) -> Iterator[WorkerPool]:
        """One more worker, in the group when this is entered; its orderly end is measured."""
        settings = self.settings.model_copy(
            update={
                "home": self.settings.home / "third",
                "kafka": self.cluster.proxy if through_proxy else self.settings.kafka,
            }
        )
        with WorkerPool(CITY, settings, 1, command=command, restart_policy=PATIENCE) as pool:
            begun = time.monotonic()
            self.together(WORKERS + 1)
            notes["joined_s"], notes["injected"] = round(time.monotonic() - begun, 2), 1
            yield pool
            notes["drained_s"] = stopped_within(pool)

    def _poll(self) -> None:
        self.pool.poll()
        self.load.check()


def stopped_within(pool: WorkerPool) -> float:
    """Stop workers with SIGTERM; how long that took, which must not need SIGKILL."""
    begun = time.monotonic()
    orderly = pool.stop(30.0)
    return round(time.monotonic() - begun, 2) if orderly else 99.0


class StuckError(Exception):
    """The router does not come to where it must come."""
