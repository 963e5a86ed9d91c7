"""The canonical report: what one network said about one incident, in the router's own words.

This is the Canonical Data Model (EIP) that every network's translator aims at and the data of the
CloudEvents on `grid.events`. Instants are aware UTC datetimes, distances metres, coordinates CGCS2000
degrees (EPSG:4490; within a metre of WGS 84). No clock and no I/O here.
"""

from datetime import datetime, timedelta
from typing import Annotated, Any

from msgspec import Meta, Struct

from router.domain.model.vocabulary import Certainty, ResolvedBy, Severity, Status, Urgency

REPORTS_KEPT = timedelta(days=30)
"""How long a network's own records stay, and with them the memory of which report went where."""
Instant = Annotated[datetime, Meta(tz=True)]
"""Aware: one without zone cannot be compared with the others, and a reader rejects it."""


class Location(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Where: the grid cell the report is keyed by, how it was found, and what the source itself said."""

    cell: str
    """15-digit grid cell code (GB/T 30428.1)."""
    resolved_by: ResolvedBy
    accuracy_m: float
    """Radius in metres in which the true place lies; for a report without a point, the size of its area."""
    lon: float | None = None
    lat: float | None = None
    source_grid: str | None = None
    """The source's own grid (police beat, council, station), as it wrote it."""
    doubt: str | None = None
    """Why the first choice of a cell did not hold, e.g. `cell 410902003001007 was retired on 2025-06-30`."""


class Media(Struct, frozen=True, gc=False, kw_only=True):
    """A photo or file by reference (Claim Check, EIP): never its bytes."""

    url: str
    sha256: str


class Provenance(Struct, frozen=True, gc=False, kw_only=True):
    """The exact source record: Kafka topic, partition and offset."""

    topic: str
    partition: int
    offset: int


class Report(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What one network reported, after translation: the unit that enters exactly one case."""

    id: str
    """`<network>:<source_id>`: the same source record always gets the same id, so redelivery is recognised."""
    network: str
    source_id: str
    matter: str
    """Code of the matter (事项) in the city's catalogue."""
    source_code: str
    """The class as the source coded it; its table's version, if any, stands in `source_code_version`."""
    occurred_at: Instant
    reported_at: Instant
    received_at: Instant
    """When the intake took it (gateway or broker); the fold's only notion of now."""
    location: Location
    provenance: Provenance
    status: Status = "Actual"
    urgency: Urgency = "Unknown"
    severity: Severity = "Unknown"
    certainty: Certainty = "Unknown"
    source_code_version: str | None = None
    component_id: str | None = None
    """Managed component (部件) it is about, 16 digits in GB/T 30428.2; decisive for merging."""
    description: str = ""
    reporter: str | None = None
    """Masked reference of the reporter, never a name or number."""
    media: tuple[Media, ...] = ()
    extensions: dict[str, Any] = {}
    """Source fields that no schema names, kept as they came."""
    version: int = 1
    """2 and more: the network sent a known report again with other content, a correction or supplement."""
    rule_set: str = ""
    """Version of the city's catalogue, code tables and cells that translated it; the very same one routes it."""

    @property
    def person(self) -> str | None:
        """Masked reference of the person whom it is about, where the network (social security) names one."""
        person = self.extensions.get("personRef") if self.extensions else None
        return person if isinstance(person, str) else None


class Tick(Struct, frozen=True, gc=False, kw_only=True):
    """Time as a record: the owner of a partition says that `at` has come, so timers fire in log order."""

    at: Instant


class Rejection(Struct, frozen=True, gc=False, kw_only=True):
    """Why a record cannot become a report: a stable code, and one sentence a person understands."""

    code: str
    """Stable, lower-case with hyphens, low in number (a metric label): `not-json`, `schema`, `unknown-code`, ..."""
    reason: str
    """What is wrong, where, and what to do."""
