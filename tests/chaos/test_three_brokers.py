"""Three brokers under load: one round, in which a broker comes back without its data."""

from pathlib import Path

import pytest

from tests.chaos.audit.findings import FAULTS
from tests.chaos.report import failures, lines
from tests.chaos.run import ReplayPlan, run
from tests.chaos.schedule import schedule

pytestmark = [pytest.mark.broker, pytest.mark.long, pytest.mark.timeout(900)]
PER_SECOND = 100


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
