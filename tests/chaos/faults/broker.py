"""Faults of the broker: killed and started again, frozen with all its connections open."""

from tests.chaos.schedule import Fault
from tests.chaos.stage import Stage


def killed(stage: Stage, fault: Fault) -> dict[str, float]:
    """SIGKILL; it is away for some time, then starts from its log."""
    stage.cluster.kill()
    stage.pause(fault.lasts_s)
    stage.cluster.start()
    return {}


def frozen(stage: Stage, fault: Fault) -> dict[str, float]:
    """SIGSTOP: sessions and transactions pass their limits while nobody hears anything."""
    stage.cluster.freeze()
    stage.pause(fault.lasts_s)
    stage.cluster.thaw()
    return {}
