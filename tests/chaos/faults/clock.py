"""A worker whose clock is wrong by a day joins the group."""

import sys

from tests.chaos.deployment import Deployment
from tests.chaos.schedule import Fault


def off(deployment: Deployment, fault: Fault) -> dict[str, float]:
    """Add a worker whose clock is a day ahead (it closes windows too early) or a day behind (it closes none)."""
    hours = 24 if fault.share < 0.5 else -24
    notes: dict[str, float] = {"hours": hours}
    command = (sys.executable, "-m", "tests.chaos.skewed_worker", "--hours", str(hours))
    with deployment.third_worker(command, notes=notes):
        deployment.pause(fault.lasts_s)
    return notes
