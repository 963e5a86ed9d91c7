"""Faults of the network between the broker and one of three workers."""

from collections import Counter
from random import Random

from tests.chaos.deployment import Deployment
from tests.chaos.frames import APIS, Api, Request
from tests.chaos.late_requests import LIMIT_S, Due, Late, after_answers, at_once
from tests.chaos.schedule import Fault
from tests.support.patience import PATIENCE_S

MAX_DELAY_S = 0.4
LATE: dict[Api, float] = {"InitProducerId": 0.2, "AddPartitionsToTxn": 0.1, "Produce": 0.1, "EndTxn": 0.4}
"""Share of the requests that are late."""
MAX_LATER = 8
"""A late request arrives behind this number of later answers at most."""


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


def late(deployment: Deployment, fault: Fault) -> dict[str, float]:
    """Hold single requests of transactional producers back, cut their connection, and deliver them after later ones.

    It lasts until the broker has answered a late end of a transaction and a late batch: a loaded machine sends few in a short time.
    """
    notes: dict[str, float] = {}
    random, proxy = Random(fault.share), deployment.proxy

    def hold(request: Request) -> Due | None:
        if random.random() >= LATE[request.api]:
            return None
        later = random.randrange(MAX_LATER + 1)
        return after_answers(later) if later else at_once

    with deployment.third_worker(deployment.labelled_worker, through_proxy=True, notes=notes):
        first = len(proxy.late)
        proxy.hold = hold
        deployment.pause(fault.lasts_s)
        deployment.until(
            lambda: bool(_counts(proxy.late[first:])["injected"]), PATIENCE_S, "no end and no batch was late"
        )
        del proxy.hold
        delivered = proxy.late[first:]
        deployment.until(lambda: all(one.done for one in delivered), 3 * LIMIT_S, "late requests are not delivered")
        notes |= _counts(delivered)
    return notes


def _counts(delivered: list[Late]) -> dict[str, float]:
    """Late requests of each kind that the broker answered, and ends of transactions that it accepted."""
    answered = Counter(one.request.api for one in delivered if one.code is not None)
    accepted = sum(one.request.api == "EndTxn" and one.code == 0 for one in delivered)
    return {api: answered[api] for api in APIS} | {
        "accepted": accepted,
        "injected": float(answered["EndTxn"] > 0 and answered["Produce"] > 0),
    }
