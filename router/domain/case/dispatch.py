"""From a route to assignments, and from an assignment to the task that its department gets."""

from datetime import datetime

from msgspec.structs import replace

from router.domain.calendar.city_calendar import CityCalendar
from router.domain.calendar.deadlines import due_at
from router.domain.catalogue.resolve import Assigned, Route
from router.domain.model.case import Assignment, Case
from router.domain.model.task import Task, TaskState


def assignments(
    case_id: str, route: Route, start: datetime, calendar: CityCalendar | None = None
) -> tuple[Assignment, ...]:
    """The assignments of a new case; limits count from `start`, working time by the calendar."""
    return tuple([_assignment(case_id, number, one, start, calendar) for number, one in enumerate(route.assigned, 1)])


def _deadline(one: Assigned, start: datetime, calendar: CityCalendar | None) -> tuple[datetime | None, bool]:
    """When the assignment is due, if ever, and whether that is provisional."""
    return due_at(start, one.limit, calendar) if one.limit else (None, False)


def _assignment(case_id: str, number: int, one: Assigned, start: datetime, calendar: CityCalendar | None) -> Assignment:
    due, provisional = _deadline(one, start, calendar)
    return Assignment(
        task=f"{case_id}.{number}",
        department=one.department,
        role=one.role,
        rule=one.rule,
        due_at=due,
        unit=one.unit,
        due_provisional=provisional,
    )


def reassign(case: Case, route: Route, at: datetime, calendar: CityCalendar | None = None) -> tuple[Assignment, ...]:
    """The case's assignments after it was routed again at `at`.

    A department that stays in the same role keeps its task, and its limit still counts from the dispatch. A new department gets a
    task with a limit from `at`. An assignment that the new route does not name is withdrawn and stays on record.
    """
    left = {(one.department, one.role, one.unit): one for one in route.assigned}
    known: list[Assignment] = []
    for old in case.assignments:
        one = left.pop((old.department, old.role, old.unit), None) if old.withdrawn_at is None else None
        if one is not None:
            start = old.dispatched_at or case.opened_at
            due, provisional = _deadline(one, start, calendar)
            known.append(replace(old, rule=one.rule, due_at=due, due_provisional=provisional))
        elif old.withdrawn_at is None:
            known.append(replace(old, withdrawn_at=at))
        else:
            known.append(old)
    new = [
        replace(_assignment(case.id, number, one, at, calendar), dispatched_at=at)
        for number, one in enumerate(left.values(), len(known) + 1)
    ]
    return (*known, *new)


def task(
    case: Case,
    assignment: Assignment,
    workflow: str | None,
    state: TaskState = "dispatched",
    updated_at: datetime | None = None,
) -> Task:
    """The task of an assignment, as the case is now.

    It is made in two steps: a call with more than 15 arguments makes a dictionary of them, which costs more than the task.
    """
    made = Task(
        id=assignment.task,
        case=case.id,
        department=assignment.department,
        role=assignment.role,
        matter=case.matter,
        cell=case.cell,
        rule=assignment.rule,
        catalogue=case.catalogue,
        reason=case.reason,
        dispatched_at=assignment.dispatched_at or case.opened_at,
        due_at=assignment.due_at,
        unit=assignment.unit,
        workflow=workflow,
        lon=case.lon,
        lat=case.lat,
    )
    return replace(
        made,
        state=state,
        updated_at=updated_at,
        revision=case.revision,
        partition_key=case.partition_key,
        status=case.status,
        urgency=case.urgency,
        severity=case.severity,
        description=case.description,
        address=case.address,
        resolved_by=case.resolved_by,
        accuracy_m=case.accuracy_m,
        place_doubt=case.place_doubt,
        networks=tuple(dict.fromkeys([report.network for report in case.reports])),
        media=case.media,
        due_provisional=assignment.due_provisional,
    )
