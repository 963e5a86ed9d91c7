"""Enforcement (综合行政执法): offences that officers find or other offices transfer, fields in camelCase.

The place is a GeoJSON point in CGCS2000 and a professional grid of 20 digits (CJ/T 349). Times are wall times. The field
names, the degrees of an offence and the codes ZF0000 are our assumption.
"""

from datetime import tzinfo
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetPydanticSchema
from pydantic_core import CoreSchema
from pydantic_core.core_schema import any_schema, tuple_schema

from router.domain.cells.registry import Claim
from router.domain.model.vocabulary import Certainty, Severity, Status, Urgency
from router.domain.networks.schema.fields import (
    Blank,
    Latitude,
    Longitude,
    PersonReference,
    Photos,
    Short,
    SourceId,
    SpacedTime,
    Text,
    media,
)
from router.domain.networks.schema.local_time import doubtful, instant
from router.domain.networks.schema.network import Draft, Message, Network
from router.domain.networks.schema.patterns import pattern_of
from router.domain.networks.schema.professional_grid import ProfessionalGrid, whole_community

ACCURACY_M = 15.0
"""Accuracy of an officer's handset (执法记录仪) in metres; our assumption."""
_DEGREES: dict[str | None, tuple[Urgency, Severity]] = {
    "minor": ("Future", "Minor"),
    "ordinary": ("Expected", "Moderate"),
    "serious": ("Expected", "Severe"),
    "grave": ("Immediate", "Extreme"),
}
_CERTAINTIES: dict[str | None, Certainty] = {"patrol": "Observed", "camera": "Likely", "complaint": "Possible"}


def _position(_source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
    """Longitude, latitude, and anything behind them: an altitude, which GeoJSON allows and the router ignores."""
    degrees = [handler.generate_schema(Longitude), handler.generate_schema(Latitude)]
    return tuple_schema([*degrees, any_schema()], variadic_item_index=2)


Position = Annotated[
    tuple[Any, ...], GetPydanticSchema(_position, lambda _core, _handler: {"type": "array", "items": {}, "minItems": 2})
]
"""A position (RFC 7946, 3.1.1). AsyncAPI reads schemas by draft 7, which cannot say what each place of a list holds."""


class Point(BaseModel):
    """A GeoJSON point (RFC 7946) in CGCS2000."""

    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False)

    type: Literal["Point"]
    coordinates: Position = Field(description="Longitude, then latitude; an altitude behind them is ignored")


class Offence(Message):
    """One clue to an offence (违法线索)."""

    clueNo: SourceId = Field(description="线索编号: id of the clue")  # noqa: N815 - the source's spelling
    causeCode: Annotated[str, Field(pattern=r"^ZF[0-9]{4}$")] = Field(description="案由编码: class")  # noqa: N815
    gridCode: ProfessionalGrid = Field(  # noqa: N815
        description="专业网格编码: 6 object + 6 county + 3 street + 3 community + 2 sequence, CJ/T 349"
    )
    location: Point | None = Field(default=None, description="位置, CGCS2000")
    occurTime: SpacedTime | Blank | None = Field(default=None, description="违法行为发生时间")  # noqa: N815
    registerTime: SpacedTime = Field(description="登记时间")  # noqa: N815
    clueSource: Literal["patrol", "camera", "complaint", "transfer", ""] | None = Field(  # noqa: N815
        default=None, description="线索来源"
    )
    degree: Literal["minor", "ordinary", "serious", "grave", ""] | None = Field(
        default=None, description="违法程度: 轻微, 一般, 严重, 特别严重"
    )
    address: Short = ""
    facts: Text = Field(default="", description="违法事实")
    partyRef: PersonReference | Blank | None = Field(  # noqa: N815
        default=None, description="当事人标识: masked reference of who did it"
    )
    officerRef: PersonReference | Blank | None = Field(  # noqa: N815
        default=None, description="执法人员标识: masked reference of the officer"
    )
    evidence: Photos = Field(default_factory=list, description="证据照片")
    status: Status = "Actual"


def _draft(message: Offence, zone: tzinfo) -> Draft:
    reported, doubt = instant(message.registerTime, zone)
    occurred, doubt_too = (reported, None) if not message.occurTime else instant(message.occurTime, zone)
    urgency, severity = _DEGREES.get(message.degree, ("Unknown", "Unknown"))
    lon, lat = (None, None) if message.location is None else message.location.coordinates[:2]
    extensions = doubtful(message.unknown(), doubt, doubt_too)
    if message.partyRef:
        extensions = {**extensions, "partyRef": message.partyRef}
    return Draft(
        source_id=message.clueNo,
        codes=(message.causeCode,),
        occurred_at=occurred,
        reported_at=reported,
        claim=Claim(
            network="enforcement",
            at=occurred,
            lon=lon,
            lat=lat,
            accuracy_m=None if lon is None else ACCURACY_M,
            community=whole_community(message.gridCode),
            area=message.gridCode,
        ),
        status=message.status,
        urgency=urgency,
        severity=severity,
        certainty=_CERTAINTIES.get(message.clueSource, "Unknown"),
        description=message.facts or message.address or "",
        address=message.address or "",
        reporter=message.officerRef or None,
        media=media(message.evidence) if message.evidence else (),
        extensions=extensions,
    )


NETWORK = Network(
    name="enforcement",
    title="Enforcement",
    title_zh="综合执法",
    schema=Offence,
    id_field="clueNo",
    draft=_draft,
    classes={"description": "personal", "media": "personal"},
    codes=pattern_of(Offence, "causeCode"),
    grids=pattern_of(Offence, "gridCode"),
)
