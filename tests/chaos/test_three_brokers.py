"""Three brokers under load: a broker comes back without its data, of which it had one of three replicas, or the only one."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from kafka import TopicPartition

from router.broker.admin import connected
from router.broker.replicas import reassign
from router.wire.errors import BrokerError
from router.wire.topic_names import Names
from tests.chaos.audit.findings import FAULTS
from tests.chaos.cluster import Cluster
from tests.chaos.deployment import Deployment
from tests.chaos.partitions import partitions_of
from tests.chaos.report import failures, lines
from tests.chaos.run import ReplayPlan, Result, run_on
from tests.chaos.schedule import schedule
from tests.support.patience import PATIENCE_S

pytestmark = [pytest.mark.broker, pytest.mark.long, pytest.mark.timeout(900)]
PER_SECOND = 100
LOST, BEFORE = 20, 500
"""Records that are lost at least, and acknowledged before: most of them are of the busiest network."""
BUSIEST = "policing"
"""The network with the most records. The broker that leads its topic loses its disk."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three brokers for both tests, each in a namespace of its own."""
    with Cluster(tmp_path_factory.mktemp("cluster"), brokers=3) as cluster:
        yield cluster


def test_a_leader_that_loses_its_disk_costs_nothing(cluster: Cluster, tmp_path: Path, namespace: str) -> None:
    """Of every topic one partition, to start quickly."""
    faults = schedule(1, 20_261_130, kinds=["disk lost"])
    log: list[str] = []
    plan = ReplayPlan(
        faults=faults,
        seed=1,
        home=tmp_path,
        namespace=namespace,
        partitions=1,
        brokers=3,
        per_second=PER_SECOND,
    )
    result = run_on(cluster, plan, log.append)
    report = _printed(result, log)
    assert result.verdict.findings.counts == dict.fromkeys(FAULTS, 0), report
    assert result.verdict.events > 500
    assert failures(result) == [], report


def test_reports_with_one_replica_are_lost_with_its_disk(cluster: Cluster, tmp_path: Path, namespace: str) -> None:
    """A mutant: its networks' topics have one replica. Acknowledged reports are gone, and the audit names them."""

    def under_load(deployment: Deployment) -> None:
        deployment.until(lambda: deployment.load.ledger.kept > BEFORE, PATIENCE_S, "too few records are acknowledged")
        _lose_a_disk(deployment)

    plan = ReplayPlan(
        faults=[],
        seed=1,
        home=tmp_path,
        namespace=namespace,
        partitions=1,
        brokers=3,
        replication=1,
        per_second=PER_SECOND,
    )
    log: list[str] = []
    result = run_on(cluster, plan, log.append, under_load)
    report = _printed(result, log)
    assert not result.stalled, report
    assert len(result.verdict.findings.ids["acknowledged, not stored"]) > LOST, report


def _lose_a_disk(deployment: Deployment) -> None:
    """Delete the data of the broker that leads a network's topic. As an operator would, give the topics that have no leader now to another."""
    cluster, bootstrap = deployment.cluster, str(deployment.settings.kafka)
    names = Names(deployment.settings.namespace)
    topics = [names.reports(network) for network in sorted(deployment.city.codes)]
    number = cluster.leader(names.reports(BUSIEST), 0)
    led = [one for one in partitions_of(bootstrap, topics) if cluster.leader(*one) == number]
    cluster.kill(number)
    cluster.wipe(number)
    cluster.start()
    other = next(one for one in cluster.numbers if one != number)

    def reassigned() -> bool:
        with suppress(BrokerError), connected(bootstrap) as admin:  # the brokers may not know each other yet
            reassign(admin, {TopicPartition(*one): [other] for one in led})
            return True
        return False

    deployment.until(reassigned, PATIENCE_S, "some topics have no leader")


def _printed(result: Result, log: list[str]) -> str:
    report = "\n".join([*log, *lines(result)])
    print(report)
    return report
