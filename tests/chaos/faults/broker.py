"""Faults of the broker: killed and restarted; stopped with its connections open."""

from tests.chaos.deployment import Deployment
from tests.chaos.process_state import is_stopped
from tests.chaos.schedule import Fault


def killed(deployment: Deployment, fault: Fault) -> dict[str, float]:
    """Kill the broker with SIGKILL and restart it after some seconds."""
    pid = deployment.cluster.pid
    deployment.cluster.kill()
    deployment.pause(fault.lasts_s)
    deployment.cluster.start()
    return {"injected": float(pid is not None and pid != deployment.cluster.pid)}


def frozen(deployment: Deployment, fault: Fault) -> dict[str, float]:
    """Stop the broker with SIGSTOP: sessions and transactions reach their timeouts without an answer."""
    deployment.cluster.freeze()
    deployment.pause(fault.lasts_s)
    stopped = deployment.cluster.pid is not None and is_stopped(deployment.cluster.pid)
    deployment.cluster.thaw()
    return {"injected": float(stopped)}
