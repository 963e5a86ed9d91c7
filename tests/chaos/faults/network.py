"""Faults of the network between the broker and one of three workers."""

from tests.chaos.deployment import Stage
from tests.chaos.schedule import Fault

WORST_DELAY_S = 0.4


def delayed(stage: Stage, fault: Fault) -> dict[str, float]:
    """Every chunk waits, both ways."""
    notes: dict[str, float] = {}
    with stage.third(through_proxy=True, notes=notes):
        stage.proxy.delay_s = notes["delay_s"] = round(0.05 + fault.share * (WORST_DELAY_S - 0.05), 3)
        stage.pause(fault.lasts_s)
        notes["injected"] = float(stage.proxy.delayed > 0)
        stage.proxy.heal()
    return notes


def cut(stage: Stage, fault: Fault) -> dict[str, float]:
    """All connections are reset, again and again."""
    notes: dict[str, float] = {"cuts": 2 + round(4 * fault.share)}
    with stage.third(through_proxy=True, notes=notes):
        for _ in range(int(notes["cuts"])):
            stage.proxy.cut()
            stage.pause(fault.lasts_s / notes["cuts"])
        notes["injected"] = float(stage.proxy.resets > 0)
        stage.proxy.heal()
    return notes


def half_open(stage: Stage, fault: Fault) -> dict[str, float]:
    """No byte passes, and nobody is told; longer than a session the worker is a zombie that hears everything late."""
    notes: dict[str, float] = {}
    with stage.third(through_proxy=True, notes=notes):
        stage.proxy.half_open()
        stage.pause(fault.lasts_s)
        notes["injected"] = float(stage.proxy.held > 0)
        stage.proxy.heal()
        stage.pause(1.0)
    return notes
