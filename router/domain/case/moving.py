"""A report that no longer fits its case leaves it. It returns to the case that it left before, joins another, or opens one.

Docs: docs/explanation/cases.md.
"""

from collections.abc import Sequence
from hashlib import blake2b

from msgspec import Struct
from msgspec.structs import replace

from router.domain.case.amending import Cause, amend
from router.domain.case.derived import derive
from router.domain.case.joining import case_to_join
from router.domain.case.opening import open_case
from router.domain.case.reports import as_report, whole
from router.domain.case.size import is_full, rejection_of
from router.domain.instants import us
from router.domain.lifecycle.journal import JournalCause, journal
from router.domain.lifecycle.stages import has_ended
from router.domain.matching.candidate import MatchCandidate
from router.domain.matching.fitting import fit
from router.domain.matching.parameters import MergeParameters
from router.domain.matching.scoring import Match, correlate
from router.domain.model.case import Case, CaseReport, Departure
from router.domain.model.escalation import Escalation
from router.domain.model.outcome import EscalationSent, TransitionMade
from router.domain.model.report import Report
from router.domain.model.task import Task
from router.domain.model.transition import Transition
from router.domain.state.partition_state import PartitionState


class Moves(Struct, kw_only=True):
    """The cases and tasks that a correction has changed so far."""

    state: PartitionState
    cause: Cause
    """The correction."""
    cases: list[Case] = []
    tasks: list[Task] = []
    more: list[TransitionMade | EscalationSent] = []
    rerouted: bool = False
    moved: bool = False

    def add(
        self,
        case: Case,
        tasks: Sequence[Task],
        transitions: Sequence[Transition],
        escalations: Sequence[Escalation] = (),
    ) -> None:
        """Add a changed case, once, and the tasks, transitions and escalations of its change."""
        if not any(one is case for one in self.cases):
            self.cases.append(case)
        self.tasks += tasks
        self.more += [TransitionMade(one, case.partition_key) for one in transitions]
        self.more += map(EscalationSent, escalations)


def former_case(state: PartitionState, one: CaseReport, report: Report, merging: MergeParameters) -> Match | None:
    """The case that the report left last, if it fits there again and there is room."""
    former = state.left.get((one.id, one.former)) if one.former is not None else None
    if former is None or not former.reports or not state.is_within_reach(former, report):
        return None
    if is_full(former) or rejection_of(former) is not None:
        return None
    if not has_ended(former) and former.status != report.status:
        return None
    entry = state.candidates.get(former.id) or MatchCandidate.of(former, merging)
    match = fit(report, entry, merging, us(report.occurred_at))
    return match if isinstance(match, Match) else None


def misfit(case: Case, one: CaseReport, report: Report, merging: MergeParameters) -> str | None:
    """Why a report does not fit the other reports of its case; None if it does, or if it is the only one."""
    others = _others(case, one)
    if not others:
        return None
    rest = replace(case, reports=others)
    derive(rest)
    answer = fit(report, MatchCandidate.of(rest, merging), merging, us(report.occurred_at))
    return answer if isinstance(answer, str) else None


def move(moves: Moves, source: Case, one: CaseReport, report: Report, reason: str) -> None:
    """Take a report out of its case, and put it where it belongs.

    Args:
        moves: what changed so far; changed in place.
        source: the case that it leaves.
        one: the report as a case keeps it, whole, in its latest version.
        report: the same as an event received at the time of the cause.
        reason: why it leaves.
    """
    state, cause, merging = moves.state, moves.cause, moves.cause.city.merging
    back = former_case(state, one, report, merging)
    matches = [] if back else _elsewhere(state, source, report, merging)
    match = back or case_to_join(matches, merging)
    target_id = match.candidate.case.id if match else _case_id(source, one)
    departure = Departure(report=one.id, version=one.version, at=cause.at, case=target_id, reason=reason)
    left = amend(state, source, _others(source, one), cause, departure=departure)
    moves.add(source, left.tasks, left.transitions, left.escalations)
    one = replace(one, former=source.id)
    if match is None:
        case, tasks = open_case(state, report, matches, cause.city, left=(target_id, source.partition_key, one))
        transitions, escalations = journal(case, (), JournalCause(cause.report, cause.at)), []
    else:
        case = match.candidate.case
        taken = replace(one, joined=match.joined, score=match.score, distance_m=match.distance_m, apart_s=match.apart_s)
        reports = (*[whole(case, known) for known in case.reports], taken)
        until = cause.at + merging.window_of(one.matter) if one.closed is None else None
        amended = amend(state, case, reports, cause, until=until)
        tasks, transitions, escalations = amended.tasks, amended.transitions, amended.escalations
    state.remember(one.id, case)
    moves.add(case, tasks, transitions, escalations)
    moves.moved = True


def move_unlike(moves: Moves, case: Case) -> None:
    """Let every report that is not closed leave whose matter is unlike that of the case, since another one leads."""
    cause, merging = moves.cause, moves.cause.city.merging
    while not has_ended(case) and len(case.reports) > 1:
        pairs = merging.pairs(case.matter)
        one = next((one for one in case.reports if one.closed is None and one.matter not in pairs), None)
        if one is None:
            return
        reason = f"{one.matter} is not like {case.matter}, which the case became by {cause.name}"
        move(moves, case, one, as_report(one, cause.report), reason)


def _others(case: Case, one: CaseReport) -> tuple[CaseReport, ...]:
    return tuple([whole(case, other) for other in case.reports if other.id != one.id])


def _elsewhere(state: PartitionState, source: Case, report: Report, merging: MergeParameters) -> list[Match]:
    found = correlate(report, state.index, merging, us(report.occurred_at), us(report.received_at))
    return [match for match in found if match.candidate.case is not source]


def _case_id(source: Case, one: CaseReport) -> str:
    """Id of the case that a report opens when it leaves another. It leaves one revision of one case only once."""
    return f"C-{blake2b(f'{one.id} {source.id} {source.revision}'.encode(), digest_size=10).hexdigest()}"
