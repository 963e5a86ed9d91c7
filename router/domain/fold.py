"""The one door the shell knocks on: state, event -> what changed. Pure and deterministic; time comes from the records.

The state belongs to the caller and is changed in place; after any failure it is dropped and restored from the log. The cases
in an outcome are the state's own objects: encode them before the next event or, as the shell does, once after a batch.
"""

from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from heapq import heappop, heappush
from typing import Any, Literal, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from router.domain.cases import Assignment, Case, CaseReport, JoinKind, Suggestion, Task
from router.domain.catalogue.resolve import Route
from router.domain.city import City
from router.domain.correlation import SUGGESTIONS, Index, Match, OpenCase, correlate
from router.domain.deadlines import due_at
from router.domain.merging import Merging
from router.domain.reports import Certainty, Report, Severity, Tick, Urgency

GRACE_US = 3_600_000_000
"""A report received this long after the end of a window closes it, if no tick has. In a backlog the tick stands behind all that
waits, and windows that ended long ago would pile up; an hour, because networks' reports are only nearly in order of receipt."""
MOST_REPORTS = 1000
"""A case is written whole whenever it changes, about 300 bytes a report; a flood goes on in another case, marked as suggested."""
Decision = Literal["opened", "near", "component", "community", "redelivered", "window-closed", "ticked"]

Level = TypeVar("Level", bound=str)

_URGENCIES: tuple[Urgency, ...] = ("Unknown", "Past", "Future", "Expected", "Immediate")
_SEVERITIES: tuple[Severity, ...] = ("Unknown", "Minor", "Moderate", "Severe", "Extreme")
_CERTAINTIES: tuple[Certainty, ...] = ("Unknown", "Unlikely", "Possible", "Likely", "Observed")
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


class Outcome(Struct, frozen=True, gc=False):
    """What one event did."""

    decision: Decision
    cases: list[Case]
    """Cases that changed."""
    tasks: list[Task]
    """Tasks to dispatch."""


class PartitionState:
    """Everything the fold remembers of one partition: open cases, and every report id it has ever taken in."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.open: dict[str, OpenCase] = {}
        self.index = Index()
        self.timers: list[tuple[int, str]] = []
        """(end of window in µs, case id), a heap; an entry whose case has moved on is stale."""

    @property
    def open_cases(self) -> int:
        """Cases whose merge window is open."""
        return len(self.open)

    def snapshot(self) -> dict[str, Any]:
        """What the state amounts to, for comparing two of them; later events do not change it."""
        cases = {
            id_: (_copy(entry.case), entry.first_us, entry.last_us, entry.until_us, sorted(entry.networks))
            for id_, entry in self.open.items()
        }
        return {"seen": set(self.seen), "open": cases, "index": self.index.listed(), "due": next_due(self)}


_REDELIVERED = Outcome("redelivered", [], [])
_TICKED = Outcome("ticked", [], [])


def fold(state: PartitionState, event: Report | Tick, city: City) -> Outcome:
    """Take in the next event of the partition's log.

    Args:
        state: of the partition; changed in place.
        event: a report, or a tick that says what time it is.
        city: the rules.
    """
    if isinstance(event, Tick):
        return _tick(state, event, city.merging)
    if event.id in state.seen:
        return _REDELIVERED
    state.seen.add(event.id)
    occurred_us, received_us = _us(event.occurred_at), _us(event.received_at)
    closed = _close(state, received_us - GRACE_US, event.received_at, city.merging)
    matches = correlate(event, state.index, city.merging, occurred_us, received_us)
    match = _decide(matches, city.merging)
    if match is None:
        return _open(state, event, occurred_us, matches, city=city, closed=closed)
    return _join(state, event, occurred_us, match, merging=city.merging, closed=closed)


def restore(state: PartitionState, case: Case, city: City) -> None:
    """Bring a case of the changelog back into a state; in any order, each case once."""
    state.seen.update(report.id for report in case.reports)
    if case.window_closed_at is None:
        occurred = [_us(report.occurred_at) for report in case.reports]
        networks = {report.network for report in case.reports}
        _enter(state, OpenCase(case, min(occurred), max(occurred), _us(case.window_until), networks), city.merging)


def next_due(state: PartitionState) -> datetime | None:
    """When the next merge window closes; None when no case is open."""
    timers = state.timers
    while timers and _stale(state, timers[0]):
        heappop(timers)
    return state.open[timers[0][1]].case.window_until if timers else None


def _stale(state: PartitionState, timer: tuple[int, str]) -> bool:
    entry = state.open.get(timer[1])
    return entry is None or entry.until_us != timer[0]


def _decide(matches: list[Match], merging: Merging) -> Match | None:
    """The case to join: the best that reaches the threshold; by community alone only if there is no other candidate."""
    for match in matches:
        if match.score < merging.thresholds.merge:
            break
        if len(match.open.case.reports) >= MOST_REPORTS:
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
    entry = OpenCase(case, occurred_us, occurred_us, _us(case.window_until), {report.network})
    _enter(state, entry, city.merging)
    return Outcome("opened", [*closed, case], [_task(case, assignment, route) for assignment in case.assignments])


def _enter(state: PartitionState, entry: OpenCase, merging: Merging) -> None:
    state.open[entry.case.id] = entry
    state.index.add(entry, merging)
    heappush(state.timers, (entry.until_us, entry.case.id))


def _join(
    state: PartitionState, report: Report, occurred_us: int, match: Match, *, merging: Merging, closed: list[Case]
) -> Outcome:
    entry, case = match.open, match.open.case
    case.reports.append(_case_report(report, match.joined, match))
    case.updated_at = max(case.updated_at, report.received_at)
    case.urgency = _higher(_URGENCIES, case.urgency, report.urgency)
    case.severity = _higher(_SEVERITIES, case.severity, report.severity)
    case.certainty = _higher(_CERTAINTIES, case.certainty, report.certainty)
    entry.first_us, entry.last_us = min(entry.first_us, occurred_us), max(entry.last_us, occurred_us)
    entry.networks.add(report.network)
    if case.component_id is None and report.component_id is not None:
        state.index.remove(entry, merging)
        case.component_id = report.component_id
        state.index.add(entry, merging)
    until = report.received_at + merging.window_of(report.matter)
    if until > case.window_until:
        case.window_until = until
        entry.until_us = _us(until)
        heappush(state.timers, (entry.until_us, case.id))
    return Outcome(match.joined, [*closed, case], [])


def _tick(state: PartitionState, tick: Tick, merging: Merging) -> Outcome:
    """Close every window that has ended; a tick that comes early or twice does nothing."""
    closed = _close(state, _us(tick.at), tick.at, merging)
    return Outcome("window-closed", closed, []) if closed else _TICKED


def _close(state: PartitionState, until_us: int, at: datetime, merging: Merging) -> list[Case]:
    """Close every window that ends at `until_us` or before, the earliest first, of equals the smaller id."""
    closed: list[Case] = []
    while state.timers and state.timers[0][0] <= until_us:
        timer = heappop(state.timers)
        entry = state.open.get(timer[1])
        if entry is not None and entry.until_us == timer[0]:
            state.index.remove(entry, merging)
            del state.open[timer[1]]
            entry.case.window_closed_at = entry.case.updated_at = at
            closed.append(entry.case)
    return closed


def _case_id(report_id: str) -> str:
    """80 bits of the opening report's id: two of a million million cases share an id with probability below one half."""
    return f"C-{blake2b(report_id.encode(), digest_size=10).hexdigest()}"


def _case(report: Report, route: Route, suggestions: tuple[Suggestion, ...], city: City) -> Case:
    """In two steps: a call with more than 15 arguments makes a dictionary of them, which costs more than the case."""
    id_, location, received_at = _case_id(report.id), report.location, report.received_at
    case = Case(
        id=id_,
        cell=location.cell,
        matter=report.matter,
        opened_at=received_at,
        updated_at=received_at,
        occurred_at=report.occurred_at,
        window_until=received_at + city.merging.window_of(report.matter),
        accuracy_m=location.accuracy_m,
        reports=[_case_report(report, "opened", None)],
        assignments=_assignments(id_, route, received_at),
        reason=route.reason,
        catalogue=city.catalogue.version,
        lon=location.lon,
        lat=location.lat,
        resolved_by=location.resolved_by,
    )
    return replace(
        case,
        component_id=report.component_id,
        status=report.status,
        urgency=report.urgency,
        severity=report.severity,
        certainty=report.certainty,
        description=report.description,
        suggestions=suggestions,
    )


def _copy(case: Case) -> Case:
    """The case as it is now; whatever else it holds never changes."""
    return replace(case, reports=list(case.reports))


def _case_report(report: Report, joined: JoinKind, match: Match | None) -> CaseReport:
    return CaseReport(
        id=report.id,
        network=report.network,
        matter=report.matter,
        cell=report.location.cell,
        occurred_at=report.occurred_at,
        received_at=report.received_at,
        provenance=report.provenance,
        joined=joined,
        score=match.score if match else None,
        distance_m=match.distance_m if match else None,
        apart_s=match.apart_s if match else None,
    )


def _assignments(case_id: str, route: Route, start: datetime) -> tuple[Assignment, ...]:
    return tuple(
        Assignment(
            task=f"{case_id}.{number}",
            department=one.department,
            role=one.role,
            rule=one.rule,
            due_at=due_at(start, one.limit) if one.limit else None,
            unit=one.unit,
        )
        for number, one in enumerate(route.assigned, 1)
    )


def _task(case: Case, assignment: Assignment, route: Route) -> Task:
    task = Task(
        id=assignment.task,
        case=case.id,
        department=assignment.department,
        role=assignment.role,
        matter=case.matter,
        cell=case.cell,
        rule=assignment.rule,
        catalogue=case.catalogue,
        reason=case.reason,
        dispatched_at=case.opened_at,
        due_at=assignment.due_at,
        unit=assignment.unit,
        workflow=route.workflow,
        lon=case.lon,
        lat=case.lat,
    )
    return replace(
        task,
        status=case.status,
        urgency=case.urgency,
        severity=case.severity,
        description=case.description,
    )


def _suggestion(match: Match, report: Report) -> Suggestion:
    where = "in the same community" if match.distance_m is None else f"{match.distance_m:.0f} m away"
    when = f"{match.apart_s / 3600:.1f} h apart"
    reason = f"{report.matter} like {match.open.case.matter}, {where}, {when}: perhaps the same"
    return Suggestion(case=match.open.case.id, score=match.score, reason=reason)


def _higher(order: tuple[Level, ...], one: Level, other: Level) -> Level:
    return one if order.index(one) >= order.index(other) else other


def _us(at: datetime) -> int:
    """µs since 1970: whole, so that two instants compare as they were written."""
    return (at - _EPOCH) // _MICROSECOND
