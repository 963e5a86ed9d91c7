"""A report that matches a case well enough joins it."""

from router.domain.case.dispatch import lead_due
from router.domain.case.reports import joining_report, whole
from router.domain.case.task_record import media_of, task_updates
from router.domain.case.window import extended
from router.domain.matching.candidate import with_references
from router.domain.matching.parameters import MergeParameters
from router.domain.matching.scoring import Match
from router.domain.model.case import Case
from router.domain.model.report import Report
from router.domain.model.severity import raise_severity
from router.domain.model.task import Task
from router.domain.rules.city import City
from router.domain.state.partition_state import PartitionState


def case_to_join(matches: list[Match], merging: MergeParameters) -> Match | None:
    """The best match that reaches the threshold and is not full. A match by community counts only if it is the only one.

    Args:
        matches: the best first.
        merging: holds the threshold.
    """
    for match in matches:
        if match.score < merging.thresholds.merge:
            break
        if match.candidate.full:
            continue
        if match.joined != "community" or len(matches) == 1:
            return match
    return None


def join_case(
    state: PartitionState, report: Report, occurred_us: int, match: Match, city: City
) -> tuple[Case, list[Task]]:
    """Add a report to the case that it matches.

    Returns:
        The case, and the tasks to update: all, if the report raises a level, is the first of its network, brings photos that they
        show, or comes after the limit of the lead. What else it adds to them, the next record shows.
    """
    entry, case, merging = match.candidate, match.candidate.case, city.merging
    state.remember(report.id, case)
    new = report.network not in entry.networks
    media = media_of(case) if report.media else None
    joined, counts, raised, due = joining_report(report, match), report.closed is None, False, lead_due(case)
    component = case.component_id or (report.component_id if counts else None)
    references = with_references(entry.references, joined, merging)
    moves = occurred_us > entry.last_us or component != case.component_id or references is not entry.references
    with state.changing(case, merging, moves=moves):
        reports = case.reports
        case.reports = (*reports, joined) if len(reports) > 1 else (whole(case, reports[0]), joined)
        case.updated_at = max(case.updated_at, report.received_at)
        if counts:
            until = report.received_at + merging.window_of(report.matter)
            case.window_until = extended(case, until, due, merging)
            case.component_id = component
            raised = raise_severity(case, report)
        entry.add_report(joined, occurred_us, references)
    photos = media is not None and media_of(case) != media
    if raised or new or photos or (counts and due is not None and report.received_at >= due):
        return case, task_updates(case, city.catalogue, report.received_at)
    return case, []
