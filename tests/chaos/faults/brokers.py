"""Faults of a cluster of three brokers. One may fail, or lose its disk, and nothing is lost; with two away nothing is acknowledged."""

import time
from collections.abc import Sequence
from contextlib import suppress

from router.broker.admin import connected
from router.broker.replicas import behind
from router.wire.declared_topics import topics_of
from router.wire.durability import INTERNAL_TOPICS
from router.wire.errors import BrokerError
from router.wire.topic_names import Names
from tests.chaos.deployment import Deployment
from tests.chaos.process_state import is_stopped
from tests.chaos.schedule import Fault

CAUGHT_UP_S = 180.0
SETTLED_S = 2.0
"""Acknowledgements that are on their way when brokers go have arrived by then."""
ENDED_S = 60.0
"""A broker without room for a record ends itself, at the latest when its log cleaner or its next segment finds out."""


def leader_killed(deployment: Deployment, fault: Fault) -> dict[str, float]:
    """Kill the leader of a partition, for less or more than the time after which the controller chooses another one."""
    return _away(deployment, fault, [_leader(deployment, fault)])


def controller_killed(deployment: Deployment, fault: Fault) -> dict[str, float]:
    """Kill the active controller, which is a broker as well."""
    return _away(deployment, fault, [deployment.cluster.controller()])


def two_away(deployment: Deployment, fault: Fault) -> dict[str, float]:
    """Kill two of three: nothing is acknowledged until one is back, because two must have each record."""
    kept = round(3 * fault.share) % 3 + 1
    return _away(deployment, fault, [number for number in deployment.cluster.numbers if number != kept])


def controller_cut_off(deployment: Deployment, fault: Fault) -> dict[str, float]:
    """Stop the active controller beyond every timeout. When it goes on, it believes that it still leads."""
    number = deployment.cluster.controller()
    deployment.cluster.freeze(number)
    deployment.pause(fault.lasts_s)
    pid = deployment.cluster.pid_of(number)
    stopped = pid is not None and is_stopped(pid)
    deployment.cluster.thaw()
    return {"broker": number, "injected": float(stopped), "caught_up_s": _caught_up(deployment)}


def disk_lost(deployment: Deployment, fault: Fault) -> dict[str, float]:
    """Kill a broker and delete its data. It comes back empty, and copies everything from the others."""
    number = _leader(deployment, fault)
    deployment.cluster.kill(number)
    deployment.cluster.wipe(number)
    deployment.pause(fault.lasts_s)
    deployment.cluster.start()
    return {"broker": number, "injected": 1, "caught_up_s": _caught_up(deployment)}


def disk_full(deployment: Deployment, fault: Fault) -> dict[str, float]:
    """Leave no room on the disk of a broker, which ends it. It comes back when there is room."""
    cluster, number = deployment.cluster, deployment.cluster.numbers[-1]
    assert cluster.disk is not None
    pid = cluster.pid_of(number)
    cluster.disk.fill()
    deployment.until(lambda: cluster.pid_of(number) != pid, ENDED_S, "the broker with a full disk goes on")
    deployment.pause(fault.lasts_s)
    cluster.disk.empty()
    cluster.start()
    return {"broker": number, "injected": 1, "caught_up_s": _caught_up(deployment)}


def several(deployment: Deployment, fault: Fault) -> dict[str, float]:
    """Kill a leader and a worker, stop a second broker meanwhile, and cut the connections of a third worker."""
    notes: dict[str, float] = {}
    cluster = deployment.cluster
    with deployment.third_worker(through_proxy=True, notes=notes):
        number = _leader(deployment, fault)
        cluster.kill(number)
        deployment.pool.kill(fault.worker)
        other = next(one for one in cluster.numbers if one != number)
        cluster.freeze(other)
        deployment.proxy.cut()
        deployment.pause(fault.lasts_s)
        notes |= {"injected": float(deployment.proxy.resets > 0)}
        deployment.proxy.heal()
        cluster.thaw()
        cluster.start()
        notes["caught_up_s"] = _caught_up(deployment)
        deployment.await_members(3)
    return notes


def _away(deployment: Deployment, fault: Fault, numbers: Sequence[int]) -> dict[str, float]:
    """Kill brokers, and start them again after a time. Counts what is acknowledged while they are away."""
    cluster, ledger = deployment.cluster, deployment.load.ledger
    before = [cluster.pid_of(number) for number in numbers]
    for number in numbers:
        cluster.kill(number)
    deployment.pause(min(SETTLED_S, fault.lasts_s))
    kept = ledger.kept
    deployment.pause(max(0.0, fault.lasts_s - SETTLED_S))
    acknowledged = ledger.kept - kept
    cluster.start()
    injected = None not in before and (len(numbers) == 1 or acknowledged == 0)
    return {
        "broker": numbers[0],
        "injected": float(injected),
        "acknowledged": acknowledged,
        "caught_up_s": _caught_up(deployment),
    }


def _leader(deployment: Deployment, fault: Fault) -> int:
    """The leader of a partition: of a network's topic, the grid stream, the cases, or a coordinator's log."""
    names = Names(deployment.settings.namespace)
    topics = (names.reports(min(deployment.city.codes)), names.events, names.cases, *INTERNAL_TOPICS)
    return deployment.cluster.leader(topics[int(fault.share * len(topics))], fault.worker)


def _caught_up(deployment: Deployment) -> float:
    """Seconds until every replica of every topic is in sync. Raises NoProgressError."""
    begun, topics = time.monotonic(), [topic.name for topic in topics_of(deployment.city, deployment.settings)]

    def in_sync() -> bool:
        with suppress(BrokerError), connected(deployment.cluster.address) as admin:
            return not behind(admin, [*topics, *INTERNAL_TOPICS])
        return False

    deployment.until(in_sync, CAUGHT_UP_S, "some replicas are not in sync")
    return round(time.monotonic() - begun, 2)
