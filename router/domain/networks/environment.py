"""Environment (生态环境): readings of stations above their limit, and complaints; points in WGS 84, times with a zone.

One topic carries both kinds of message, and the field `kind` names the kind. Ids are unique across both. The class of a
reading is `reading/<pollutant>`, its parent `reading`. The field names are our assumption.
"""

from datetime import tzinfo
from typing import Annotated, Literal, Self

from pydantic import Field, RootModel, model_validator
from pydantic_core import PydanticCustomError

from router.domain.cells.registry import Claim
from router.domain.model.vocabulary import Severity, Status
from router.domain.networks.schema.fields import (
    Blank,
    Division,
    Latitude,
    Longitude,
    PersonReference,
    Photos,
    Short,
    SourceId,
    Text,
    ZonedTime,
    media,
)
from router.domain.networks.schema.network import Draft, Message, Network
from router.domain.networks.schema.patterns import pattern_of

STATION_M = 10.0
"""Accuracy of a station's surveyed point in metres."""
COMPLAINT_M = 50.0
"""Accuracy of a complaint in metres: people smell a source from a distance; our assumption."""
_GRADES: tuple[tuple[float, Severity], ...] = ((5.0, "Extreme"), (2.0, "Severe"), (1.5, "Moderate"))
"""Lower bound of value / limit, and its severity; our assumption."""


class Reading(Message):
    """One reading above its limit (超标数据)."""

    kind: Literal["reading"]
    id: SourceId
    stationId: Annotated[str, Field(pattern=r"^[0-9A-Za-z._-]{1,32}$")]  # noqa: N815 - the source's spelling
    pollutant: Annotated[str, Field(pattern=r"^[0-9A-Za-z._-]{1,16}$")] = Field(
        description="PM2.5, SO2, H2S, noise, ..."
    )
    value: float
    limit: Annotated[float, Field(gt=0)]
    unit: Annotated[str, Field(min_length=1, max_length=16)]
    observedAt: ZonedTime  # noqa: N815
    longitude: Longitude
    latitude: Latitude
    status: Status = "Actual"

    @model_validator(mode="after")
    def _over(self) -> Self:
        if self.value <= self.limit:
            raise PydanticCustomError("not_over", "the value of the reading is not above its limit")
        return self


class Complaint(Message):
    """One complaint (环保投诉)."""

    kind: Literal["complaint"]
    id: SourceId
    category: Annotated[str, Field(pattern=r"^[0-9a-z][0-9a-z-]{0,39}$")]
    reportedAt: ZonedTime  # noqa: N815
    occurredAt: ZonedTime | Blank | None = None  # noqa: N815
    longitude: Longitude | None = None
    latitude: Latitude | None = None
    communityCode: Division | Blank | None = None  # noqa: N815
    address: Short = ""
    content: Text = ""
    complainantRef: PersonReference | Blank | None = None  # noqa: N815
    photos: Photos = Field(default_factory=list)
    status: Status = "Actual"


class EnvironmentMessage(RootModel[Annotated[Reading | Complaint, Field(discriminator="kind")]]):
    """A reading or a complaint."""


def _draft(message: EnvironmentMessage | Reading | Complaint, zone: tzinfo) -> Draft:  # noqa: ARG001 - its times have a zone
    inner = message.root if isinstance(message, EnvironmentMessage) else message
    return _of_reading(inner) if inner.kind == "reading" else _of_complaint(inner)


def _of_reading(message: Reading) -> Draft:
    ratio = message.value / message.limit
    at = message.observedAt
    return Draft(
        source_id=message.id,
        codes=(f"reading/{message.pollutant}", "reading"),
        occurred_at=at,
        reported_at=at,
        claim=Claim(
            network="environment",
            at=at,
            lon=message.longitude,
            lat=message.latitude,
            accuracy_m=STATION_M,
            cell=None,
            community=None,
            area=message.stationId,
        ),
        status=message.status,
        urgency="Expected",
        severity=next((grade for least, grade in _GRADES if ratio >= least), "Minor"),
        certainty="Observed",
        description=f"{message.pollutant} {message.value:g} {message.unit}, limit {message.limit:g}",
        extensions=message.unknown(),
    )


def _of_complaint(message: Complaint) -> Draft:
    at = message.occurredAt or message.reportedAt
    lon, lat = message.longitude, message.latitude
    if lon is None or lat is None:  # one coordinate alone is not a point
        lon = lat = None
    return Draft(
        source_id=message.id,
        codes=(message.category,),
        occurred_at=at,
        reported_at=message.reportedAt,
        claim=Claim(
            network="environment",
            at=at,
            lon=lon,
            lat=lat,
            accuracy_m=None if lon is None else COMPLAINT_M,
            cell=None,
            community=message.communityCode or None,
            area=None,
        ),
        status=message.status,
        description=message.content or message.address or "",
        address=message.address or "",
        reporter=message.complainantRef or None,
        media=media(message.photos) if message.photos else (),
        extensions=message.unknown(),
    )


NETWORK = Network(
    name="environment",
    title="Environment",
    title_zh="生态环境",
    schema=EnvironmentMessage,
    id_field="id",
    draft=_draft,
    codes=rf"reading(/{pattern_of(Reading, 'pollutant')})?|{pattern_of(Complaint, 'category')}",
    grids=pattern_of(Reading, "stationId"),
)
