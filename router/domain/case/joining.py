"""A report that matches a case well enough joins it."""

from router.domain.case.reports import joining_report
from router.domain.matching.candidate import with_references
from router.domain.matching.correlation import Match
from router.domain.matching.parameters import MergeParameters
from router.domain.model.case import Case
from router.domain.model.report import Report
from router.domain.model.severity import raise_severity
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


def join_case(state: PartitionState, report: Report, occurred_us: int, match: Match, merging: MergeParameters) -> Case:
    """Add a report to the case that it matches."""
    entry, case = match.candidate, match.candidate.case
    state.remember(report.id, case)
    joined = joining_report(report, match)
    component = case.component_id or report.component_id
    references = with_references(entry.references, joined, merging)
    moves = occurred_us > entry.last_us or component != case.component_id or references is not entry.references
    with state.changing(case, merging, moves=moves):
        case.reports = (*case.reports, joined)
        case.updated_at = max(case.updated_at, report.received_at)
        until = report.received_at + merging.window_of(report.matter)
        case.window_until = max(case.window_until, until)
        case.component_id = component
        raise_severity(case, report)
        entry.add_report(joined, occurred_us, references)
    return case
