"""A report that its network corrected or supplemented: its case keeps every version and follows what the report says now.

A correction that no longer fits the other reports of the case leaves it (`moving.py`). Docs: docs/explanation/cases.md.
"""

from router.domain.case.amending import Cause, amend
from router.domain.case.moving import Moves, former_case, misfit, move, move_unlike
from router.domain.case.opening import suggestions
from router.domain.case.reports import next_version, whole
from router.domain.case.size import rejection_of
from router.domain.instants import us
from router.domain.matching.scoring import correlate
from router.domain.model.case import Case, CaseReport
from router.domain.model.outcome import REDELIVERED, Outcome, ReportDecision, outcome
from router.domain.model.rejection import RejectedEventError
from router.domain.model.report import Report
from router.domain.rules.city import City
from router.domain.state.partition_state import PartitionState


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
    known = whole(case, known)
    newer, cause = next_version(known, report), Cause(report=report, city=city)
    moves = Moves(state=state, cause=cause)
    elsewhere = _says_another_place(known, newer)
    reason = _why_it_leaves(state, case, newer, report, city) if elsewhere else None
    if reason is not None:
        move(moves, case, newer, report, reason)
    else:
        reports = [whole(case, one) for one in case.reports]
        reports[number] = newer
        until = None
        if newer.closed is None:
            until = newer.earlier[0].received_at + city.merging.window_of(newer.matter)
        amended = amend(state, case, tuple(reports), cause, until=until)
        moves.add(case, amended.tasks, amended.transitions, amended.escalations)
        moves.rerouted = amended.rerouted
        if elsewhere and len(case.reports) == 1 and case.window_closed_at is None:
            _suggest(state, case, report, city)
    move_unlike(moves, case)
    return outcome(_decision(moves), moves.cases, moves.tasks, moves.more)


def _decision(moves: Moves) -> ReportDecision:
    if moves.moved:
        return "moved"
    return "rerouted" if moves.rerouted else "updated"


def _says_another_place(known: CaseReport, newer: CaseReport) -> bool:
    """Whether a correction changes anything by which a report is matched."""
    one, other = known.says, newer.says
    return (known.matter, known.cell, known.occurred_at, known.place, one and one.component_id) != (
        newer.matter,
        newer.cell,
        newer.occurred_at,
        newer.place,
        other and other.component_id,
    )


def _why_it_leaves(state: PartitionState, case: Case, newer: CaseReport, report: Report, city: City) -> str | None:
    """Why the report leaves its case; None if it stays. The only report of a case leaves only for the case that it had left."""
    if len(case.reports) > 1:
        return misfit(case, newer, report, city.merging)
    back = former_case(state, newer, report, city.merging)
    return None if back is None else f"it fits {back.candidate.case.id} again, which it had left"


def _suggest(state: PartitionState, case: Case, report: Report, city: City) -> None:
    """Suggest cases that the only report of this one resembles, now that it says something else."""
    matches = correlate(report, state.index, city.merging, us(report.occurred_at), us(report.received_at))
    case.suggestions = suggestions(report, [match for match in matches if match.candidate.case is not case])
