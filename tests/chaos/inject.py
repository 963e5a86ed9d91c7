"""Every kind of fault and what it does."""

from collections.abc import Callable, Mapping

from tests.chaos.deployment import Stage
from tests.chaos.faults import broker, clock, network, rules, worker
from tests.chaos.faults import resend as again
from tests.chaos.schedule import Fault, Kind

STRIKES: Mapping[Kind, Callable[[Stage, Fault], dict[str, float]]] = {
    "worker killed": worker.killed,
    "worker terminated": worker.terminated,
    "worker frozen": worker.frozen,
    "worker joins": worker.joins,
    "broker killed": broker.killed,
    "broker frozen": broker.frozen,
    "network delayed": network.delayed,
    "network cut": network.cut,
    "network half open": network.half_open,
    "clock off": clock.off,
    "rules reloaded": rules.reloaded,
    "topic replayed": again.replayed,
}
