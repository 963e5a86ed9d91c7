"""Faults of a worker: killed, terminated, stopped beyond its session, and a third worker that joins and leaves."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from router.workers.pool import WorkerPool
from tests.chaos.deployment import Deployment
from tests.chaos.process_state import is_stopped
from tests.chaos.schedule import Fault

DRAIN_S = 40.0


def killed(deployment: Deployment, fault: Fault) -> dict[str, float]:
    """Kill a worker with SIGKILL; the worker pool restarts it."""
    pid = deployment.pool.pids.get(fault.worker)
    deployment.pool.kill(fault.worker)
    deployment.pause(0.1)
    return {"injected": float(pid is not None and pid != deployment.pool.pids.get(fault.worker))}


def terminated(deployment: Deployment, fault: Fault) -> dict[str, float]:
    """Terminate a worker with SIGTERM and measure how long it drains; the worker pool restarts it."""
    pid = deployment.pool.pids.get(fault.worker)
    if pid is None:
        return {}
    begun = time.monotonic()
    os.kill(pid, signal.SIGTERM)
    while pid in deployment.pool.pids.values() and time.monotonic() - begun < DRAIN_S:
        time.sleep(0.05)
    drained_s = time.monotonic() - begun
    deployment.pool.kill(fault.worker)  # no effect on a worker that has ended
    return {"injected": 1, "drained_s": round(drained_s, 2)}


def frozen(deployment: Deployment, fault: Fault) -> dict[str, float]:
    """Stop a worker for longer than a session, then continue it: other workers own its partitions by then."""
    pid = deployment.pool.pids.get(fault.worker)
    if pid is None:
        return {}
    os.kill(pid, signal.SIGSTOP)
    deployment.pause(fault.lasts_s)
    stopped = is_stopped(pid)
    os.kill(pid, signal.SIGCONT)
    return {"injected": float(stopped)}


@contextmanager
def frozen_workers(pool: WorkerPool) -> Iterator[None]:
    """Every worker of the pool is stopped with SIGSTOP, and continues after the context."""
    pids = list(pool.pids.values())
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def joins(deployment: Deployment, fault: Fault) -> dict[str, float]:
    """Add a third worker under load, then stop it."""
    notes: dict[str, float] = {}
    with deployment.third_worker(notes=notes):
        deployment.pause(fault.lasts_s)
    return notes
