"""Open311 (市民随手拍): service requests of apps that speak GeoReport v2, with the arguments of that standard as fields.

The gateway makes the message of the form that an app sends; a producer may also write it to Kafka. Points are in WGS 84, as the
standard says. Its arguments name no time, so a request happened when it was received, unless `occurred_at` says otherwise. That
field and those below it are attributes of every service. Contact data has no field: the router keeps no name, number or address of a person.
"""

from datetime import tzinfo
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from router.domain.cells.registry import Claim
from router.domain.model.report import Media
from router.domain.model.vocabulary import Status
from router.domain.networks.schema.fields import (
    Blank,
    CellCode,
    Latitude,
    Longitude,
    Short,
    SourceId,
    Text,
    ZonedTime,
)
from router.domain.networks.schema.network import ON_RECEIPT, Draft, Message, Network

ACCURACY_M = 20.0
"""Accuracy of a phone outdoors in metres; our assumption."""
_STATUS: dict[str, Status] = {"actual": "Actual", "exercise": "Exercise", "test": "Test"}


class GeoReportRequest(Message):
    """One service request: the arguments of a GeoReport v2 request, and its attributes."""

    service_request_id: SourceId = Field(description="Id of the request; the gateway makes it of the idempotency key")
    service_code: Annotated[str, Field(min_length=1, max_length=100)] = Field(description="Class of the request")
    lat: Latitude | None = Field(default=None, description="Latitude, WGS 84")
    long: Longitude | None = Field(default=None, description="Longitude, WGS 84")
    address_string: Short = ""
    address_id: CellCode | Blank | None = Field(default=None, description="Cell of 15 digits, or 14 of the old form")
    description: Text = ""
    media_url: Annotated[str, Field(pattern=r"^https?://[!-~]{1,1000}$")] | Blank | None = Field(
        default=None, description="Address of a photo"
    )
    media_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | Blank | None = Field(
        default=None, description="SHA-256 of the photo; without it departments do not see the photo"
    )
    occurred_at: ZonedTime | Blank | None = Field(default=None, description="When it was seen, if not just now")
    component_id: Annotated[str, Field(pattern=r"^[!-~]{1,64}$")] | Blank | None = Field(
        default=None, description="Number on the lamp, bin or manhole that it is about"
    )
    kind: Literal["actual", "exercise", "test"] = Field(
        default="actual", description="Whether it is meant, or part of an exercise or test"
    )

    @model_validator(mode="after")
    def _place(self) -> Self:
        if (self.lat is None) != (self.long is None):
            raise PydanticCustomError("half_a_point", "lat and long must be given together")
        if self.lat is None and not self.address_string and not self.address_id:
            raise PydanticCustomError("no_place", "lat and long, address_string or address_id must be given")
        return self


ATTRIBUTES = ("media_sha256", "occurred_at", "component_id", "kind")
"""Fields that are attributes of every service; the others are arguments of the standard."""


def _draft(message: GeoReportRequest, zone: tzinfo) -> Draft:  # noqa: ARG001 - its times have a zone
    occurred = message.occurred_at or ON_RECEIPT
    known = bool(message.media_url and message.media_sha256)
    return Draft(
        source_id=message.service_request_id,
        codes=(message.service_code,),
        occurred_at=occurred,
        reported_at=ON_RECEIPT,
        claim=Claim(
            network="open311",
            at=occurred,
            lon=message.long,
            lat=message.lat,
            accuracy_m=None if message.lat is None else ACCURACY_M,
            cell=message.address_id or None,
        ),
        status=_STATUS[message.kind],
        component_id=message.component_id or None,
        description=message.description or message.address_string or "",
        address=message.address_string or "",
        media=(Media(url=message.media_url or "", sha256=message.media_sha256 or ""),) if known else (),
        extensions=message.unknown() if known else {**message.unknown(), **_unseen(message)},
    )


def _unseen(message: GeoReportRequest) -> dict[str, Any]:
    """What is known of a photo that cannot be shown, because its content could change."""
    parts = {"media_url": message.media_url, "media_sha256": message.media_sha256}
    return {name: value for name, value in parts.items() if value}


NETWORK = Network(
    name="open311",
    title="Open311",
    title_zh="市民随手拍",
    schema=GeoReportRequest,
    id_field="service_request_id",
    draft=_draft,
    datum="wgs84",
    grids=None,
)
