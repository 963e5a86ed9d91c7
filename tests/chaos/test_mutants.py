"""The audit detects mutants: workers on a real broker that break one invariant on purpose."""

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.chaos.audit.findings import Fault, Findings
from tests.chaos.deployment import Deployment
from tests.chaos.mutants.once import mark
from tests.chaos.report import failures
from tests.chaos.run import ReplayPlan, run
from tests.chaos.schedule import Kind, schedule
from tests.support.patience import PATIENCE_S

pytestmark = [pytest.mark.broker, pytest.mark.long, pytest.mark.timeout(600)]


def audit_mutant(home: Path, name: str, *, workers: int = 1) -> Findings:
    """Findings of the audit after the mutant has injected its fault and the group has recovered."""

    def await_fault(deployment: Deployment) -> None:
        deployment.until(mark(home, name).exists, PATIENCE_S, f"{name} injected no fault")
        deployment.monitor.measure_recovery()
        recovery = deployment.monitor.recovery
        assert recovery is not None
        deployment.until(lambda: recovery.took_s is not None, 90, "no recovery")
        for pid in deployment.pool.pids.values():
            os.kill(pid, signal.SIGCONT)
        deployment.pause(2)

    command = (sys.executable, "-m", f"tests.chaos.mutants.{name}")
    plan = ReplayPlan(faults=[], seed=1, home=home, command=command, workers=workers, clock="stream")
    return run(plan, lambda _: None, await_fault).verdict.findings


def test_an_end_sent_twice_in_one_epoch_shows_a_part_of_a_transaction(tmp_path: Path) -> None:
    mutant = (sys.executable, "-m", "tests.chaos.mutants.repeated_end")
    faults = schedule(2, 5, kinds=["requests late"])
    result = run(ReplayPlan(faults=faults, seed=1, home=tmp_path, labelled_worker=mutant), print)
    assert result.observed.torn != []
    assert failures(result) != []


def audit_faulted(home: Path, name: str, kind: Kind, number: int = 1) -> set[Fault]:
    """What the audit finds after faults of one kind with workers that are this mutant."""
    command = (sys.executable, "-m", f"tests.chaos.mutants.{name}")
    plan = ReplayPlan(faults=schedule(number, 5, kinds=[kind]), seed=1, home=home, command=command, per_second=120)
    return kinds(run(plan, print).verdict.findings)


def test_a_worker_that_takes_forged_offsets_skips_reports(tmp_path: Path) -> None:
    assert "lost" in audit_faulted(tmp_path, "trusting", "offsets forged")


def test_a_worker_that_goes_on_in_another_log_skips_reports(tmp_path: Path) -> None:
    assert "lost" in audit_faulted(tmp_path, "one_log", "topic made again")


def test_a_worker_that_forgets_moved_reports_opens_second_cases(tmp_path: Path) -> None:
    assert "dedup index differs from the log" in audit_faulted(tmp_path, "forgetful", "topic grown")


def kinds(findings: Findings) -> set[Fault]:
    return {fault for fault, ids in findings.ids.items() if ids}


def test_committing_the_offset_before_the_outputs_loses_reports(tmp_path: Path) -> None:
    assert "lost" in kinds(audit_mutant(tmp_path, "early_offset"))


def test_a_zombie_that_is_not_fenced_dispatches_twice(tmp_path: Path) -> None:
    assert {"dispatched twice", "tasks differ from the log"} <= kinds(audit_mutant(tmp_path, "unfenced", workers=2))


def test_a_standby_copy_without_the_tail_is_detected(tmp_path: Path) -> None:
    assert "tasks differ from the log" in kinds(audit_mutant(tmp_path, "stale_copy", workers=2))


def test_one_dropped_record_among_thousands_is_detected(tmp_path: Path) -> None:
    findings = audit_mutant(tmp_path, "one_dropped")
    assert len(findings.ids["lost"]) == 1
