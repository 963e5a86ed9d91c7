"""A report that its network corrected or supplemented: the case keeps every version and follows the latest.

A case's matter, place and text are those of the report that opened it. When its correction changes matter or cell, the
case is routed again: tasks that stay are updated, others withdrawn or dispatched. A correction of a report that joined
changes what the case says of that report, and may raise its levels; nothing is taken apart by it. Docs: docs/explanation/updates.md.
"""

from datetime import datetime
from sys import intern

from msgspec.structs import replace

from router.domain.case.dispatch import reassign, task
from router.domain.matching.case_index import place_of, places_of, references_of
from router.domain.model.case import Assignment, Case, CaseReport, Task, TaskState, Version
from router.domain.model.outcome import REDELIVERED, Outcome, outcome
from router.domain.model.report import Report
from router.domain.model.severity import raise_severity
from router.domain.rules.city import City
from router.domain.state.interning import intern_float, intern_provenance
from router.domain.state.partition_state import PartitionState, span, us

KEPT_CHARACTERS = 200
"""Of the texts of versions: a case is written whole whenever it changes, and the record itself has the whole text."""


def revise_report(state: PartitionState, case: Case, report: Report, city: City) -> Outcome:
    """Take in a report whose id the case already has; the same or an earlier version of it is a redelivery."""
    number, known = next((n, one) for n, one in enumerate(case.reports) if one.id == report.id)
    if report.version <= known.version:
        return REDELIVERED
    told = _visible_to_departments(case)
    entry = state.candidates.get(case.id)
    if entry is not None:  # its place, matter and component decide where the index has it
        state.index.remove(entry, city.merging)
    newer = _next(known, report, case.description if known.joined == "opened" else known.description)
    case.reports = (*case.reports[:number], newer, *case.reports[number + 1 :])
    case.revision += 1
    was = case.matter, case.cell
    if known.joined == "opened":
        _follow(case, report)
    else:
        raise_severity(case, report)
    case.component_id = case.component_id or report.component_id
    case.updated_at = max(case.updated_at, report.received_at)
    if entry is not None:
        entry.first_us, entry.last_us = span(case)
        entry.places, entry.references = places_of(case), references_of(case, city.merging)
        state.index.add(entry, city.merging)
        first = (known.earlier[0] if known.earlier else known).received_at
        if us(report.received_at) < entry.until_us:  # else the window has ended, whether or not the tick has come
            state.extend_window(entry, first + city.merging.window_of(report.matter))
    if (case.matter, case.cell) != was:
        return outcome("rerouted", [case], _reroute(case, report, city, *was))
    return outcome(
        "updated",
        [case],
        _task_updates(case, city, report.received_at) if _visible_to_departments(case) != told else [],
    )


def _next(known: CaseReport, report: Report, description: str) -> CaseReport:
    """The report as it is now, behind its earlier versions; how it joined stays as it was."""
    version = Version(
        version=known.version,
        matter=known.matter,
        cell=known.cell,
        occurred_at=known.occurred_at,
        received_at=known.received_at,
        provenance=known.provenance,
        description=description[:KEPT_CHARACTERS],
    )
    return replace(
        known,
        matter=intern(report.matter),
        cell=intern(report.location.cell),
        occurred_at=report.occurred_at,
        received_at=report.received_at,
        provenance=intern_provenance(report.provenance),
        version=report.version,
        description=report.description[:KEPT_CHARACTERS],
        reporter=report.reporter,
        person=report.person,
        place=None if known.joined == "opened" else place_of(report),
        earlier=(*known.earlier, version),
    )


def _follow(case: Case, report: Report) -> None:
    """What the case takes from the report that opened it."""
    location = report.location
    case.matter, case.cell, case.occurred_at = intern(report.matter), intern(location.cell), report.occurred_at
    case.lon, case.lat, case.accuracy_m = location.lon, location.lat, intern_float(location.accuracy_m)
    case.resolved_by, case.status = location.resolved_by, report.status
    case.description = report.description
    case.component_id = report.component_id or case.component_id
    if len(case.reports) == 1:
        case.urgency, case.severity, case.certainty = report.urgency, report.severity, report.certainty
    else:
        raise_severity(case, report)


def _visible_to_departments(case: Case) -> tuple[object, ...]:
    """What departments are told of a case."""
    return case.status, case.urgency, case.severity, case.description, case.lon, case.lat


def _task_updates(case: Case, city: City, at: datetime) -> list[Task]:
    known = city.catalogue.matters.get(case.matter)
    return [
        task(case, one, known.workflow if known else None, "updated", at)
        for one in case.assignments
        if one.withdrawn_at is None
    ]


def _reroute(case: Case, report: Report, city: City, matter: str, cell: str) -> list[Task]:
    """Route by the report's own rule set; whoever had a task hears of it, whoever gets one too."""
    at = report.received_at
    route = city.catalogue.route(case.matter, case.cell, at)
    what = f"{matter} became {case.matter}" if case.matter != matter else f"{cell} became {case.cell}"
    case.reason = f"{route.reason}; routed again, because {what} by version {report.version} of {report.id}"
    case.catalogue, case.rule_set = city.catalogue.version, intern(report.rule_set)
    before = {one.task: one for one in case.assignments}
    case.assignments = reassign(case, route, at)
    return [
        task(case, one, route.workflow, state, at if state != "dispatched" else None)
        for one in case.assignments
        if (state := _changed(before.get(one.task), one)) is not None
    ]


def _changed(old: Assignment | None, new: Assignment) -> TaskState | None:
    """What its department must hear; None: nothing, it was withdrawn before."""
    if old is None:
        return "dispatched"
    if old.withdrawn_at is not None:
        return None
    return "updated" if new.withdrawn_at is None else "withdrawn"
