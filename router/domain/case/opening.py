"""A report that matches no case opens one, which is routed at once."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from sys import intern

from msgspec.structs import replace

from router.domain.case.dispatch import assignments, lifecycle_of, planned
from router.domain.case.reports import opening_report
from router.domain.case.task_record import task
from router.domain.catalogue.resolve import Route
from router.domain.instants import us
from router.domain.lifecycle.ladder import next_of, with_timer
from router.domain.lifecycle.lifecycles import PLANNED, Lifecycle
from router.domain.lifecycle.stages import state_of_tasks
from router.domain.lifecycle.waits import with_wait
from router.domain.matching.scoring import Match
from router.domain.model.case import Case, CaseReport, Suggestion
from router.domain.model.report import Report
from router.domain.model.task import Task
from router.domain.model.transition import TaskStage
from router.domain.rules.city import City
from router.domain.state.interning import intern_float
from router.domain.state.partition_state import PartitionState

SUGGESTIONS = 3
"""How many cases are suggested at most as perhaps the same."""
Left = tuple[str, str, CaseReport]
"""Of a report that left another case: id and partition key of the case that it opens, and the report as that case keeps it."""


def open_case(
    state: PartitionState, report: Report, matches: Sequence[Match], city: City, left: Left | None = None
) -> tuple[Case, list[Task]]:
    """Open a case for a report and dispatch its tasks. A report that is closed already has none, and nothing joins its case.

    Args:
        state: of the partition.
        report: the first report of the case.
        matches: cases below the threshold of merging, the best first.
        city: the rule set of the report.
        left: given if the report left another case.
    """
    route = city.catalogue.route(report.matter, report.location.cell, report.received_at)
    case = _case(report, route, suggestions(report, matches) if matches else (), city)
    if left is not None:
        case.id, case.partition_key, one = left
        case.reports = (replace(one, joined="opened", score=None, distance_m=None, apart_s=None),)
        case.assignments = assignments(case.id, route, report.received_at, city.calendar)
    if report.closed is not None:
        case.state, case.assignments = "closed", ()
        case.window_until = case.window_closed_at = report.received_at
        case.reason = f"no department: {report.id} was {report.closed} when it was received"
    elif report.solved and left is None and case.assignments:
        _solved(case, report, city)
    elif city.catalogue.filed and (lifecycle := city.catalogue.filed.get(route.workflow or "")) is not None:
        _plan(case, lifecycle, city)
    state.remember(report.id, case)
    state.steps.mark_waiting(case)
    state.add(case, city.merging)
    if city.catalogue.filed and case.state in PLANNED:
        return case, []
    return case, [task(case, one, city.catalogue) for one in case.assignments]


def _plan(case: Case, lifecycle: Lifecycle, city: City) -> None:
    """The departments get their tasks when the case is filed."""
    at, begin = case.opened_at, lifecycle.begin
    tasks = [planned(one, lifecycle, begin, at, city.calendar) for one in case.assignments]
    case.assignments = tuple([with_timer(case, one, next_of(case, one, city)) for one in tasks])
    case.state = state_of_tasks(case.assignments)


def _solved(case: Case, report: Report, city: City) -> None:
    """What the reporter has put right needs no department but the lead, and only its check. Without a check the case is closed."""
    lifecycle, at = lifecycle_of(case, city.catalogue), report.received_at
    stage: TaskStage = "handled" if "handled" in lifecycle.stages else "closed"
    case.reason = f"{case.reason}; {report.id} says that it is solved"
    lead = replace(case.assignments[0], stage=stage, stage_at=at)
    lead = with_wait(lead, lifecycle.limits.get(stage), at, city.calendar)
    case.assignments = (with_timer(case, lead, next_of(case, lead, city)),)
    case.state = "checking"
    if stage == "closed":
        case.state, case.closed_at = "closed", at
        case.window_until = case.window_closed_at = at


def case_id(report: str, received_at: datetime) -> str:
    """The id of the case that a report opens: 80 bits of the report's id and received time.

    Among a million million cases two share an id with a probability below one half. The time is there because a number that begins again
    may reach a partition that has never seen it.
    """
    return f"C-{blake2b(f'{report} {us(received_at)}'.encode(), digest_size=10).hexdigest()}"


def _case(report: Report, route: Route, suggested: tuple[Suggestion, ...], city: City) -> Case:
    """The case in two steps: a call with more than 15 arguments makes a dictionary of them, which costs more than the case."""
    id_, location, received_at, opening = (
        case_id(report.id, report.received_at),
        report.location,
        report.received_at,
        opening_report(report),
    )
    case = Case(
        id=id_,
        cell=opening.cell,
        matter=opening.matter,
        opened_at=received_at,
        updated_at=received_at,
        occurred_at=report.occurred_at,
        window_until=received_at + city.merging.window_of(report.matter),
        accuracy_m=intern_float(location.accuracy_m),
        reports=(opening,),
        assignments=assignments(id_, route, received_at, city.calendar),
        reason=route.reason,
        catalogue=city.catalogue.version,
        lon=location.lon,
        lat=location.lat,
        resolved_by=location.resolved_by,
    )
    case.rule_set, case.partition_key, case.revision = intern(report.rule_set), report.partition_key or opening.cell, 1
    case.component_id, case.status, case.description = report.component_id, report.status, report.description
    case.urgency, case.severity, case.certainty = report.urgency, report.severity, report.certainty
    case.address, case.place_doubt, case.media = report.address, location.doubt, report.media
    case.suggestions = suggested
    return case


def suggestions(report: Report, matches: Sequence[Match]) -> tuple[Suggestion, ...]:
    """The best of the cases that are perhaps the same as that of the report."""
    return tuple([_suggestion(match, report) for match in matches[:SUGGESTIONS]])


def _suggestion(match: Match, report: Report) -> Suggestion:
    where = "in the same community" if match.distance_m is None else f"{match.distance_m:.0f} m away"
    when = f"{match.apart_s / 3600:.1f} h apart"
    case = match.candidate.case
    known = (
        f"the same, but that case is full with {len(case.reports)} reports"
        if match.candidate.full
        else "perhaps the same"
    )
    reason = f"{report.matter} like {case.matter}, {where}, {when}: {known}"
    return Suggestion(case=case.id, score=match.score, reason=reason)
