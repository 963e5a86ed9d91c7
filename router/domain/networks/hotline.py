"""The citizens' hotline (12345 in China, 311 in the United States): service requests as the city exports them.

The schema is the header of Los Angeles' open data file of service requests. Every value is a text, as in the file.
Times are wall times. A request whose `Status` is `Closed` or `Cancelled` is closed from `ClosedDate` on. `Owner` is the department that really had the request. Evaluations of routing compare with it, so
the translator never reads it. A column that it never reads may hold anything.
"""

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Annotated, LiteralString

from pydantic import Field, GetPydanticSchema

from router.domain.cells.registry import Claim
from router.domain.model.vocabulary import Closing
from router.domain.networks.schema.fields import AmericanTime, Short, SourceId, Unread, american_time, with_error
from router.domain.networks.schema.local_time import doubtful, instant
from router.domain.networks.schema.network import Draft, Message, Network

ACCURACY_M = 20.0
"""Accuracy of an address, geocoded to the middle of its lot, in metres; our assumption."""
STAFF = "Driver Self Report"
CLOSINGS: Mapping[str, Closing] = {"Closed": "closed", "Cancelled": "cancelled"}
"""What two of the file's statuses say. A request that was referred out is still to be done."""
_LATITUDE = r"-?(0?[0-8]?[0-9](\.[0-9]+)?|0?90(\.0+)?)"
_LONGITUDE = r"-?((0?[0-9]{1,2}|1[0-7][0-9])(\.[0-9]+)?|180(\.0+)?)"


def _degrees(pattern: str, limit: int) -> GetPydanticSchema:
    """Degrees as text, blanks around them or not. The pattern limits the range; blanks alone mean that there is no coordinate."""
    message: LiteralString = "not a text of degrees between -{limit} and {limit}"
    written = Annotated[str, Field(pattern=rf"^[ \t]*({pattern})?[ \t]*$")] | None
    return with_error(written, "degrees", message, {"limit": limit})


class ServiceRequest(Message):
    """One service request (工单): the columns of the file."""

    number: SourceId = Field(alias="SRNumber")
    created: AmericanTime = Field(alias="CreatedDate")
    updated: Unread = Field(alias="UpdatedDate", default="")
    action: Unread = Field(alias="ActionTaken", default="")
    owner: Unread = Field(alias="Owner", default="")
    request_type: Annotated[str, Field(min_length=1, max_length=100)] = Field(alias="RequestType")
    status: Unread = Field(alias="Status", default="")
    channel: Short = Field(alias="RequestSource", default="")
    anonymous: Unread = Field(alias="Anonymous", default="")
    service_date: Unread = Field(alias="ServiceDate", default="")
    closed: Unread = Field(alias="ClosedDate", default="")
    latitude: Annotated[str | None, _degrees(_LATITUDE, 90)] = Field(alias="Latitude", default=None)
    longitude: Annotated[str | None, _degrees(_LONGITUDE, 180)] = Field(alias="Longitude", default=None)
    commission: Short = Field(alias="APC", default="")
    council: Short = Field(alias="NCName", default="")
    precinct: Short = Field(alias="PolicePrecinct", default="")


def _draft(message: ServiceRequest, zone: tzinfo) -> Draft:
    created, doubt = instant(message.created, zone)
    lon = lat = None
    x, y = (message.longitude or "").strip(), (message.latitude or "").strip()
    if x and y:  # one coordinate alone is not a point
        lon, lat = float(x), float(y)
    area = f"{message.commission or ''}|{message.precinct or ''}|{message.council or ''}"
    closed = CLOSINGS.get(message.status) if isinstance(message.status, str) else None
    return Draft(
        source_id=message.number,
        codes=(message.request_type,),
        occurred_at=created,
        reported_at=created,
        revised_at=_revised_at(message.updated, zone),
        claim=Claim(
            network="hotline",
            at=created,
            lon=lon,
            lat=lat,
            accuracy_m=None if lon is None else ACCURACY_M,
            area=None if area == "||" else area,
        ),
        closed=closed,
        closed_at=None if closed is None else _closed_at(message, zone),
        certainty="Observed" if message.channel == STAFF else "Unknown",
        extensions=message.unknown() if doubt is None else doubtful(message.unknown(), doubt),
    )


def _closed_at(message: ServiceRequest, zone: tzinfo) -> datetime | None:
    """When the request was closed or cancelled: a cancelled one has no `ClosedDate`, so its last change says it."""
    return _revised_at(message.closed, zone) or _revised_at(message.updated, zone)


def _revised_at(text: object, zone: tzinfo) -> datetime | None:
    """The time of the last change. A time that cannot be read or that is ambiguous decides nothing."""
    if not text or not isinstance(text, str):
        return None
    try:
        at, doubt = instant(american_time(text), zone)
    except (ValueError, KeyError, IndexError):
        return None
    return None if doubt else at


NETWORK = Network(
    name="hotline",
    title="Citizens' hotline",
    title_zh="政务服务热线",
    schema=ServiceRequest,
    id_field="SRNumber",
    draft=_draft,
    grids=r"(?s:.*\|.*\|.*)",
)
