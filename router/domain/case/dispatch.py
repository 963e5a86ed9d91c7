"""From a route to assignments. The records that departments get of them are made in `task_record.py`."""

from datetime import datetime

from msgspec.structs import replace

from router.domain.calendar.budget import due_of
from router.domain.calendar.city_calendar import CityCalendar
from router.domain.calendar.deadlines import due_at
from router.domain.calendar.limits import read_limit, text_of
from router.domain.case.milestones import carried, timed_milestones, with_milestones, without_due
from router.domain.catalogue.resolve import Assigned, Catalogue, Route
from router.domain.lifecycle.ladder import next_due, next_of_task, place_of
from router.domain.lifecycle.lifecycles import PLANNED, START, UNCHECKED, Lifecycle
from router.domain.lifecycle.stages import is_live, is_planned
from router.domain.lifecycle.waits import with_wait, without_wait
from router.domain.model.case import Assignment, Case
from router.domain.model.transition import TaskStage


def assignments(
    case_id: str, route: Route, start: datetime, calendar: CityCalendar | None = None
) -> tuple[Assignment, ...]:
    """The assignments of a new case; limits count from `start`, working time by the calendar."""
    return tuple(
        [new_assignment(case_id, number, one, start, calendar) for number, one in enumerate(route.assigned, 1)]
    )


def timed(assignment: Assignment, start: datetime, calendar: CityCalendar | None) -> Assignment:
    """The assignment with the deadline that follows from its limit, its extensions and its pauses; of a planned one no limit runs.

    Args:
        assignment: with a limit that the calendar can count.
        start: when it was dispatched.
        calendar: of the city.
    """
    if assignment.milestones:
        milestones = assignment.milestones
        milestones = (
            without_due(milestones)
            if is_planned(assignment)
            else timed_milestones(milestones, start, assignment.pauses, calendar)
        )
        assignment = with_milestones(assignment, milestones)
    if assignment.limit is None or is_planned(assignment):
        return replace(assignment, due_at=None, due_provisional=False)
    budgets = [limit for text in (assignment.limit, *assignment.extensions) if (limit := read_limit(text)) is not None]
    due = due_of(start, budgets, assignment.pauses, calendar)
    return replace(assignment, due_at=due and due.at, due_provisional=due is not None and due.provisional)


def new_assignment(
    case_id: str, number: int, one: Assigned, start: datetime, calendar: CityCalendar | None
) -> Assignment:
    """An assignment with its task's number and a limit that counts from `start`."""
    due, provisional = due_at(start, one.limit, calendar) if one.limit else (None, False)
    if one.milestones:
        return _with_milestones(case_id, number, one, start, calendar)
    step = next_due(one.ladder, start, due, calendar) if one.ladder is not None and due is not None else None
    return Assignment(
        task=f"{case_id}.{number}",
        department=one.department,
        role=one.role,
        rule=one.rule,
        due_at=due,
        unit=one.unit,
        due_provisional=provisional,
        limit=None if one.limit is None else text_of(one.limit),
        timer_at=None if step is None else step.at,
        ladder=place_of(step),
        view=one.view,
    )


def _with_milestones(
    case_id: str, number: int, one: Assigned, start: datetime, calendar: CityCalendar | None
) -> Assignment:
    """The same, of a matter that has milestones."""
    made = new_assignment(case_id, number, replace(one, milestones=()), start, calendar)
    made = with_milestones(made, timed_milestones(one.milestones, start, (), calendar))
    step = next_of_task(one.ladder, made, start, calendar) if one.ladder is not None else None
    return replace(made, timer_at=None if step is None else step.at, ladder=place_of(step))


def planned(
    assignment: Assignment, lifecycle: Lifecycle, stage: TaskStage, at: datetime, calendar: CityCalendar | None
) -> Assignment:
    """The assignment before its dispatch, at a stage of `PLANNED` that begins at `at`: its department hears nothing, and no limit runs but
    that of the stage.
    """
    made = replace(assignment, stage=stage, stage_at=at, due_at=None, due_provisional=False, timer_at=None)
    made = with_wait(made, lifecycle.limits.get(stage), at, calendar)
    return with_milestones(made, without_due(made.milestones))


def dispatched(assignment: Assignment, at: datetime, calendar: CityCalendar | None) -> Assignment:
    """The assignment whose department gets its task at `at`; its limit begins."""
    made = replace(without_wait(assignment), stage="dispatched", stage_at=at, dispatched_at=at)
    return timed(made, at, calendar)


def first_stage(case: Case, lifecycle: Lifecycle) -> TaskStage:
    """The stage at which tasks begin that a case gets when it is routed again. What is filed stays filed; what is not goes on where it
    is, if its new lifecycle has that stage.
    """
    live = [one for one in case.assignments if is_live(one)]
    if not live:
        return lifecycle.begin
    stage = live[0].stage
    if stage not in PLANNED:
        return START
    return stage if stage in lifecycle.stages else lifecycle.begin


def reassign(
    case: Case,
    route: Route,
    at: datetime,
    lifecycle: Lifecycle,
    calendar: CityCalendar | None = None,
    *,
    begin: TaskStage,
) -> tuple[Assignment, ...]:
    """The case's assignments after it was routed again at `at`.

    A department that stays in the same role keeps its task, and its limit still counts from the dispatch. A new department gets a
    task with a limit from `at`, and so does one whose task was closed: it answered about other facts, so that the closed task is not worked on
    again. An assignment that the new route does not name is withdrawn and stays on record.
    Tasks of a case that is not filed stay planned: they begin at the stage `begin`.
    """
    left = {(one.department, one.role, one.unit): one for one in route.assigned}
    known: list[Assignment] = []
    for old in case.assignments:
        one = left.pop((old.department, old.role, old.unit), None) if is_live(old) else None
        if one is not None:
            limit = None if one.limit is None else text_of(one.limit)
            new = with_milestones(
                replace(old, rule=one.rule, limit=limit, view=one.view), carried(one.milestones, old.milestones)
            )
            known.append(_waits_on(timed(new, old.dispatched_at or case.opened_at, calendar), lifecycle, calendar))
        elif is_live(old):
            known.append(withdrawn(old, at))
        else:
            known.append(superseded(old, at))
    added = [
        replace(new_assignment(case.id, number, one, at, calendar), dispatched_at=at)
        for number, one in enumerate(left.values(), len(known) + 1)
    ]
    if begin != START:
        added = [planned(one, lifecycle, begin, at, calendar) for one in added]
    return (*[_moved(one, lifecycle, begin, at, calendar) for one in known], *added)


def _waits_on(one: Assignment, lifecycle: Lifecycle, calendar: CityCalendar | None) -> Assignment:
    """A kept assignment whose stage has a limit, which follows the rules by which its case was routed again."""
    limit = lifecycle.limits.get(one.stage)
    if one.wait_until is None or limit is None or one.stage_at is None:
        return one
    return with_wait(one, limit, one.stage_at, calendar)


def _moved(
    one: Assignment, lifecycle: Lifecycle, begin: TaskStage, at: datetime, calendar: CityCalendar | None
) -> Assignment:
    """An assignment that was planned, at the stage that its case has by its new lifecycle."""
    if not is_planned(one) or one.stage == begin:
        return one
    return dispatched(one, at, calendar) if begin == START else planned(one, lifecycle, begin, at, calendar)


def withdraw(case: Case, at: datetime) -> tuple[Assignment, ...]:
    """The case's assignments, all of them withdrawn at `at` or before."""
    return tuple([withdrawn(one, at) if is_live(one) else one for one in case.assignments])


def withdrawn(assignment: Assignment, at: datetime) -> Assignment:
    """The assignment without its department. One that was planned keeps its stage: its department never heard of it."""
    stage = assignment.stage if is_planned(assignment) else "withdrawn"
    return replace(without_wait(assignment), withdrawn_at=at, stage=stage, stage_at=at)


def superseded(assignment: Assignment, at: datetime) -> Assignment:
    """The assignment of a department that had nothing to do any more when its case was routed again. What was closed stays closed, and what was
    rejected stays rejected.
    """
    ended = assignment.withdrawn_at is None and assignment.stage in {"closed", "rejected"}
    return replace(assignment, withdrawn_at=at) if ended else assignment


def lead_due(case: Case) -> datetime | None:
    """When the limit of the department that leads ends; None without a limit or a lead."""
    for one in case.assignments:
        if one.role == "lead" and one.withdrawn_at is None:
            return one.due_at
    return None


def workflow_of(case: Case, catalogue: Catalogue) -> str | None:
    """Id of the workflow of the case's matter."""
    matter = catalogue.matters.get(case.matter)
    return matter.workflow if matter else None


def lifecycle_of(case: Case, catalogue: Catalogue) -> Lifecycle:
    """The lifecycle that the case's tasks have. Of a matter that has no workflow, what is handled is closed."""
    return catalogue.lifecycles.get(workflow_of(case, catalogue) or "", UNCHECKED)
