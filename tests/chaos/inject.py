"""Every kind of fault and the function that injects it."""

from collections.abc import Callable, Mapping

from tests.chaos.deployment import Deployment
from tests.chaos.faults import (
    broker,
    broker_clock,
    brokers,
    clock,
    flood,
    forgeries,
    keys,
    logs,
    network,
    resend,
    rules,
    worker,
)
from tests.chaos.schedule import ClusterKind, Fault, Kind

INJECTORS: Mapping[Kind | ClusterKind, Callable[[Deployment, Fault], dict[str, float]]] = {
    "worker killed": worker.killed,
    "worker terminated": worker.terminated,
    "worker frozen": worker.frozen,
    "worker joins": worker.joins,
    "broker killed": broker.killed,
    "broker frozen": broker.frozen,
    "network delayed": network.delayed,
    "network cut": network.cut,
    "network half open": network.half_open,
    "requests late": network.late,
    "clock off": clock.off,
    "rules reloaded": rules.reloaded,
    "topic replayed": resend.replayed,
    "keys wrong": keys.wrong,
    "case flooded": flood.flooded,
    "leader killed": brokers.leader_killed,
    "two brokers away": brokers.two_away,
    "controller killed": brokers.controller_killed,
    "controller cut off": brokers.controller_cut_off,
    "disk lost": brokers.disk_lost,
    "disk full": brokers.disk_full,
    "several at once": brokers.several,
    "topic made again": logs.made_again,
    "topic grown": logs.grown,
    "broker's clock jumps": broker_clock.jumped,
    "offsets forged": forgeries.written,
    "feedback offsets forged": forgeries.feedback_written,
}
