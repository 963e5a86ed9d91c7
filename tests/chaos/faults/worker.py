"""Faults of a worker: killed, asked to end, frozen beyond its session and back, one more that comes and goes."""

import os
import signal
import time

from tests.chaos.deployment import Stage
from tests.chaos.process_state import is_stopped
from tests.chaos.schedule import Fault

DRAIN_S = 40.0


def killed(stage: Stage, fault: Fault) -> dict[str, float]:
    """SIGKILL; the fleet starts another."""
    pid = stage.pool.pids.get(fault.worker)
    stage.pool.kill(fault.worker)
    stage.pause(0.1)
    return {"injected": float(pid is not None and pid != stage.pool.pids.get(fault.worker))}


def terminated(stage: Stage, fault: Fault) -> dict[str, float]:
    """SIGTERM; how long it drains is measured, then the fleet starts another."""
    pid = stage.pool.pids.get(fault.worker)
    if pid is None:
        return {}
    begun = time.monotonic()
    os.kill(pid, signal.SIGTERM)
    while pid in stage.pool.pids.values() and time.monotonic() - begun < DRAIN_S:
        time.sleep(0.05)
    drained_s = time.monotonic() - begun
    stage.pool.kill(fault.worker)  # only one that has not ended
    return {"injected": 1, "drained_s": round(drained_s, 2)}


def frozen(stage: Stage, fault: Fault) -> dict[str, float]:
    """SIGSTOP for longer than a session: the others take its partitions, and then it goes on as if nothing had been."""
    pid = stage.pool.pids.get(fault.worker)
    if pid is None:
        return {}
    os.kill(pid, signal.SIGSTOP)
    stage.pause(fault.lasts_s)
    stopped = is_stopped(pid)
    os.kill(pid, signal.SIGCONT)
    return {"injected": float(stopped)}


def joins(stage: Stage, fault: Fault) -> dict[str, float]:
    """A third worker takes its share under load and gives it back."""
    notes: dict[str, float] = {}
    with stage.third(notes=notes):
        stage.pause(fault.lasts_s)
    return notes
