"""Emergency alerts (突发事件预警) in the Common Alerting Protocol, OASIS CAP 1.2: the elements of an alert as JSON.

The gateway makes the message of the XML; a producer may also write it to Kafka. Polygons and circles are in WGS 84, as the standard says. The
first `info` and its first `area` count; the others are kept as extensions. Messages of one chain (an alert, its updates, its cancel) have one `id`,
so they are versions of one report: `chain_id` makes it of the first message, which every later one must reference.
"""

import re
from base64 import b32encode
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from hashlib import sha256
from json import dumps
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from router.domain.cells.registry import Claim
from router.domain.geometry import distance_m
from router.domain.instants import from_rfc3339
from router.domain.model.report import Media
from router.domain.model.vocabulary import Certainty, Severity, Status, Urgency
from router.domain.networks.schema.fields import FIRST_YEAR, LAST_YEAR, Blank, SourceId, Unread, ZonedTime
from router.domain.networks.schema.network import Draft, Message, Network

WHOLE_ID = "cap-"
"""How an id of a chain begins."""
MAX_TEXT = 40_000
"""Characters of a polygon, or of references."""
_PAIR = r"-?[0-9]{1,3}(\.[0-9]{1,15})?,-?[0-9]{1,3}(\.[0-9]{1,15})?"
_TOKEN = r"[^ ,<&]+"  # noqa: S105 - a part of a pattern, no secret
_REFERENCE = rf"{_TOKEN},{_TOKEN},{_TOKEN}"
Long = Annotated[str, Field(max_length=4000)]
Brief = Annotated[str, Field(max_length=200)]
Name = Annotated[str, Field(pattern=rf"^{_TOKEN}$", max_length=200)]


def _points(text: str) -> list[tuple[float, float]]:
    """Longitude and latitude of the pairs of a polygon; CAP writes the latitude first."""
    pairs = [pair.split(",") for pair in text.split()]
    return [(float(lon), float(lat)) for lat, lon in pairs]


def _is_on_earth(points: list[tuple[float, float]]) -> bool:
    return all(-180 <= lon <= 180 and -90 <= lat <= 90 for lon, lat in points)


def _polygon(text: str) -> str:
    points = _points(text)
    if len(points) < 4 or points[0] != points[-1] or not _is_on_earth(points):
        message = "not a polygon of four or more `latitude,longitude` pairs whose last is the first"
        raise PydanticCustomError("polygon", message)
    return text


def _circle(text: str) -> str:
    if not _is_on_earth(_points(text.split(maxsplit=1)[0])):
        raise PydanticCustomError("circle", "not a circle `latitude,longitude radius`, with the radius in kilometres")
    return text


Polygon = Annotated[str, Field(pattern=rf"^{_PAIR}( {_PAIR})+$", max_length=MAX_TEXT), AfterValidator(_polygon)]
Circle = Annotated[str, Field(pattern=rf"^{_PAIR} [0-9]{{1,5}}(\.[0-9]{{1,9}})?$"), AfterValidator(_circle)]


class CapPart(BaseModel):
    """Base of the parts of an alert. Elements that it does not name are left to the record."""

    model_config = ConfigDict(strict=True, frozen=True)


class CapValue(CapPart):
    """A name and a value of a list outside of the standard."""

    valueName: Brief  # noqa: N815 - the standard's spelling
    value: Brief


class CapResource(CapPart):
    """A file beside the alert, by its address."""

    resourceDesc: Long = ""  # noqa: N815
    mimeType: Brief = ""  # noqa: N815
    uri: Annotated[str, Field(pattern=r"^https?://[!-~]{1,1000}$")] | Blank | None = None
    derefUri: Blank | None = Field(default=None, description="Content within the alert: send its address instead")  # noqa: N815
    digest: Brief = Field(default="", description="SHA-256 in hexadecimal digits; departments see no file without it")


class CapArea(CapPart):
    """Where the alert holds."""

    areaDesc: Long  # noqa: N815
    polygon: Annotated[list[Polygon], Field(max_length=100)] = Field(default_factory=list)
    circle: Annotated[list[Circle], Field(max_length=100)] = Field(default_factory=list)
    geocode: Annotated[list[CapValue], Field(max_length=1000)] = Field(default_factory=list)


class CapInfo(CapPart):
    """What an alert says, in one language."""

    language: Brief = ""
    category: Annotated[
        list[
            Literal[
                "Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health", "Env", "Transport", "Infra", "CBRNE", "Other"
            ]
        ],
        Field(min_length=1, max_length=12),
    ]  # fmt: skip
    event: Annotated[str, Field(min_length=1, max_length=100)]
    responseType: Annotated[list[Brief], Field(max_length=20)] = Field(default_factory=list)  # noqa: N815
    urgency: Urgency
    severity: Severity
    certainty: Certainty
    eventCode: Annotated[list[CapValue], Field(max_length=100)] = Field(default_factory=list)  # noqa: N815
    onset: ZonedTime | Blank | None = None
    expires: ZonedTime | Blank | None = None
    headline: Brief = ""
    description: Long = ""
    instruction: Long = ""
    resource: Annotated[list[CapResource], Field(max_length=20)] = Field(default_factory=list)
    area: Annotated[list[CapArea], Field(min_length=1, max_length=100)]


class CapAlert(Message):
    """One message of a chain. System and Draft messages, acknowledgements and errors are no reports."""

    id: SourceId = Field(description="Id of the chain")
    identifier: Name
    sender: Name
    sent: ZonedTime
    status: Status = Field(description="System and Draft are rejected: no department shall act on them")
    msgType: Literal["Alert", "Update", "Cancel"] = Field(description="Ack and Error are rejected: they report nothing")  # noqa: N815
    references: (
        Annotated[str, Field(pattern=rf"^{_REFERENCE}( {_REFERENCE})*$", max_length=MAX_TEXT)] | Blank | None
    ) = Field(
        default=None, description="`sender,identifier,sent` of earlier messages, the first one of the chain among them"
    )
    scope: Unread = ""
    info: Annotated[list[CapInfo], Field(min_length=1, max_length=50)] = Field(
        description="Also of a Cancel: matter and place follow from it"
    )

    @model_validator(mode="after")
    def _chained(self) -> Self:
        if self.msgType != "Alert" and not self.references:
            raise PydanticCustomError(
                "no_references", "an Update or Cancel must name the first message of its chain in references"
            )
        return self


def chain_id(sender: str, identifier: str, sent: str, references: str) -> str:
    """The id of a chain: it follows from the first message, which is the earliest of the references, whatever the clock of this one says.

    Args:
        sender: of the message.
        identifier: of the message.
        sent: of the message, as it is written.
        references: to earlier messages; empty for the first one. One without a real time names no message.
    """
    known = [(at, by, name) for by, name, text in _referenced(references) if (at := _instant(text))]
    at, by, name = min(known) if known else (_instant(sent), sender, identifier)
    said = dumps([by, name, sent if at is None else at.isoformat()])
    return WHOLE_ID + b32encode(sha256(said.encode()).digest()[:20]).decode().lower()


def _referenced(references: str) -> Iterator[tuple[str, str, str]]:
    for one in references.split():
        parts = one.split(",")
        if len(parts) == 3:
            yield parts[0], parts[1], parts[2]


def _instant(text: str) -> datetime | None:
    try:
        at = from_rfc3339(text)
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo is not None and FIRST_YEAR <= at.year <= LAST_YEAR else None


def _draft(message: CapAlert, zone: tzinfo) -> Draft:  # noqa: ARG001 - its times have a zone
    info = message.info[0]
    times = [message.sent, *(at for *_, sent in _referenced(message.references or "") if (at := _instant(sent)))]
    occurred = min(*times, info.onset or message.sent)
    return Draft(
        source_id=message.id,
        codes=(*(f"{one.valueName}/{one.value}" for one in info.eventCode), info.event, *info.category),
        occurred_at=occurred,
        reported_at=message.sent,
        revised_at=max(times),  # a message is no older than those that it names, also if its clock is behind
        claim=_claim(info.area[0], occurred),
        status=message.status,
        urgency=info.urgency,
        severity=info.severity,
        certainty=info.certainty,
        closed="cancelled" if message.msgType == "Cancel" else None,
        description="\n".join(filter(None, (info.headline, info.description))) or info.event,
        address=info.area[0].areaDesc,
        media=tuple(Media(url=one.uri or "", sha256=one.digest.lower()) for one in info.resource if _is_known(one)),
        extensions={**message.unknown(), **_more(message)},
    )


def _claim(area: CapArea, at: datetime) -> Claim:
    lon = lat = accuracy = None
    if area.polygon:
        lon, lat, accuracy = _around(_points(area.polygon[0]))
    elif area.circle:
        pair, radius = area.circle[0].split()
        ((lon, lat),), accuracy = _points(pair), max(float(radius) * 1000, POINT_M)
    codes = [one.value for one in area.geocode]
    return Claim(
        network="cap",
        at=at,
        lon=lon,
        lat=lat,
        accuracy_m=accuracy,
        cell=next((one for one in codes if re.fullmatch("[0-9]{14,15}", one)), None),
        community=next((one for one in codes if re.fullmatch("[0-9]{12}", one)), None),
        area=next((f"{one.valueName}/{one.value}" for one in area.geocode), None),
    )


POINT_M = 20.0
"""Accuracy of a circle without radius, which stands for a point; our assumption."""


def _around(points: list[tuple[float, float]]) -> tuple[float, float, float]:
    """The middle of a polygon's bounding box, and how far its corners are from there."""
    lons, lats = [lon for lon, _ in points], [lat for _, lat in points]
    lon, lat = (min(lons) + max(lons)) / 2, (min(lats) + max(lats)) / 2
    return round(lon, 7), round(lat, 7), max(distance_m(lon, lat, *point) for point in points)


def _is_known(resource: CapResource) -> bool:
    return bool(resource.uri) and re.fullmatch("[0-9A-Fa-f]{64}", resource.digest) is not None


def _more(message: CapAlert) -> dict[str, Any]:
    """What a report has no field for."""
    info = message.info[0]
    found = {
        "identifier": message.identifier,
        "sender": message.sender,
        "expires": info.expires.isoformat() if info.expires else None,
        "instruction": info.instruction,
        "responseType": info.responseType,
        "files": [one.uri for one in info.resource if one.uri and not _is_known(one)],
        "areas": [one.areaDesc for one in info.area[1:]],
        "infos": [one.headline or one.event for one in message.info[1:]],
    }
    return {name: value for name, value in found.items() if value}


NETWORK = Network(
    name="cap",
    title="Emergency alerts",
    title_zh="突发事件预警",
    schema=CapAlert,
    id_field="id",
    draft=_draft,
    datum="wgs84",
)
