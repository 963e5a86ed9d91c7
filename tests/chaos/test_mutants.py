"""The audit detects mutants: workers on a real broker that break one invariant on purpose."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.chaos.audit.findings import Fault, Findings
from tests.chaos.cluster import Cluster
from tests.chaos.deployment import Deployment
from tests.chaos.mutants.once import mark
from tests.chaos.report import failures, lines
from tests.chaos.run import ReplayPlan, Result, inject, run_on
from tests.chaos.schedule import Fault as ScheduledFault
from tests.chaos.schedule import Kind, schedule
from tests.support.patience import PATIENCE_S

pytestmark = [pytest.mark.broker, pytest.mark.long, pytest.mark.timeout(600)]

PER_SECOND, PARTITIONS = 120, 3
"""Little for the machine: processes start and recover sooner."""
LATE_S, LATE_ROUNDS = 8.0, 16
"""Seconds of late requests in a round, in which some ends of transactions should be late, and rounds at most."""
CALM_S = 5.0
"""Seconds of load before a fault: its network has some hundred records."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One broker for all mutants, each in a namespace of its own."""
    with Cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


class Mutants(NamedTuple):
    """Runs workers that are mutants, and audits them."""

    cluster: Cluster
    home: Path
    namespace: str

    def audit(self, name: str, *, workers: int = 1, answered: float = 0.0) -> Findings:
        """Findings of the audit after the mutant has injected its fault and the group has recovered."""

        def await_fault(deployment: Deployment) -> None:
            deployment.until(mark(self.home, name).exists, PATIENCE_S, f"{name} injected no fault")
            deployment.monitor.measure_recovery()
            recovery = deployment.monitor.recovery
            assert recovery is not None
            deployment.until(lambda: recovery.took_s is not None, 90, "no recovery")
            for pid in deployment.pool.pids.values():
                os.kill(pid, signal.SIGCONT)
            deployment.pause(2)

        return self._run(
            await_fault, command=worker(name), workers=workers, clock="stream", answered=answered
        ).verdict.findings

    def audit_faulted(self, name: str, kind: Kind, *, answered: float = 0.0) -> set[Fault]:
        """What the audit finds after one fault of a kind with workers that are this mutant. A topic made again becomes longer than before."""
        faults = [ScheduledFault(round=1, kind=kind, calm_s=CALM_S)]
        return kinds(self._run(command=worker(name), faults=faults, answered=answered).verdict.findings)

    def delay_requests(self, name: str) -> Result:
        """Requests of a worker are late that is this mutant, until a reader sees a part of a transaction.

        Which requests are late is luck, and on a loaded machine there are few.
        """

        def until_torn(deployment: Deployment) -> None:
            for fault in schedule(LATE_ROUNDS, 5, late_s=LATE_S, kinds=["requests late"]):
                if not deployment.observer.torn:
                    inject(deployment, fault, print)

        return self._run(until_torn, labelled_worker=worker(name))

    def _run(
        self,
        under_load: Callable[[Deployment], None] = lambda _: None,
        *,
        faults: Sequence[ScheduledFault] = (),
        **options: Any,
    ) -> Result:
        own = {"home": self.home, "namespace": self.namespace, "per_second": PER_SECOND, "partitions": PARTITIONS}
        plan = ReplayPlan(faults=[*faults], seed=1, **{"answered": 0.0, **own, **options})
        result = run_on(self.cluster, plan, print, under_load)
        print("\n".join(lines(result)))
        assert not result.stalled
        return result


@pytest.fixture
def mutants(cluster: Cluster, tmp_path: Path, namespace: str) -> Mutants:
    return Mutants(cluster, tmp_path, namespace)


def worker(name: str) -> tuple[str, ...]:
    """Command of a worker that is this mutant."""
    return sys.executable, "-m", f"tests.chaos.mutants.{name}"


def kinds(findings: Findings) -> set[Fault]:
    return {fault for fault, ids in findings.ids.items() if ids}


def test_an_end_sent_twice_in_one_epoch_shows_a_part_of_a_transaction(mutants: Mutants) -> None:
    result = mutants.delay_requests("repeated_end")
    assert result.observed.torn != []
    assert failures(result) != []


def test_a_worker_that_takes_forged_offsets_skips_reports(mutants: Mutants) -> None:
    assert "lost" in mutants.audit_faulted("trusting", "offsets forged")


def test_a_worker_that_takes_forged_offsets_of_feedback_skips_answers(mutants: Mutants) -> None:
    assert mutants.audit_faulted("trusting", "feedback offsets forged", answered=0.5) == {"feedback lost"}


def test_a_worker_that_goes_on_in_another_log_skips_reports(mutants: Mutants) -> None:
    assert "lost" in mutants.audit_faulted("one_log", "topic made again")


def test_a_worker_that_forgets_moved_reports_opens_second_cases(mutants: Mutants) -> None:
    assert "dedup index differs from the log" in mutants.audit_faulted("forgetful", "topic grown")


def test_committing_the_offset_before_the_outputs_loses_reports(mutants: Mutants) -> None:
    assert "lost" in kinds(mutants.audit("early_offset"))


def test_committing_the_offset_of_feedback_before_its_events_loses_it(mutants: Mutants) -> None:
    assert "feedback lost" in kinds(mutants.audit("early_feedback", answered=0.5))


def test_a_zombie_that_is_not_fenced_dispatches_twice(mutants: Mutants) -> None:
    assert {"dispatched twice", "tasks differ from the log"} <= kinds(mutants.audit("unfenced", workers=2))


def test_a_standby_copy_without_the_tail_is_detected(mutants: Mutants) -> None:
    found = kinds(mutants.audit("stale_copy", workers=2))
    assert found & {"dedup index differs from the log", "tasks differ from the log"}


def test_one_dropped_record_among_thousands_is_detected(mutants: Mutants) -> None:
    findings = mutants.audit("one_dropped")
    assert len(findings.ids["lost"]) == 1
