"""Work safety (安全生产, 安监): hazards at enterprises, columns in upper-case pinyin initials, as in old databases.

The place is a professional grid of 20 digits (CJ/T 349), and the enterprise's point in CGCS2000 when the register has it.
Times are wall times. The column names, the digits of level and channel and the codes AQ0000 are our assumption. So is a
level between major (重大) and general (一般): several provinces have it, the national rules do not.
"""

from datetime import tzinfo
from typing import Annotated, Literal

from pydantic import Field

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

ACCURACY_M = 100.0
"""Accuracy in metres: the register has the gate, and the hazard is on the premises behind it; our assumption."""
_LEVELS: dict[str | None, tuple[Urgency, Severity]] = {
    "1": ("Immediate", "Extreme"),
    "2": ("Expected", "Severe"),
    "3": ("Expected", "Minor"),
}
_CERTAINTY: dict[str | None, Certainty] = {"1": "Observed", "2": "Observed", "3": "Likely", "4": "Possible"}
_STATUS: dict[str, Status] = {"0": "Actual", "1": "Exercise", "2": "Test"}


class Hazard(Message):
    """One hazard (隐患)."""

    YHBH: SourceId = Field(description="隐患编号: id of the hazard")
    YHDM: Annotated[str, Field(pattern=r"^AQ[0-9]{4}$")] = Field(description="隐患代码: class")
    ZYWG: ProfessionalGrid = Field(
        description="专业网格编码: 6 object + 6 county + 3 street + 3 community + 2 sequence, CJ/T 349"
    )
    QYBS: PersonReference | Blank | None = Field(
        default=None,
        description="企业标识: the enterprise's number in the register; sole traders are persons, so no identity number",
    )
    JD: Longitude | None = Field(default=None, description="经度: longitude of the enterprise, CGCS2000")
    WD: Latitude | None = Field(default=None, description="纬度: latitude of the enterprise, CGCS2000")
    FXSJ: SpacedTime | Blank | None = Field(default=None, description="发现时间: when it was found")
    SBSJ: SpacedTime = Field(description="上报时间: when it was reported")
    YHJB: Literal["1", "2", "3", ""] | None = Field(
        default=None, description="隐患级别: 1 major (重大), 2 larger (较大), 3 general (一般)"
    )
    YHLY: Literal["1", "2", "3", "4", ""] | None = Field(
        default=None, description="隐患来源: 1 inspection, 2 the enterprise's own check, 3 sensor, 4 tip-off"
    )
    YHMS: Text = Field(default="", description="隐患描述")
    DZ: Short = Field(default="", description="地址")
    JCRBS: PersonReference | Blank | None = Field(
        default=None, description="检查人标识: masked reference of the inspector"
    )
    ZP: Photos = Field(default_factory=list, description="照片: photos by reference")
    YLBZ: Literal["0", "1", "2"] = Field(default="0", description="演练标志: 0 actual, 1 exercise, 2 test")


def _draft(message: Hazard, zone: tzinfo) -> Draft:
    reported, doubt = instant(message.SBSJ, zone)
    found, doubt_too = (reported, None) if not message.FXSJ else instant(message.FXSJ, zone)
    urgency, severity = _LEVELS.get(message.YHJB, ("Unknown", "Unknown"))
    lon, lat = (None, None) if message.JD is None or message.WD is None else (message.JD, message.WD)
    extensions = doubtful(message.unknown(), doubt, doubt_too)
    if message.QYBS:
        extensions = {**extensions, "QYBS": message.QYBS}
    return Draft(
        source_id=message.YHBH,
        codes=(message.YHDM,),
        occurred_at=found,
        reported_at=reported,
        claim=Claim(
            network="work-safety",
            at=found,
            lon=lon,
            lat=lat,
            accuracy_m=None if lon is None else ACCURACY_M,
            community=whole_community(message.ZYWG),
            area=message.ZYWG,
        ),
        status=_STATUS[message.YLBZ],
        urgency=urgency,
        severity=severity,
        certainty=_CERTAINTY.get(message.YHLY, "Unknown"),
        description=message.YHMS or message.DZ or "",
        address=message.DZ or "",
        reporter=message.JCRBS or None,
        media=media(message.ZP) if message.ZP else (),
        extensions=extensions,
    )


NETWORK = Network(
    name="work-safety",
    title="Work safety",
    title_zh="安全生产",
    schema=Hazard,
    id_field="YHBH",
    draft=_draft,
    codes=pattern_of(Hazard, "YHDM"),
    grids=pattern_of(Hazard, "ZYWG"),
)
