"""Party building (党建): matters that a party branch raises for its community (吹哨报到, "the street whistles, departments report").

The place is a community of 12 digits, and a point in CGCS2000 when the worker's phone recorded one. Times have a zone.
The field names, the levels of a whistle with their Chinese words and the codes DJ0000 are our assumption.
"""

from datetime import tzinfo
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from router.domain.cells.registry import Claim
from router.domain.model.vocabulary import Severity, Status, Urgency
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
    Unread,
    ZonedTime,
    media,
)
from router.domain.networks.schema.network import Draft, Message, Network
from router.domain.networks.schema.patterns import pattern_of

ACCURACY_M = 20.0
"""Accuracy of a phone outdoors in metres; our assumption."""
_LEVELS: dict[str | None, tuple[Urgency, Severity]] = {
    "特急": ("Immediate", "Severe"),
    "紧急": ("Expected", "Moderate"),
    "一般": ("Future", "Minor"),
}


class Position(BaseModel):
    """A point in CGCS2000."""

    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False)

    lon: Longitude | None = None
    lat: Latitude | None = None


class Whistle(Message):
    """One matter that a branch raises (吹哨事项)."""

    whistleId: SourceId = Field(description="吹哨编号: id of the whistle")  # noqa: N815 - the source's spelling
    matterCode: Annotated[str, Field(pattern=r"^DJ[0-9]{4}$")] = Field(description="事项编码")  # noqa: N815
    branchCode: Unread = Field(  # noqa: N815
        default=None, description="党组织编码: the branch that raises it; the router keeps it as it came"
    )
    communityCode: Division = Field(description="社区代码, 12 digits")  # noqa: N815
    position: Position | None = Field(default=None, description="位置: point of the worker's phone, CGCS2000")
    happenedAt: ZonedTime | Blank | None = Field(default=None, description="发生时间")  # noqa: N815
    raisedAt: ZonedTime = Field(description="吹哨时间: when it was raised")  # noqa: N815
    level: Literal["特急", "紧急", "一般", ""] | None = Field(default=None, description="吹哨级别")
    address: Short = ""
    content: Text = ""
    raisedBy: PersonReference | Blank | None = Field(  # noqa: N815
        default=None, description="masked reference of the worker"
    )
    photos: Photos = Field(default_factory=list)
    status: Status = "Actual"


def _draft(message: Whistle, zone: tzinfo) -> Draft:  # noqa: ARG001 - its times have a zone
    urgency, severity = _LEVELS.get(message.level, ("Unknown", "Unknown"))
    occurred = message.happenedAt or message.raisedAt
    lon, lat = (None, None) if message.position is None else (message.position.lon, message.position.lat)
    if lon is None or lat is None:  # one coordinate alone is not a point
        lon = lat = None
    extensions = message.unknown()
    if message.branchCode:
        extensions = {**extensions, "branchCode": message.branchCode}
    return Draft(
        source_id=message.whistleId,
        codes=(message.matterCode,),
        occurred_at=occurred,
        reported_at=message.raisedAt,
        claim=Claim(
            network="party-building",
            at=occurred,
            lon=lon,
            lat=lat,
            accuracy_m=None if lon is None else ACCURACY_M,
            community=message.communityCode,
        ),
        status=message.status,
        urgency=urgency,
        severity=severity,
        certainty="Observed",
        description=message.content or message.address or "",
        address=message.address or "",
        reporter=message.raisedBy or None,
        media=media(message.photos) if message.photos else (),
        extensions=extensions,
    )


NETWORK = Network(
    name="party-building",
    title="Party building",
    title_zh="党建",
    schema=Whistle,
    id_field="whistleId",
    draft=_draft,
    codes=pattern_of(Whistle, "matterCode"),
    grids=None,
)
