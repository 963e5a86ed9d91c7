"""What a case says, derived from what its reports say now.

| what | follows from |
| --- | --- |
| matter, cell, point, accuracy, time, text, address, media | the leading report |
| status | the leading report: what is real leads, then a drill, then a test |
| urgency, severity, certainty | the highest that a report that counts names |
| component | the first report that counts and names one |
| state | the tasks, while a report is not closed or supervision has opened one again |

A report *counts* if it has the standing of the leading report: closed or not, and its status. The leading report is the first one of
the best standing. Docs: docs/explanation/cases.md.
"""

from collections.abc import Sequence

from router.domain.case.reports import KEPT_CHARACTERS, NOTHING, kept_media
from router.domain.lifecycle.stages import is_live, state_of_tasks
from router.domain.model.case import Case, CaseReport, CaseState
from router.domain.model.severity import STATUSES, take_highest
from router.domain.model.vocabulary import Status
from router.domain.state.interning import intern_float

_STANDINGS: dict[Status, int] = {status: number for number, status in enumerate(STATUSES)}


def _standing(report: CaseReport) -> int:
    """The greater leads."""
    standing = _STANDINGS[(report.says or NOTHING).status]
    return standing if report.closed is not None else standing + len(_STANDINGS)


def leading(reports: Sequence[CaseReport]) -> CaseReport:
    """The report that a case follows: the first one of the best standing."""
    return max(reports, key=_standing)


def counting(reports: Sequence[CaseReport]) -> Sequence[CaseReport]:
    """The reports that have the standing of the leading one, which is the first of them."""
    if len(reports) == 1:
        return reports
    standings = [_standing(report) for report in reports]
    best = max(standings)
    return [report for report, standing in zip(reports, standings, strict=True) if standing == best]


def is_over(reports: Sequence[CaseReport]) -> bool:
    """Whether the networks see nothing left to do: each report is closed, or none is left."""
    return all(report.closed is not None for report in reports)


def state_of(case: Case) -> CaseState:
    """The state that its reports and its tasks imply. A task that supervision has opened again counts, whatever the networks say."""
    if not case.reports:
        return "empty"
    if case.closed_at is not None:
        rejected = any(one.stage == "rejected" and one.withdrawn_at is None for one in case.assignments)
        return "rejected" if rejected else "closed"
    if is_over(case.reports) and not any(is_live(one) for one in case.assignments):
        return "closed"
    return state_of_tasks(case.assignments)


def derive(case: Case) -> None:
    """Let a case follow its reports, all of them whole. A case without reports keeps what it said last."""
    if not case.reports:
        return
    counted = counting(case.reports)
    lead, says = counted[0], [report.says or NOTHING for report in counted]
    own = says[0]
    case.matter, case.cell, case.occurred_at = lead.matter, lead.cell, lead.occurred_at
    if lead.place is None:
        case.lon = case.lat = None
        case.accuracy_m = intern_float(own.accuracy_m or 0.0)
    else:
        case.lon, case.lat, accuracy_m = lead.place
        case.accuracy_m = intern_float(accuracy_m)
    case.resolved_by, case.status = own.resolved_by, own.status
    case.component_id = next((one.component_id for one in says if one.component_id is not None), None)
    take_highest(case, says)
    if case.description[:KEPT_CHARACTERS] != lead.description:  # else the case has the whole text
        case.description = lead.description
    if case.address[:KEPT_CHARACTERS] != own.address:
        case.address = own.address
    if (case.place_doubt or "")[:KEPT_CHARACTERS] != (own.place_doubt or ""):
        case.place_doubt = own.place_doubt
    if kept_media(case.media) != own.media:
        case.media = own.media
