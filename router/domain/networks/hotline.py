"""The citizens' hotline (12345 in China, 311 in the United States): service requests as the city exports them.

The schema is the header of Los Angeles' open data file of service requests, every value a text as the file writes it.
Times are wall times. `Owner`, the department that really had the request, is what routing is judged by: the translator
never looks at it.
"""

import re
from datetime import tzinfo
from typing import Annotated, Any

from pydantic import Field, PlainValidator
from pydantic_core import PydanticCustomError

from router.domain.cells import Claim
from router.domain.networks.fields import AmericanText, AmericanTime, Short, SourceId
from router.domain.networks.network import Draft, Message, Network
from router.domain.networks.wall_time import doubtful, instant

ACCURACY_M = 20.0
"""Addresses are geocoded to the middle of the lot; our assumption."""
STAFF = "Driver Self Report"
_LATITUDE = r"-?(0?[0-8]?[0-9](\.[0-9]{1,17})?|0?90(\.0{1,17})?)"
_LONGITUDE = r"-?((0?[0-9]{1,2}|1[0-7][0-9])(\.[0-9]{1,17})?|180(\.0{1,17})?)"


def _degrees(pattern: str, limit: int) -> Any:
    """Validator of degrees as text, whose range is in the pattern; an empty text is no coordinate."""
    match = re.compile(pattern).fullmatch

    def read(value: Any) -> float | None:
        if value == "":
            return None
        if isinstance(value, str) and match(value):
            return float(value)
        raise PydanticCustomError("degrees", "no text of degrees between -{limit} and {limit}", {"limit": limit})

    return PlainValidator(read, json_schema_input_type=Annotated[str, Field(pattern=f"^({pattern})?$")])


class ServiceRequest(Message):
    """One service request (工单), the columns of the file."""

    number: SourceId = Field(alias="SRNumber")
    created: AmericanTime = Field(alias="CreatedDate")
    updated: AmericanText = Field(alias="UpdatedDate", default="")
    action: Short = Field(alias="ActionTaken", default="")
    owner: Short = Field(alias="Owner", default="")
    request_type: Annotated[str, Field(min_length=1, max_length=100)] = Field(alias="RequestType")
    status: Short = Field(alias="Status", default="")
    channel: Short = Field(alias="RequestSource", default="")
    anonymous: Short = Field(alias="Anonymous", default="")
    service_date: AmericanText = Field(alias="ServiceDate", default="")
    closed: AmericanText = Field(alias="ClosedDate", default="")
    latitude: Annotated[float | None, _degrees(_LATITUDE, 90)] = Field(alias="Latitude", default=None)
    longitude: Annotated[float | None, _degrees(_LONGITUDE, 180)] = Field(alias="Longitude", default=None)
    commission: Short = Field(alias="APC", default="")
    council: Short = Field(alias="NCName", default="")
    precinct: Short = Field(alias="PolicePrecinct", default="")


def _draft(message: ServiceRequest, zone: tzinfo) -> Draft:
    created, doubt = instant(message.created, zone)
    lon, lat = message.longitude, message.latitude
    if lon is None or lat is None:  # half a point is none
        lon = lat = None
    area = f"{message.commission}|{message.precinct}|{message.council}"
    return Draft(
        source_id=message.number,
        codes=(message.request_type,),
        occurred_at=created,
        reported_at=created,
        claim=Claim(
            network="hotline",
            at=created,
            lon=lon,
            lat=lat,
            accuracy_m=None if lon is None else ACCURACY_M,
            cell=None,
            community=None,
            area=None if area == "||" else area,
        ),
        certainty="Observed" if message.channel == STAFF else "Unknown",
        extensions=message.unknown() if doubt is None else doubtful(message.unknown(), doubt),
    )


NETWORK = Network(
    name="hotline",
    title="Citizens' hotline",
    title_zh="政务服务热线",
    schema=ServiceRequest,
    id_field="SRNumber",
    draft=_draft,
)
