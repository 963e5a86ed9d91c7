"""A report that its network corrected or supplemented: the case keeps every version and follows the latest.

A case has the matter, place and text of the report that opened it. If a correction of that report changes the matter or the
cell, the case is routed again: tasks that stay are updated, others are withdrawn or dispatched. A correction of a report that
joined changes the case's entry of that report and may raise the case's levels; it never splits the case.
Docs: docs/explanation/updates.md.
"""

from collections.abc import Sequence
from datetime import datetime
from sys import intern

from msgspec.structs import replace

from router.domain.case.dispatch import reassign, task
from router.domain.case.size import rejection_of, thin
from router.domain.catalogue.resolve import Route
from router.domain.instants import us
from router.domain.matching.candidate import place_of
from router.domain.model.case import Assignment, Case, CaseReport, Version
from router.domain.model.outcome import REDELIVERED, Outcome, outcome
from router.domain.model.rejection import RejectedEventError
from router.domain.model.report import Report
from router.domain.model.severity import raise_severity
from router.domain.model.task import Task, TaskState
from router.domain.rules.city import City
from router.domain.state.interning import intern_float, intern_provenance
from router.domain.state.partition_state import PartitionState

KEPT_CHARACTERS = 200
"""How much of a version's text is kept. A case is written whole at every change (`size.py`), and the network's record has the
whole text."""


def revise_report(state: PartitionState, case: Case, report: Report, city: City) -> Outcome:
    """Take in a report whose id the case already has; the same or an earlier version of it is a redelivery.

    Raises:
        RejectedEventError: the case cannot take it; nothing was changed.
    """
    number, known = next((n, one) for n, one in enumerate(case.reports) if one.id == report.id)
    if report.version <= known.version:
        return REDELIVERED
    if (rejection := rejection_of(case)) is not None:
        raise RejectedEventError(rejection)
    at, visible, assigned, routed_by = report.received_at, _visible(case), case.assignments, (case.matter, case.cell)
    route: Route | None = None
    with state.changing(case, city.merging) as entry:
        _take_version(case, number, known, report)
        if entry is not None:
            entry.reread(city.merging)
            if us(at) < entry.until_us:  # else the window has ended, whether or not the tick has come
                first = (known.earlier[0] if known.earlier else known).received_at
                case.window_until = max(case.window_until, first + city.merging.window_of(report.matter))
        if (case.matter, case.cell) != routed_by:
            route = _reroute(case, report, city, *routed_by)
        thin(case)
    if route is not None:
        return outcome("rerouted", [case], _rerouted_tasks(case, assigned, route, at))
    return outcome("updated", [case], _task_updates(case, city, at) if _visible(case) != visible else [])


def _take_version(case: Case, number: int, known: CaseReport, report: Report) -> None:
    """Put the new version in the place of the one that is known, and let the case follow it."""
    opened = known.joined == "opened"
    newer = _next(known, report, case.description if opened else known.description)
    case.reports = (*case.reports[:number], newer, *case.reports[number + 1 :])
    if opened:
        _follow(case, report)
    else:
        raise_severity(case, report)
    case.component_id = case.component_id or report.component_id
    case.updated_at = max(case.updated_at, report.received_at)


def _next(known: CaseReport, report: Report, description: str) -> CaseReport:
    """The report's latest version, with the earlier ones in `earlier`. How it joined stays as it was."""
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
    """Take over what the case has from the report that opened it."""
    location = report.location
    case.matter, case.cell, case.occurred_at = intern(report.matter), intern(location.cell), report.occurred_at
    case.lon, case.lat, case.accuracy_m = location.lon, location.lat, intern_float(location.accuracy_m)
    case.resolved_by, case.status = location.resolved_by, report.status
    case.description, case.address = report.description, report.address
    case.place_doubt, case.media = location.doubt, report.media
    case.component_id = report.component_id or case.component_id
    if len(case.reports) == 1:
        case.urgency, case.severity, case.certainty = report.urgency, report.severity, report.certainty
    else:
        raise_severity(case, report)


def _visible(case: Case) -> tuple[object, ...]:
    """What a task shows of its case beside the matter and the cell."""
    place = case.lon, case.lat, case.accuracy_m, case.resolved_by, case.place_doubt, case.address
    return case.status, case.urgency, case.severity, case.description, place, case.media


def _task_updates(case: Case, city: City, at: datetime) -> list[Task]:
    matter = city.catalogue.matters.get(case.matter)
    workflow = matter.workflow if matter else None
    return [task(case, one, workflow, "updated", at) for one in case.assignments if one.withdrawn_at is None]


def _reroute(case: Case, report: Report, city: City, matter: str, cell: str) -> Route:
    """Route the case again by the report's rule set, and say why. `matter` and `cell` are those before the correction."""
    route = city.catalogue.route(case.matter, case.cell, report.received_at)
    what = f"{matter} became {case.matter}" if case.matter != matter else f"{cell} became {case.cell}"
    case.reason = f"{route.reason}; routed again, because {what} by version {report.version} of {report.id}"
    case.catalogue, case.rule_set = city.catalogue.version, intern(report.rule_set)
    case.assignments = reassign(case, route, report.received_at, city.calendar)
    return route


def _rerouted_tasks(case: Case, before: Sequence[Assignment], route: Route, at: datetime) -> list[Task]:
    """The tasks that a new route dispatches, updates or withdraws."""
    old = {one.task: one for one in before}
    tasks: list[Task] = []
    for one in case.assignments:
        state = _state_after(old.get(one.task), one)
        if state is not None:
            tasks.append(task(case, one, route.workflow, state, None if state == "dispatched" else at))
    return tasks


def _state_after(old: Assignment | None, new: Assignment) -> TaskState | None:
    """The state of a task that its department must learn; None if the task was withdrawn before."""
    if old is None:
        return "dispatched"
    if old.withdrawn_at is not None:
        return None
    return "updated" if new.withdrawn_at is None else "withdrawn"
