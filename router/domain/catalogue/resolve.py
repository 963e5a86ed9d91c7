"""Resolves which departments must act on a matter in a cell. The hot path is one dictionary look-up.

The most specific duty wins: first one that names the matter, then its group, then `*`; then the longer area; then the one
with more bounds of validity (a winter duty before the permanent one). Two duties that tie on all three for the same matter,
area and time are a conflict, which lint rejects (GR021). The locality gets what no duty covers (属地兜底).
"""

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from msgspec import Struct

from router.domain.calendar.limits import Limit
from router.domain.catalogue.escalations import Ladder
from router.domain.catalogue.lists import Duty
from router.domain.catalogue.model import FALLBACK, ArbitrationNode, Department, Receiver, WorkflowNode
from router.domain.catalogue.task_names import CatalogueNames
from router.domain.lifecycle.lifecycles import START, Lifecycle
from router.domain.model.case import TaskView
from router.domain.model.milestone import Milestone
from router.domain.model.vocabulary import Role, Severity, Urgency

UNIT_DIGITS = {"street": 9, "community": 12, "cell": 15}
"""Units that are part of the cell code."""
STREET = 9
MEMO = 1 << 17
"""Routes remembered per period. Beyond this number, which only unknown cells can reach, the memo is cleared."""


class Assigned(Struct, frozen=True, kw_only=True):
    """The part of one department: it becomes a task."""

    department: str
    role: Role
    rule: str
    """Id of the duty, or `fallback`."""
    unit: str | None = None
    limit: Limit | None = None
    ladder: Ladder | None = None
    """Who hears of it before and after the limit ends."""
    milestones: tuple[Milestone, ...] = ()
    """Limits of parts of the work, before that of all of it."""
    view: TaskView | None = None
    """What its task shows, as the department's entry says."""


class Route(Struct, frozen=True, kw_only=True):
    """Who must act, and why. The lead comes first."""

    assigned: tuple[Assigned, ...]
    reason: str
    """One sentence for people."""
    workflow: str | None = None


class Matter(Struct, frozen=True, kw_only=True):
    """A matter (事项) with the values inherited from its group."""

    id: str
    name: str
    name_zh: str | None
    group: str
    workflow: str | None
    urgency: Urgency | None
    severity: Severity | None
    limits: Mapping[Role, Limit | None]
    milestones: Mapping[Role, tuple[Milestone, ...]] = MappingProxyType({})
    """Limits of parts of the work, of the roles that have some."""
    closing: str | None
    """When the case may be closed (结案条件)."""


class Candidate(Struct, frozen=True, kw_only=True):
    """A duty as it applies to one matter in one area."""

    duty: Duty
    area: str
    named: int
    """2: it names the matter; 1: its group; 0: every matter."""
    begins: datetime | None
    ends: datetime | None
    """Validity as a half-open interval of instants."""

    @property
    def bounds(self) -> int:
        """How many ends of its validity are set: 0, 1 or 2."""
        return (self.begins is not None) + (self.ends is not None)

    @property
    def rank(self) -> tuple[int, int, int]:
        """The greater key is more specific."""
        return self.named, len(self.area), self.bounds

    def holds(self, at: datetime) -> bool:
        """Whether it is in effect."""
        return (self.begins is None or self.begins <= at) and (self.ends is None or at < self.ends)


class Catalogue:
    """The compiled catalogue of one city. Immutable, except for a memo of earlier look-ups.

    Args:
        version: short hash of the content.
        candidates: by matter, the most specific first.
        fallback: the department for what no duty covers; None: no department.
        ladders: by matter and role; under None those of unknown matters.
    """

    def __init__(
        self,
        *,
        version: str,
        departments: Mapping[str, Department],
        matters: Mapping[str, Matter],
        workflows: Mapping[str, WorkflowNode],
        lifecycles: Mapping[str, Lifecycle],
        duties: tuple[Duty, ...],
        candidates: Mapping[str, tuple[Candidate, ...]],
        fallback: Receiver | None,
        arbitration: ArbitrationNode | None,
        transfers: Sequence[Collection[str]],
        ladders: Mapping[tuple[str | None, Role], Ladder] = MappingProxyType({}),
    ) -> None:
        self.version = version
        self.departments = departments
        self._views = {
            name: TaskView(sees=one.sees, masks=one.masks)
            for name, one in departments.items()
            if one.sees is not None or one.masks
        }
        self.matters = matters
        self.names = CatalogueNames(departments, matters)
        self.workflows = workflows
        self.lifecycles = lifecycles
        """Workflow -> the lifecycle of its tasks."""
        self.filed = {name: one for name, one in lifecycles.items() if one.begin != START}
        """The lifecycles by which a case is verified or filed before its departments get tasks."""
        self.duties = duties
        self.candidates = candidates
        self.fallback = fallback
        self.arbitration = arbitration
        """Who decides whose a task is that was returned twice; None: the fallback gets it."""
        self.transfers = transfers
        """Sets of departments that may hand tasks to each other."""
        self.ladders = ladders
        self.boundaries = sorted({at for c in _all(candidates) for at in (c.begins, c.ends) if at is not None})
        """Instants at which the set of duties in effect changes."""
        self._depth = {matter: _depth(found, fallback) for matter, found in candidates.items()}
        self._default_depth = _depth((), fallback)
        self._memo: list[dict[tuple[str, str], Route]] = [{} for _ in range(len(self.boundaries) + 1)]

    def route(self, matter: str, cell: str, at: datetime) -> Route:
        """Who must act on this matter in this cell at this instant (aware). Never raises.

        The answer is memoised by the digits that duties look at, one answer for each period of validity. A matter that the
        catalogue does not know goes to the fallback; normalise lets no report carry one.
        """
        period = bisect_right(self.boundaries, at) if self.boundaries else 0
        key = (matter, cell[: self._depth.get(matter, self._default_depth)])
        memo = self._memo[period]
        route = memo.get(key)
        if route is None:
            if len(memo) >= MEMO:
                memo.clear()
            route = memo[key] = self.decide(matter, cell, self.winner(matter, cell, at))
        return route

    def ladder(self, matter: str, role: Role) -> Ladder | None:
        """Who hears of a task of this matter before and after its limit ends; None: no one."""
        return self.ladders.get((matter if matter in self.matters else None, role)) if self.ladders else None

    def winner(self, matter: str, cell: str, at: datetime) -> Candidate | None:
        """The most specific duty in effect. None: only the fallback is left."""
        for candidate in self.candidates.get(matter, ()):
            if cell.startswith(candidate.area) and candidate.holds(at):
                return candidate
        return None

    def decide(self, matter: str, cell: str, winner: Candidate | None) -> Route:
        """The route of the winning duty."""
        known = self.matters.get(matter)
        workflow = known.workflow if known else None
        if winner is None:
            return self._fall(matter, cell, known)
        duty = winner.duty
        roles: list[tuple[Role, Receiver]] = [("lead", duty.lead), *(("assist", one) for one in duty.assist)]
        assigned = tuple(self.assign(receiver, role, duty.id, cell, known) for role, receiver in roles)
        return Route(assigned=assigned, reason=_reason(matter, known, winner), workflow=workflow)

    def _fall(self, matter: str, cell: str, known: Matter | None) -> Route:
        why = f"no duty covers {matter} in {cell[:STREET]}" if known else f"{matter} is no matter of the catalogue"
        workflow = known.workflow if known else None
        if self.fallback is None:
            return Route(assigned=(), reason=f"{FALLBACK}: {why}, and no fallback is declared", workflow=workflow)
        assigned = self.assign(self.fallback, "lead", FALLBACK, cell, known)
        unit = f" of {assigned.unit}" if assigned.unit else ""
        reason = f"{FALLBACK}: {why}, so {assigned.department}{unit} leads"
        return Route(assigned=(assigned,), reason=reason, workflow=workflow)

    def assign(self, receiver: Receiver, role: Role, rule: str, cell: str, matter: Matter | None) -> Assigned:
        """The part of a receiver in a cell: with limit and ladder of the matter, and with what its department may see."""
        digits = UNIT_DIGITS.get(receiver.unit or "")
        return Assigned(
            department=receiver.department,
            role=role,
            rule=rule,
            unit=cell[:digits] if digits else receiver.unit,
            limit=matter.limits.get(role) if matter else None,
            ladder=self.ladders.get((None if matter is None else matter.id, role)),
            view=self.view_of(receiver.department),
            milestones=matter.milestones.get(role, ()) if matter else (),
        )

    def view_of(self, department: str) -> TaskView | None:
        """What a department's tasks show; None: everything."""
        return self._views.get(department)


def _all(candidates: Mapping[str, tuple[Candidate, ...]]) -> list[Candidate]:
    return [candidate for found in candidates.values() for candidate in found]


def _depth(candidates: tuple[Candidate, ...], fallback: Receiver | None) -> int:
    """How many digits of a cell code decide: those of the longest area, and of the units cut from the code."""
    receivers = [receiver for c in candidates for receiver in (c.duty.lead, *c.duty.assist)]
    longest = max((len(c.area) for c in candidates), default=0)
    if not any(c.area == "" and c.bounds == 0 for c in candidates):
        receivers += [fallback] if fallback else []
        longest = max(longest, STREET)
    return max(longest, *(UNIT_DIGITS.get(receiver.unit or "", 0) for receiver in receivers), 0)


def _reason(matter: str, known: Matter | None, winner: Candidate) -> str:
    how = f" (group {known.group})" if winner.named == 1 and known else " (every matter)" if winner.named == 0 else ""
    where = winner.area or "the whole city"
    assist = ", ".join(receiver.department for receiver in winner.duty.assist)
    helped = f", assisted by {assist}" if assist else ""
    return f"duty {winner.duty.id}: {matter}{how} in {where} is led by {winner.duty.lead.department}{helped}"
