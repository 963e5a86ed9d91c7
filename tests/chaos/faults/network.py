"""Faults of the network between the broker and one of three workers."""

from tests.chaos.deployment import Deployment
from tests.chaos.schedule import Fault

MAX_DELAY_S = 0.4


def delayed(deployment: Deployment, fault: Fault) -> dict[str, float]:
    """Delay every chunk in both directions."""
    notes: dict[str, float] = {}
    with deployment.third_worker(through_proxy=True, notes=notes):
        deployment.proxy.delay_s = notes["delay_s"] = round(0.05 + fault.share * (MAX_DELAY_S - 0.05), 3)
        deployment.pause(fault.lasts_s)
        notes["injected"] = float(deployment.proxy.delayed > 0)
        deployment.proxy.heal()
    return notes


def cut(deployment: Deployment, fault: Fault) -> dict[str, float]:
    """Reset all connections several times."""
    notes: dict[str, float] = {"cuts": 2 + round(4 * fault.share)}
    with deployment.third_worker(through_proxy=True, notes=notes):
        for _ in range(int(notes["cuts"])):
            deployment.proxy.cut()
            deployment.pause(fault.lasts_s / notes["cuts"])
        notes["injected"] = float(deployment.proxy.resets > 0)
        deployment.proxy.heal()
    return notes


def half_open(deployment: Deployment, fault: Fault) -> dict[str, float]:
    """Forward no byte. After a session timeout the worker is a zombie, which receives everything late."""
    notes: dict[str, float] = {}
    with deployment.third_worker(through_proxy=True, notes=notes):
        deployment.proxy.half_open()
        deployment.pause(fault.lasts_s)
        notes["injected"] = float(deployment.proxy.held > 0)
        deployment.proxy.heal()
        deployment.pause(1.0)
    return notes
