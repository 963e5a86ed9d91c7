"""The one door the shell knocks on: state, event -> what changed. Pure and deterministic; time comes from the records."""

from hashlib import blake2b
from sys import intern

from msgspec.structs import replace

from router.domain.case.dispatch import assignments, task
from router.domain.case.revisions import revise_report
from router.domain.catalogue.resolve import Route
from router.domain.matching.case_index import MatchCandidate, place_of, references_of, with_place, with_references
from router.domain.matching.correlation import SUGGESTIONS, Match, correlate
from router.domain.matching.parameters import MergeParameters
from router.domain.model.case import Case, CaseReport, Suggestion
from router.domain.model.outcome import NOTHING_DUE, REDELIVERED, CaseChanged, Outcome, TickFolded, outcome
from router.domain.model.report import Report, Tick
from router.domain.model.severity import raise_severity
from router.domain.rules.city import City
from router.domain.rules.rule_sets import RuleLookup
from router.domain.state.interning import NO_NETWORKS, intern_float, intern_provenance, with_network
from router.domain.state.partition_state import PartitionState, us

GRACE_US = 3_600_000_000
"""A report received this long after the end of a window closes it, if no tick has. In a backlog the tick stands behind all that
waits, and windows that ended long ago would pile up; an hour, because networks' reports are only nearly in order of receipt."""
MAX_REPORTS = 1000
"""A case is written whole whenever it changes, about 400 bytes a report; a flood goes on in another case, marked as suggested."""


def fold(state: PartitionState, event: Report | Tick, rules: RuleLookup) -> Outcome:
    """Take in the next event of the partition's log.

    Args:
        state: of the partition; changed in place.
        event: a report, or a tick that says what time it is.
        rules: the rule sets. A report is decided by its own, and a case that comes due by the case's own.

    Raises:
        RuleSetError: a rule set is not at hand; nothing was changed.
    """
    if isinstance(event, Tick):
        return _tick(state, event, rules)
    city = rules.of(event.rule_set)
    if event.id in state.case_by_report or event.id in state.expired_report_ids:
        case = state.case_of(event)
        return REDELIVERED if case is None else revise_report(state, case, event, city)
    occurred_us, received_us = us(event.occurred_at), us(event.received_at)
    closed = state.close_windows(received_us - GRACE_US, event.received_at, rules)
    state.expire(received_us)
    matches = correlate(event, state.index, city.merging, occurred_us, received_us)
    match = _decide(matches, city.merging)
    if match is None:
        return _open(state, event, occurred_us, matches, city=city, closed=closed)
    return _join(state, event, occurred_us, match, merging=city.merging, closed=closed)


def _decide(matches: list[Match], merging: MergeParameters) -> Match | None:
    """The case to join: the best that reaches the threshold; by community alone only if there is no other candidate."""
    for match in matches:
        if match.score < merging.thresholds.merge:
            break
        if len(match.candidate.case.reports) >= MAX_REPORTS:
            continue
        if match.joined != "community" or len(matches) == 1:
            return match
    return None


def _open(
    state: PartitionState, report: Report, occurred_us: int, matches: list[Match], *, city: City, closed: list[Case]
) -> Outcome:
    route = city.catalogue.route(report.matter, report.location.cell, report.received_at)
    suggestions = tuple(_suggestion(match, report) for match in matches[:SUGGESTIONS])
    case = _case(report, route, suggestions, city)
    state.case_by_report[report.id] = case
    entry = MatchCandidate(
        case,
        occurred_us,
        occurred_us,
        us(case.window_until),
        with_network(NO_NETWORKS, report.network),
        references=references_of(case, city.merging),
    )
    state.add_candidate(entry, city.merging)
    return outcome("opened", [*closed, case], [task(case, one, route.workflow) for one in case.assignments])


def _join(
    state: PartitionState,
    report: Report,
    occurred_us: int,
    match: Match,
    *,
    merging: MergeParameters,
    closed: list[Case],
) -> Outcome:
    entry, case = match.candidate, match.candidate.case
    state.case_by_report[report.id] = case
    joined = _joining(report, match)
    case.reports = (*case.reports, joined)
    case.updated_at = max(case.updated_at, report.received_at)
    case.revision += 1
    raise_severity(case, report)
    component = case.component_id or report.component_id
    references = with_references(entry.references, joined, merging)
    moves = occurred_us > entry.last_us or component != case.component_id or references is not entry.references
    if moves:
        state.index.remove(entry, merging)
    entry.first_us, entry.last_us = min(entry.first_us, occurred_us), max(entry.last_us, occurred_us)
    entry.networks = with_network(entry.networks, report.network)
    entry.places, entry.references = with_place(entry.places, joined, case), references
    case.component_id = component
    if moves:
        state.index.add(entry, merging)
    state.extend_window(entry, report.received_at + merging.window_of(report.matter))
    return outcome(match.joined, [*closed, case], [])


def _tick(state: PartitionState, tick: Tick, rules: RuleLookup) -> Outcome:
    """Close every window that has ended; a tick that comes early or twice does nothing."""
    closed = state.close_windows(us(tick.at), tick.at, rules)
    if closed:
        state.expire(us(tick.at))
    return Outcome([CaseChanged(case) for case in closed], [TickFolded(len(closed))]) if closed else NOTHING_DUE


def _case_id(report_id: str) -> str:
    """80 bits of the opening report's id: two of a million million cases share an id with probability below one half."""
    return f"C-{blake2b(report_id.encode(), digest_size=10).hexdigest()}"


def _case(report: Report, route: Route, suggestions: tuple[Suggestion, ...], city: City) -> Case:
    """In two steps: a call with more than 15 arguments makes a dictionary of them, which costs more than the case."""
    id_, location, received_at, opening = _case_id(report.id), report.location, report.received_at, _opening(report)
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
        assignments=assignments(id_, route, received_at),
        reason=route.reason,
        catalogue=city.catalogue.version,
        lon=location.lon,
        lat=location.lat,
        resolved_by=location.resolved_by,
    )
    return replace(
        case,
        rule_set=intern(report.rule_set),
        component_id=report.component_id,
        status=report.status,
        urgency=report.urgency,
        severity=report.severity,
        certainty=report.certainty,
        description=report.description,
        suggestions=suggestions,
        revision=1,
        partition_key=opening.cell,
    )


def _opening(report: Report) -> CaseReport:
    return CaseReport(
        id=report.id,
        network=intern(report.network),
        matter=intern(report.matter),
        cell=intern(report.location.cell),
        occurred_at=report.occurred_at,
        received_at=report.received_at,
        provenance=intern_provenance(report.provenance),
        joined="opened",
        version=report.version,
        reporter=report.reporter,
        person=report.person if report.extensions else None,
    )


def _joining(report: Report, match: Match) -> CaseReport:
    return CaseReport(
        id=report.id,
        network=intern(report.network),
        matter=intern(report.matter),
        cell=intern(report.location.cell),
        occurred_at=report.occurred_at,
        received_at=report.received_at,
        provenance=intern_provenance(report.provenance),
        joined=match.joined,
        score=match.score,
        distance_m=match.distance_m,
        apart_s=match.apart_s,
        version=report.version,
        place=place_of(report),
        reporter=report.reporter,
        person=report.person if report.extensions else None,
    )


def _suggestion(match: Match, report: Report) -> Suggestion:
    where = "in the same community" if match.distance_m is None else f"{match.distance_m:.0f} m away"
    when = f"{match.apart_s / 3600:.1f} h apart"
    reason = f"{report.matter} like {match.candidate.case.matter}, {where}, {when}: perhaps the same"
    return Suggestion(case=match.candidate.case.id, score=match.score, reason=reason)
