"""The canonical report: what one network reported about one incident, in one form for all networks.

This is the Canonical Data Model (EIP): every network's translator makes it, and it is the data of the CloudEvents on
`grid.events`. Instants are aware UTC datetimes, distances are metres, coordinates are degrees of CGCS2000 (EPSG:4490; within a
metre of WGS 84).
"""

from datetime import datetime, timedelta
from typing import Annotated, Any

from msgspec import Meta, Struct

from router.domain.model.vocabulary import (
    BY_POINT,
    Certainty,
    Closing,
    PersonalNumber,
    ResolvedBy,
    Severity,
    Status,
    Urgency,
)

REPORTS_KEPT = timedelta(days=30)
"""How long the topics of networks keep records, and how long the router remembers where each report went."""
LONGEST_REFERENCE = 64
"""Characters of a masked reference of a person."""
Instant = Annotated[datetime, Meta(tz=True)]
"""An aware datetime. A datetime without zone cannot be compared with others, and a reader rejects it."""


class Location(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Where an incident is: the grid cell, how it was determined, and what the source itself named."""

    cell: str
    """15-digit grid cell code (GB/T 30428.1)."""
    resolved_by: ResolvedBy
    accuracy_m: float
    """Radius in metres around the true place; for a report without a point, the size of its area."""
    lon: float | None = None
    lat: float | None = None
    source_grid: str | None = None
    """The source's own grid (police beat, council, station), as the source wrote it."""
    doubt: str | None = None
    """Why the first choice of a cell was wrong, e.g. `cell 410902003001007 was retired on 2025-06-30`."""

    @property
    def outside(self) -> bool:
        """Whether it has a point that lies outside every cell, so that something else decided the cell."""
        return self.lon is not None and self.resolved_by not in BY_POINT


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
    """What one network reported, after translation. Every report enters exactly one case."""

    id: str
    """`<network>:<source_id>`, or `<network>@<time>:<source_id>` if the source's id had named another incident before that time. The
    same source record always gets the same id. Read `network` and `source_id` in their own fields, not out of it."""
    network: str
    source_id: str
    matter: str
    """Code of the matter (事项) in the city's catalogue."""
    source_code: str
    """The class as the source coded it. `source_code_version` is the version of its code table, if there is one."""
    occurred_at: Instant
    reported_at: Instant
    received_at: Instant
    """When the gateway or the broker received it. The fold has no other clock."""
    location: Location
    provenance: Provenance
    status: Status = "Actual"
    urgency: Urgency = "Unknown"
    severity: Severity = "Unknown"
    certainty: Certainty = "Unknown"
    source_code_version: str | None = None
    component_id: str | None = None
    """Managed component (部件) it is about, 16 digits in GB/T 30428.2. It decides merging alone."""
    description: str = ""
    reporter: str | None = None
    """Masked reference of the reporter, never a name or a number."""
    media: tuple[Media, ...] = ()
    address: str = ""
    """Address in free text, if the network has a field for it. The router does not read it."""
    extensions: dict[str, Any] = {}
    """Source fields that no schema names, unchanged."""
    version: int = 1
    """From 2 on, the network sent a known report again with other content: a correction or a supplement."""
    rule_set: str = ""
    """Version of the rule set that translated the report; the same one routes it."""
    first_received_at: Instant | None = None
    """From version 2 on: when the first version was received, if the router still knows it."""
    redriven: bool = False
    """Whether the record was a dead letter that a person redrove."""
    closed: Closing | None = None
    """Set if its network said, when the record was received, that nothing is left to do."""
    solved: bool = False
    """Whether the reporter has put it right on the spot (举手之劳), so that it only needs its check."""
    partition_key: str | None = None
    """Cell of the first version, if this version is in another cell. It is the key of the event, so it decides the partition."""
    masked: tuple[PersonalNumber, ...] = ()
    """Which personal numbers were masked in description, address and extensions. The digest by which versions differ is of what was sent."""

    @property
    def person(self) -> str | None:
        """Masked reference of the person it is about, if the network (social security) names one."""
        person = self.extensions.get("personRef") if self.extensions else None
        # in another network it is an unknown field, which may hold any text; a case must not keep one of 256 KiB
        return person if isinstance(person, str) and len(person) <= LONGEST_REFERENCE else None


class Tick(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Time as a record: the owner of a partition writes that the instant `at` has come, so timers fire in log order."""

    at: Instant
    rule_set: str = ""
    """Version of the rule set in effect then, whose calendar provisional deadlines follow. Absent in ticks of earlier releases."""
