"""One round of every kind of fault under load: no report is lost or duplicated. `make chaos` makes long runs."""

from pathlib import Path

import pytest

from tests.chaos.audit.findings import FAULTS
from tests.chaos.report import failures, lines
from tests.chaos.run import ReplayPlan, run
from tests.chaos.schedule import KINDS, schedule

pytestmark = [pytest.mark.broker, pytest.mark.long, pytest.mark.timeout(1800)]

SEED = 20_261_125
FROZEN_S = 12.0
"""Seconds that the broker is stopped: longer than a session, shorter than in a long run."""


def test_every_kind_of_fault_loses_and_duplicates_nothing(tmp_path: Path) -> None:
    plan = ReplayPlan(faults=schedule(len(KINDS), SEED, broker_frozen_s=FROZEN_S), seed=SEED, home=tmp_path)
    log: list[str] = []
    result = run(plan, log.append)
    report = "\n".join([*log, *lines(result)])
    print(report)
    assert result.verdict.findings.counts == dict.fromkeys(FAULTS, 0), report
    assert {one.fault.kind for one in result.injected} == set(KINDS)
    assert result.verdict.events > 10_000
    assert result.verdict.dead_letters > 50
    assert result.verdict.ticks > 100
    assert failures(result) == [], report
