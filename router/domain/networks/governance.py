"""Comprehensive governance (社会治安综合治理, 综治): entries of grid workers (网格员) on their rounds, columns in snake_case.

The place is a cell of 15 digits, or of 14 in the old form, and the phone's point in GCJ-02. Times are wall times without
separators. A class has four digits; its parent is the first two. The column names, the classes and the digits of scale,
urgency and channel are our assumption, because GB/T 31000, which has such lists, was not available.
"""

from datetime import datetime, tzinfo
from typing import Annotated, Literal

from pydantic import Field

from router.domain.cells.registry import Claim
from router.domain.model.vocabulary import Certainty, Severity, Status, Urgency
from router.domain.networks.schema.fields import (
    Blank,
    CellCode,
    CompactTime,
    Latitude,
    Longitude,
    PersonReference,
    Photos,
    Short,
    SourceId,
    Text,
    media,
)
from router.domain.networks.schema.local_time import doubtful, instant
from router.domain.networks.schema.network import Draft, Message, Network
from router.domain.networks.schema.patterns import pattern_of

ACCURACY_M = 20.0
"""Accuracy of a phone outdoors in metres; our assumption."""
_SEVERITIES: dict[str | None, Severity] = {
    "01": "Minor",
    "02": "Moderate",
    "03": "Severe",
    "04": "Extreme",
    "05": "Extreme",
}
_URGENCIES: dict[str | None, Urgency] = {"1": "Immediate", "2": "Expected", "3": "Future"}
_CERTAINTIES: dict[str | None, Certainty] = {"patrol": "Observed", "camera": "Likely", "resident": "Possible"}
_STATUS: dict[str, Status] = {"formal": "Actual", "drill": "Exercise", "test": "Test"}


class Entry(Message):
    """One entry of a grid worker (网格事件)."""

    event_no: SourceId = Field(description="事件编号: id of the entry")
    event_type: Annotated[str, Field(pattern=r"^[0-9]{4}$")] = Field(
        description="事件类型: class, its first 2 digits the parent"
    )
    grid_code: CellCode = Field(description="网格编码: cell of 15 digits, or 14 of the old form")
    lng: Longitude | None = Field(default=None, description="经度: longitude, GCJ-02")
    lat: Latitude | None = Field(default=None, description="纬度: latitude, GCJ-02")
    occur_time: CompactTime | Blank | None = Field(default=None, description="发生时间")
    report_time: CompactTime = Field(description="上报时间")
    event_scale: Literal["01", "02", "03", "04", "05", ""] | None = Field(
        default=None,
        description="事件规模: 01 single persons, 02 a group, 03 larger, 04 grave, 05 very grave",
    )
    urgent_degree: Literal["1", "2", "3", ""] | None = Field(
        default=None, description="紧急程度: 1 at once, 2 soon, 3 ordinary"
    )
    found_by: Literal["patrol", "camera", "resident", "superior", ""] | None = Field(
        default=None, description="发现方式"
    )
    self_handled: Literal["0", "1", ""] | None = Field(
        default=None, description="自行处置: 1 if the grid worker has put it right on the spot (举手之劳)"
    )
    address: Short = ""
    content: Text = ""
    gridman_ref: PersonReference | Blank | None = Field(
        default=None, description="网格员标识: masked reference of the grid worker"
    )
    photos: Photos = Field(default_factory=list)
    data_kind: Literal["formal", "drill", "test"] = "formal"


def _draft(message: Entry, zone: tzinfo) -> Draft:
    reported, doubt = instant(message.report_time, zone)
    occurred, doubt_too = (reported, None) if not message.occur_time else instant(message.occur_time, zone)
    return Draft(
        source_id=message.event_no,
        codes=(message.event_type, message.event_type[:2]),
        occurred_at=occurred,
        reported_at=reported,
        claim=_claim(message, occurred),
        status=_STATUS[message.data_kind],
        urgency=_URGENCIES.get(message.urgent_degree, "Unknown"),
        severity=_SEVERITIES.get(message.event_scale, "Unknown"),
        certainty=_CERTAINTIES.get(message.found_by, "Unknown"),
        description=message.content or message.address or "",
        address=message.address or "",
        reporter=message.gridman_ref or None,
        media=media(message.photos) if message.photos else (),
        extensions=doubtful(message.unknown(), doubt, doubt_too),
        solved=message.self_handled == "1",
    )


def _claim(message: Entry, at: datetime) -> Claim:
    lon = lat = accuracy = None
    if message.lng is not None and message.lat is not None:  # one coordinate alone is not a point
        lon, lat = message.lng, message.lat
        accuracy = ACCURACY_M
    return Claim(
        network="governance",
        at=at,
        lon=lon,
        lat=lat,
        gcj02=lon is not None,
        accuracy_m=accuracy,
        cell=message.grid_code,
    )


NETWORK = Network(
    name="governance",
    title="Comprehensive governance",
    title_zh="综合治理",
    schema=Entry,
    id_field="event_no",
    draft=_draft,
    datum="gcj02",
    codes=rf"{pattern_of(Entry, 'event_type')}|[0-9]{{2}}",
    grids=None,
)
