"""A second worker of a deployment, which keeps standby copies of the states of the first one."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from prometheus_client.parser import text_string_to_metric_families

from router.wire.settings import Settings
from router.workers.pool import environment
from tests.bench.load_shape import CITY
from tests.bench.pinned_process import Pinned
from tests.bench.product import router
from tests.bench.stopwatch import LIMIT_SECONDS, UnfinishedError
from tests.support.broker import free_ports

POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Second:
    """The worker and where its metrics are."""

    worker: Pinned
    port: int

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels; 0 while the worker starts."""
        try:
            with build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{self.port}/metrics", timeout=30) as answer:
                families = text_string_to_metric_families(answer.read().decode())
                return sum(sample.value for family in families for sample in family.samples if sample.name == name)
        except (URLError, OSError):
            return 0.0


@contextmanager
def second_worker(own: Settings) -> Iterator[Second]:
    """A worker on any core, which ends with the context."""
    port = free_ports(1)
    log = own.home.absolute() / "bench" / f"{own.namespace}second.log"
    with tempfile.TemporaryDirectory() as folder:
        env = environment(own.model_copy(update={"metrics_port": port})) | {"FAUST_DATADIR": folder}
        with Pinned(router(CITY), env, log, alone=False) as worker:
            yield Second(worker, port)


def await_copies(second: Second) -> None:
    """Wait until the worker has its share of the partitions, and copies of the others that have caught up."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not (
        second.metric("grid_partitions") == second.metric("grid_standby_ready_partitions") > 0
        and second.metric("grid_standby_lag_records") == 0
    ):
        if time.monotonic() > deadline or second.worker.exit_code is not None:
            raise UnfinishedError(f"the copies do not catch up; see {second.worker.log}")
        time.sleep(POLL_SECONDS)
