"""Three brokers under load: one round, and a network without `acks=all`, of which the audit must see what it lost."""

from pathlib import Path

import pytest

from router.wire.topics import Names
from tests.chaos.audit.findings import FAULTS
from tests.chaos.deployment import Deployment
from tests.chaos.report import failures, lines
from tests.chaos.run import ReplayPlan, run
from tests.chaos.schedule import schedule

pytestmark = [pytest.mark.broker, pytest.mark.long, pytest.mark.timeout(900)]
PER_SECOND = 100
SENT, LOST = 300, 20
"""Records before the followers stand still, and those that the leader then acknowledges alone."""
SESSION_S = 12.0
"""Longer than a broker's session: another one leads."""


def test_a_leader_that_loses_its_disk_costs_nothing(tmp_path: Path) -> None:
    """Of every topic one partition, to start quickly."""
    faults = schedule(1, 20_261_130, kinds=["disk lost"])
    plan = ReplayPlan(faults=faults, seed=1, home=tmp_path, partitions=1, brokers=3, per_second=PER_SECOND)
    log: list[str] = []
    result = run(plan, log.append)
    report = "\n".join([*log, *lines(result)])
    print(report)
    assert result.verdict.findings.counts == dict.fromkeys(FAULTS, 0), report
    assert result.verdict.events > 500
    assert failures(result) == [], report


def test_a_network_that_asks_the_leader_alone_loses_reports(tmp_path: Path) -> None:
    """The followers stand still while the leader acknowledges; then it dies, and one of them leads without the records."""

    def lose_the_leader(deployment: Deployment) -> None:
        cluster, ledger = deployment.cluster, deployment.load.ledger
        leader = cluster.leader(Names().reports(min(deployment.city.codes)), 0)
        deployment.until(lambda: ledger.kept > SENT, 120, "the load does not begin")
        try:
            for follower in set(cluster.numbers) - {leader}:
                cluster.freeze(follower)
            kept = ledger.kept
            deployment.until(lambda: ledger.kept >= kept + LOST, 60, "the leader acknowledges nothing")
            cluster.kill(leader)
        finally:
            cluster.thaw()
        deployment.pause(SESSION_S)
        cluster.start()

    plan = ReplayPlan(
        faults=[], seed=1, home=tmp_path, partitions=1, brokers=3, per_second=PER_SECOND, replicated_acks=False
    )
    found = run(plan, print, lose_the_leader).verdict.findings
    assert found.ids["acknowledged, not stored"] != []
