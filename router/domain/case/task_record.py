"""The record of a task that its department gets: what it shows of the case as it is now, and when it is sent."""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from router.domain.case.derived import counting, leading
from router.domain.case.dispatch import workflow_of
from router.domain.catalogue.resolve import Catalogue
from router.domain.lifecycle.stages import is_final, is_live, is_planned, stage_of
from router.domain.model.case import Assignment, Case
from router.domain.model.report import Media
from router.domain.model.task import Task, TaskReport, TaskState, TeamMember
from router.domain.privacy.classes import withhold

MOST_REPORTS = 20
"""Reports that a task lists. A case may have 100, and each of its tasks is written whole."""
MOST_MEDIA = 12
"""Media that a task shows. Those of the leading report are shown in any case."""


def shown(case: Case) -> tuple[object, ...]:
    """What a task shows of its case beside the matter and the cell. A department hears when it changes by a correction.

    The list of reports is not in it: one that comes or goes and changes nothing else changes nothing to do.
    """
    place = case.lon, case.lat, case.accuracy_m, case.resolved_by, case.place_doubt, case.address
    return case.status, case.urgency, case.severity, case.description, place, media_of(case), _networks(case)


def _networks(case: Case) -> tuple[str, ...]:
    if len(case.reports) == 1:
        return (case.reports[0].network,)
    return tuple(dict.fromkeys([report.network for report in case.reports]))


def media_of(case: Case) -> tuple[Media, ...]:
    """The media that tasks show: those of the leading report, which the case has, then those of the others that count."""
    if len(case.reports) < 2:
        return case.media
    others = [one for report in counting(case.reports) if report.says is not None for one in report.says.media]
    return tuple(dict.fromkeys((*case.media, *others)))[: max(MOST_MEDIA, len(case.media))] if others else case.media


def _listed(case: Case) -> tuple[TaskReport, ...]:
    """The leading report, then the latest of the others."""
    if len(case.reports) == 1:
        return (TaskReport(case.reports[0].id, case.reports[0].network),)
    if not case.reports:
        return ()
    lead = leading(case.reports)
    others = [report for report in case.reports if report is not lead][-(MOST_REPORTS - 1) :]
    return tuple([TaskReport(report.id, report.network) for report in (lead, *others)])


def _team(case: Case, one: Assignment, catalogue: Catalogue) -> tuple[TeamMember, ...]:
    """The other departments of the case."""
    others = [other for other in case.assignments if other is not one and in_team(other)]
    return tuple(dict.fromkeys([catalogue.names.member(other.department, other.role, other.unit) for other in others]))


def in_team(one: Assignment) -> bool:
    """Whether its department acts on the case, or has done so."""
    return one.withdrawn_at is None or one.stage == "closed"


def task_updates(case: Case, catalogue: Catalogue, at: datetime) -> list[Task]:
    """The tasks that departments hold, as the case is now."""
    return [
        task(case, one, catalogue, "updated", at) for one in case.assignments if is_live(one) and not is_planned(one)
    ]


def task_changes(case: Case, before: Sequence[Assignment], catalogue: Catalogue, at: datetime) -> list[Task]:
    """The tasks that new assignments dispatch, update or withdraw.

    Args:
        case: with its new assignments.
        before: its assignments before.
        catalogue: that decided them.
        at: when it happened.
    """
    old = {one.task: one for one in before}
    tasks: list[Task] = []
    for one in case.assignments:
        state = _state_after(old.get(one.task), one)
        if state is not None:
            tasks.append(task(case, one, catalogue, state, None if state == "dispatched" else at))
    return tasks


def _state_after(old: Assignment | None, new: Assignment) -> TaskState | None:
    """The state of a task that its department must learn; None if the task was withdrawn before, or it has not heard of it."""
    if is_planned(new):
        return None
    if old is None or is_planned(old):
        return "dispatched" if old is None or is_live(new) else None
    if not is_live(old) and not is_live(new):
        return None
    return "updated" if new.withdrawn_at is None else "withdrawn"


def task(
    case: Case,
    assignment: Assignment,
    catalogue: Catalogue,
    state: TaskState = "dispatched",
    updated_at: datetime | None = None,
) -> Task:
    """The task of an assignment, as the case is now.

    It is made in steps: a call with more than 15 arguments makes a dictionary of them, which costs more than the task.

    Args:
        case: as it is now.
        assignment: of the case.
        catalogue: has the names, and the workflow of the matter.
        state: what has become of the task.
        updated_at: when, if it was not dispatched just now.
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
        reason=assignment.why or case.reason,
        dispatched_at=assignment.dispatched_at or case.opened_at,
        due_at=assignment.due_at,
        unit=assignment.unit,
        workflow=workflow_of(case, catalogue),
        lon=case.lon,
        lat=case.lat,
    )
    made = replace(
        made,
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
        networks=_networks(case),
        media=media_of(case),
        names=catalogue.names.of_task(case.matter, assignment.department, assignment.unit),
        reports=_listed(case),
    )
    if state != "dispatched" or len(case.reports) > MOST_REPORTS or len(case.assignments) > 1:
        made = replace(
            made,
            state=state,
            updated_at=updated_at,
            reports_omitted=max(len(case.reports) - MOST_REPORTS, 0),
            team=_team(case, assignment, catalogue),
        )
    if assignment.view is not None:
        made = withhold(made, assignment.view.sees, assignment.view.masks)
    stage = stage_of(assignment)
    if (
        len(case.assignments) == 1
        and stage == "dispatched"
        and not (assignment.due_provisional or is_final(assignment))
        and not (assignment.view is not None and assignment.view.milestones)
    ):
        return made
    return replace(
        made,
        due_provisional=assignment.due_provisional,
        stage=stage,
        final=is_final(assignment),
        arbitrates=assignment.arbitrates,
        returns=returns_of(case),
        supervised_at=assignment.supervised_at,
        milestones=assignment.milestones,
    )


def returns_of(case: Case) -> int:
    """How often departments have returned a task of the case."""
    return sum([one.stage == "returned" for one in case.assignments])
