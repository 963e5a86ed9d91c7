"""A worker whose machine's clock is a day off takes its share of the work."""

import sys

from tests.chaos.deployment import Stage
from tests.chaos.schedule import Fault


def off(stage: Stage, fault: Fault) -> dict[str, float]:
    """A day ahead it closes windows that should be open, a day behind it closes none; nothing may be lost or doubled."""
    hours = 24 if fault.share < 0.5 else -24
    notes: dict[str, float] = {"hours": hours}
    command = (sys.executable, "-m", "tests.chaos.skewed_worker", "--hours", str(hours))
    with stage.third(command, notes=notes):
        stage.pause(fault.lasts_s)
    return notes
