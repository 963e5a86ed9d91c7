"""One round of every kind of fault under load: no report is lost or duplicated. `make chaos` makes long runs."""

from pathlib import Path

import pytest

from router.domain.case.size import MAX_REPORTS, MEASURED_FROM
from tests.chaos.audit.findings import FAULTS
from tests.chaos.report import failures, lines
from tests.chaos.run import ReplayPlan, run
from tests.chaos.schedule import KINDS, schedule

pytestmark = [pytest.mark.broker, pytest.mark.timeout(1800)]

SEED = 20_261_125
FROZEN_S = 12.0
"""Seconds that the broker is stopped: longer than a session, shorter than in a long run."""
LATE_S = 6.0
PER_SECOND, PARTITIONS = 120, 3
"""Enough for each fault to meet records in flight, and little for the machine: processes start and recover sooner."""


@pytest.mark.long
def test_a_secured_cluster_loses_and_duplicates_nothing(tmp_path: Path) -> None:
    """Workers as the user `router`, with its rights alone, through TLS: while the broker, a worker and connections end."""
    kinds = ("broker killed", "network cut", "worker killed")
    faults = schedule(len(kinds), SEED, kinds=kinds, quick=True)
    plan = ReplayPlan(
        faults=faults, seed=SEED, home=tmp_path, per_second=PER_SECOND, partitions=PARTITIONS, secured=True
    )
    result = run(plan, print)
    report = "\n".join(lines(result))
    assert result.verdict.findings.counts == dict.fromkeys(FAULTS, 0), report
    assert {one.fault.kind for one in result.injected} == {*kinds}
    assert failures(result) == [], report


def test_every_kind_of_fault_loses_and_duplicates_nothing(tmp_path: Path) -> None:
    faults = schedule(len(KINDS), SEED, broker_frozen_s=FROZEN_S, late_s=LATE_S, quick=True)
    plan = ReplayPlan(faults=faults, seed=SEED, home=tmp_path, per_second=PER_SECOND, partitions=PARTITIONS)
    result = run(plan, print)
    report = "\n".join(lines(result))
    assert result.verdict.findings.counts == dict.fromkeys(FAULTS, 0), report
    assert {one.fault.kind for one in result.injected} == {*KINDS}
    assert result.verdict.events > 5_000
    assert MEASURED_FROM < result.verdict.largest <= MAX_REPORTS
    assert result.verdict.omitted > 0
    assert result.verdict.dead_letters > 50
    assert result.verdict.ticks > 100
    assert result.verdict.erased > 0
    assert failures(result) == [], report
