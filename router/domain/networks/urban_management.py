"""Urban management (城市管理): cases of inspectors, cameras and the public, coded by GB/T 30428.2.

An event (事件) has a code of 10 digits, a managed component (部件) an id of 16. Both begin with 6 digits of the county,
2 of the major class and 2 of the minor class. Each version of the standard numbers the classes differently, so the version
is required. The code table writes an event class as `event-<major><minor>` and a component class as
`part-<major><minor>`. A city's own event code has all 10 digits there and comes first. The field names are our assumption.
"""

from datetime import tzinfo
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from router.domain.cells.registry import Claim
from router.domain.model.vocabulary import Certainty, Status
from router.domain.networks.schema.fields import (
    Blank,
    CellCode,
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

ACCURACY_M = 15.0
"""Accuracy of an inspector's handset (城管通) in metres; our assumption."""
_SEEN: dict[str | None, Certainty] = {"inspector": "Observed", "camera": "Likely"}


class Problem(Message):
    """One problem (问题) as the supervision centre recorded it."""

    taskNum: SourceId = Field(description="任务号: id of the problem")  # noqa: N815 - the source's spelling
    eventCode: Annotated[str, Field(pattern=r"^[0-9]{10}$")] | Blank | None = Field(  # noqa: N815
        default=None, description="事件编码: 6 county + 2 major + 2 minor"
    )
    componentCode: Annotated[str, Field(pattern=r"^[0-9]{16}$")] | Blank | None = Field(  # noqa: N815
        default=None, description="部件编码: 6 county + 2 major + 2 minor + 6 serial"
    )
    codeVersion: Annotated[str, Field(min_length=1, max_length=40)] = Field(  # noqa: N815
        description="Edition of the code table, e.g. GB/T 30428.2-2013 or CJ/T 214-2007"
    )
    cellCode: CellCode | Blank | None = Field(default=None, description="单元网格编码")  # noqa: N815
    x: Longitude | None = Field(default=None, description="Longitude, CGCS2000")
    y: Latitude | None = Field(default=None, description="Latitude, CGCS2000")
    foundTime: SpacedTime | Blank | None = Field(default=None, description="发现时间")  # noqa: N815
    reportTime: SpacedTime = Field(description="上报时间")  # noqa: N815
    channel: Literal["inspector", "camera", "public", "superior", ""] | None = Field(
        default=None, description="问题来源"
    )
    address: Short = ""
    description: Text = ""
    reporterRef: PersonReference | Blank | None = None  # noqa: N815
    photos: Photos = Field(default_factory=list)
    status: Status = "Actual"

    @model_validator(mode="after")
    def _event_or_component(self) -> Self:
        if bool(self.eventCode) == bool(self.componentCode):
            raise PydanticCustomError("event_or_component", "eventCode or componentCode must be given, and not both")
        return self


def _draft(message: Problem, zone: tzinfo) -> Draft:
    reported, doubt = instant(message.reportTime, zone)
    found, doubt_too = (reported, None) if not message.foundTime else instant(message.foundTime, zone)
    lon, lat = (None, None) if message.x is None or message.y is None else (message.x, message.y)
    return Draft(
        source_id=message.taskNum,
        codes=_codes(message),
        code_version=message.codeVersion,
        occurred_at=found,
        reported_at=reported,
        claim=Claim(
            network="urban-management",
            at=found,
            lon=lon,
            lat=lat,
            accuracy_m=None if lon is None else ACCURACY_M,
            cell=message.cellCode or None,
            community=None,
            area=None,
            county_code=message.eventCode or message.componentCode,
        ),
        status=message.status,
        certainty=_SEEN.get(message.channel, "Unknown"),
        component_id=message.componentCode or None,
        description=message.description or message.address or "",
        address=message.address or "",
        reporter=message.reporterRef or None,
        media=media(message.photos) if message.photos else (),
        extensions=doubtful(message.unknown(), doubt, doubt_too),
    )


def _codes(message: Problem) -> tuple[str, ...]:
    """The code as sent, then its class in the national table, then its major class.

    For a component its first ten digits are left out: an event of the city may have the same ten.
    """
    kind, code = ("event", message.eventCode) if message.eventCode else ("part", message.componentCode)
    digits = code or ""
    return digits, f"{kind}-{digits[6:10]}", f"{kind}-{digits[6:8]}"


NETWORK = Network(
    name="urban-management",
    title="Urban management",
    title_zh="城市管理",
    schema=Problem,
    id_field="taskNum",
    draft=_draft,
    codes=rf"{pattern_of(Problem, 'eventCode')}|{pattern_of(Problem, 'componentCode')}|(event|part)-[0-9]{{2}}([0-9]{{2}})?",
    grids=None,
)
