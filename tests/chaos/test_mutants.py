"""The audit can fail: workers that break one invariant on purpose, on a real broker, are found out."""

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.chaos.audit.findings import Fault, Findings
from tests.chaos.deployment import Stage
from tests.chaos.mutants.once import mark
from tests.chaos.run import ReplayPlan, run

pytestmark = [pytest.mark.broker, pytest.mark.long, pytest.mark.timeout(600)]


def found(home: Path, name: str, *, workers: int = 1) -> Findings:
    """What the audit finds with such workers, after the one thing has happened and everything recovered."""

    def until_it_happened(stage: Stage) -> None:
        stage.until(mark(home, name).exists, 60, f"{name} did not happen")
        stage.watch.expect()
        recovery = stage.watch.recovery
        assert recovery is not None
        stage.until(lambda: recovery.took_s is not None, 90, "no recovery")
        for pid in stage.pool.pids.values():
            os.kill(pid, signal.SIGCONT)
        stage.pause(2)

    command = (sys.executable, "-m", f"tests.chaos.mutants.{name}")
    plan = ReplayPlan(faults=[], seed=1, home=home, command=command, workers=workers, clock="stream")
    return run(plan, lambda _: None, until_it_happened).verdict.findings


def kinds(findings: Findings) -> set[Fault]:
    return {fault for fault, ids in findings.ids.items() if ids}


def test_a_position_that_commits_before_its_outputs_loses_reports(tmp_path: Path) -> None:
    assert "lost" in kinds(found(tmp_path, "early_offset"))


def test_a_zombie_that_nobody_fences_dispatches_twice(tmp_path: Path) -> None:
    assert {"dispatched twice", "tasks not as the log says"} <= kinds(found(tmp_path, "unfenced", workers=2))


def test_one_dropped_record_of_thousands_is_missed(tmp_path: Path) -> None:
    findings = found(tmp_path, "one_dropped")
    assert len(findings.ids["lost"]) == 1
