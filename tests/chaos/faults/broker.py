"""Faults of the broker: killed and started again, frozen with all its connections open."""

from tests.chaos.deployment import Stage
from tests.chaos.process_state import is_stopped
from tests.chaos.schedule import Fault


def killed(stage: Stage, fault: Fault) -> dict[str, float]:
    """SIGKILL; it is away for some time, then starts from its log."""
    killed = stage.cluster.pid
    stage.cluster.kill()
    stage.pause(fault.lasts_s)
    stage.cluster.start()
    return {"injected": float(killed is not None and killed != stage.cluster.pid)}


def frozen(stage: Stage, fault: Fault) -> dict[str, float]:
    """SIGSTOP: sessions and transactions pass their limits while nobody hears anything."""
    stage.cluster.freeze()
    stage.pause(fault.lasts_s)
    stopped = stage.cluster.pid is not None and is_stopped(stage.cluster.pid)
    stage.cluster.thaw()
    return {"injected": float(stopped)}
