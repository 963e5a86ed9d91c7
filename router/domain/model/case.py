"""The case: what reports are merged into, and the tasks that departments get from it.

`Case` is both the public record on `grid.cases` and the changelog that a partition's state is restored
from, so it holds everything the fold must remember. Instants are aware UTC datetimes.
"""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from router.domain.model.report import Provenance
from router.domain.model.vocabulary import Certainty, ResolvedBy, Role, Severity, Status, Urgency

JoinKind = Literal["opened", "component", "near", "reference", "community"]
"""How a report came into its case: it opened it, named the same component, lay near in place and time, came from the same
reporter or was about the same person, or (a report without a point) fell into the same community."""
Place = tuple[float, ...]
"""Longitude, latitude, and how many metres the point may be off."""


class Version(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What a report said before its network corrected or supplemented it."""

    version: int
    matter: str
    cell: str
    occurred_at: datetime
    received_at: datetime
    provenance: Provenance
    """Where the whole of it stands, for as long as the network's topic keeps it."""
    description: str = ""


class CaseReport(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One report of a case: where it came from and why it was joined."""

    id: str
    network: str
    matter: str
    cell: str
    occurred_at: datetime
    received_at: datetime
    provenance: Provenance
    joined: JoinKind
    score: float | None = None
    """Merge score 0..1; None for the report that opened the case."""
    distance_m: float | None = None
    apart_s: float | None = None
    """Seconds between its occurrence and that of the nearest-in-time report of the case."""
    version: int = 1
    """Of what stands here; 2 and more: the network sent it again with other content."""
    description: str = ""
    """From the second version on; that of a first version is the case's own or stands in the network's record."""
    place: Place | None = None
    """Where it lay, if it joined and has a point; of the report that opened the case the case itself says it."""
    reporter: str | None = None
    person: str | None = None
    """Masked references of who reported it and of whom it is about."""
    earlier: tuple[Version, ...] = ()
    """Its earlier versions, the first one first."""


class Suggestion(Struct, frozen=True, gc=False, kw_only=True):
    """Merge suggested (below the threshold): perhaps the same incident as another case."""

    case: str
    score: float
    reason: str


class Assignment(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Who must act on a case: the outcome of one duty (职责)."""

    task: str
    department: str
    role: Role
    rule: str
    """Id of the duty in the catalogue that decided, or `fallback`."""
    due_at: datetime | None
    unit: str | None = None
    """Receiver within the department (village, mediation body); a header, not a topic."""
    dispatched_at: datetime | None = None
    """None: when the case was opened."""
    withdrawn_at: datetime | None = None
    """When a correction led elsewhere; None: it stands."""


class Case(Struct, gc=False, kw_only=True, omit_defaults=True):
    """An incident as the city sees it: every report about it, and who must act."""

    id: str
    cell: str
    matter: str
    opened_at: datetime
    updated_at: datetime
    occurred_at: datetime
    """Occurrence of the report that opened it."""
    window_until: datetime
    """Until this instant of received time further reports may join."""
    accuracy_m: float
    reports: tuple[CaseReport, ...]
    assignments: tuple[Assignment, ...]
    reason: str
    """Why these departments, in one sentence."""
    catalogue: str
    """Version of the catalogue that decided."""
    rule_set: str = ""
    """Version of catalogue, code tables and cells together, by which the deciding report was translated and routed."""
    state: Literal["dispatched"] = "dispatched"
    lon: float | None = None
    lat: float | None = None
    resolved_by: ResolvedBy = "point"
    """How the cell of the report that opened it was found; after `fallback` nothing is known of the place."""
    component_id: str | None = None
    """The one managed component (部件) it is about, from the first report that named one."""
    status: Status = "Actual"
    urgency: Urgency = "Unknown"
    severity: Severity = "Unknown"
    certainty: Certainty = "Unknown"
    description: str = ""
    suggestions: tuple[Suggestion, ...] = ()
    window_closed_at: datetime | None = None
    """When the merge window was closed; absent while reports may still join."""
    revision: int = 0
    """Number of changes so far: 1 when the case is opened, one more at every change. With the id it names one state of the case."""
    partition_key: str = ""
    """Cell of the first version of the report that opened the case. It is the key under which the case's events reach their
    partition of `grid.events`; `cell` is another after a correction of the place."""
