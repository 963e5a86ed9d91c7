"""Minimal cases, case reports and tasks."""

from datetime import UTC, datetime, timedelta

from router.domain.model.case import Assignment, Case, CaseReport
from router.domain.model.report import Provenance
from router.domain.model.task import Task

AT = datetime(2018, 1, 1, 8, tzinfo=UTC)
CELL = "060371001001001"


def report(name: str, offset: int, network: str = "hotline") -> CaseReport:
    return CaseReport(
        id=f"{network}:{name}",
        network=network,
        matter="graffiti",
        cell=CELL,
        occurred_at=AT,
        received_at=AT,
        provenance=Provenance(topic=f"reports.{network}", partition=0, offset=offset),
        joined="opened",
    )


def case(name: str, *reports: CaseReport, lead: str = "ocb") -> Case:
    return Case(
        id=name,
        cell=CELL,
        matter="graffiti",
        opened_at=AT,
        updated_at=AT,
        occurred_at=AT,
        window_until=AT + timedelta(hours=1),
        accuracy_m=15,
        reports=reports,
        assignments=(Assignment(task=f"t-{name}", department=lead, role="lead", rule="r", due_at=None),),
        reason="",
        catalogue="v",
    )


def task(name: str, number: str = "") -> Task:
    return Task(
        id=f"t-{name}{number}",
        case=name,
        department="ocb",
        role="lead",
        matter="graffiti",
        cell=CELL,
        rule="r",
        catalogue="v",
        reason="",
        dispatched_at=AT,
        due_at=None,
    )
