"""Policing: 110 alarms (接警单) as a command centre's database writes them, columns in pinyin initials.

Points are in GCJ-02, the system of Chinese maps. Times are wall times without separators. The class has three levels
(报警类别, 报警类型, 报警细类); the prefix of a code is its parent. The names and digits are our assumption: they follow
such systems, because the official tables (GA/T) were not available.
"""

from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import Field

from router.domain.cells.registry import Claim
from router.domain.model.vocabulary import Severity, Status, Urgency
from router.domain.networks.schema.fields import (
    Blank,
    CompactTime,
    Division,
    Latitude,
    Longitude,
    PersonReference,
    Short,
    SourceId,
    Text,
)
from router.domain.networks.schema.local_time import doubtful, instant
from router.domain.networks.schema.network import Draft, Message, Network
from router.domain.networks.schema.patterns import pattern_of

ACCURACY_M = 30.0
"""Accuracy in metres of a point that the operator marks on the map, unless the alarm gives one; our assumption."""

_LEVELS: dict[str | None, tuple[Urgency, Severity]] = {
    "1": ("Immediate", "Extreme"),
    "2": ("Immediate", "Severe"),
    "3": ("Expected", "Moderate"),
    "4": ("Expected", "Minor"),
}
_STATUS: dict[str, Status] = {"0": "Actual", "1": "Exercise", "2": "Test"}


class Alarm(Message):
    """One alarm as the operator recorded it (接警单)."""

    jjdbh: SourceId = Field(description="接警单编号: id of the alarm")
    jjdwdm: Division | Blank | None = Field(default=None, description="接警单位代码: unit that took it, 12 digits")
    gxdwdm: Division | Blank | None = Field(
        default=None, description="管辖单位代码: unit whose area it is, 12 digits, the first 9 of them the street"
    )
    bjlbdm: Annotated[str, Field(pattern=r"^[0-9]{2}$")] | Blank | None = Field(
        default=None, description="报警类别代码: class"
    )
    bjlxdm: Annotated[str, Field(pattern=r"^[0-9]{2}([0-9]{2})?$")] = Field(description="报警类型代码: type")
    bjxldm: Annotated[str, Field(pattern=r"^[0-9]{6}$")] | Blank | None = Field(
        default=None, description="报警细类代码: subtype"
    )
    bjsj: CompactTime = Field(description="报警时间: when it was called in")
    sfsj: CompactTime | Blank | None = Field(default=None, description="事发时间: when it happened")
    jd: Longitude | None = Field(default=None, description="经度: longitude, GCJ-02")
    wd: Latitude | None = Field(default=None, description="纬度: latitude, GCJ-02")
    dwjd: Annotated[float, Field(gt=0, le=100_000)] | None = Field(default=None, description="定位精度: metres")
    sfdz: Short = Field(default="", description="事发地址: address")
    bjnr: Text = Field(default="", description="报警内容: what was said")
    bjrbs: PersonReference | Blank | None = Field(
        default=None, description="报警人标识: masked reference of the caller"
    )
    jqdj: Literal["1", "2", "3", "4", ""] | None = Field(default=None, description="警情等级: 1 gravest")
    csbz: Literal["0", "1", "2"] = Field(default="0", description="测试标志: 0 actual, 1 exercise, 2 test")


def _draft(message: Alarm, zone: tzinfo) -> Draft:
    reported, doubt = instant(message.bjsj, zone)
    occurred, doubt_too = (reported, None) if not message.sfsj else instant(message.sfsj, zone)
    urgency, severity = _LEVELS.get(message.jqdj, ("Unknown", "Unknown"))
    unit = message.gxdwdm or message.jjdwdm or None
    return Draft(
        source_id=message.jjdbh,
        codes=_codes(message.bjxldm or "", message.bjlxdm, message.bjlbdm or ""),
        occurred_at=occurred,
        reported_at=reported,
        claim=_claim(message, occurred, unit),
        status=_STATUS[message.csbz],
        urgency=urgency,
        severity=severity,
        description=message.bjnr or message.sfdz or "",
        address=message.sfdz or "",
        reporter=message.bjrbs or None,
        extensions=doubtful(message.unknown(), doubt, doubt_too),
    )


def _claim(message: Alarm, at: datetime, unit: str | None) -> Claim:
    lon = lat = accuracy = None
    if message.jd is not None and message.wd is not None:
        lon, lat = message.jd, message.wd
        accuracy = message.dwjd or ACCURACY_M
    return Claim(
        network="policing",
        at=at,
        lon=lon,
        lat=lat,
        gcj02=lon is not None,
        accuracy_m=accuracy,
        community=unit,
        area=unit,
    )


@lru_cache(maxsize=1 << 12)
def _codes(subtype: str, kind: str, category: str) -> tuple[str, ...]:
    """The class codes, most specific first; parents are prefixes."""
    given = (subtype, kind, category)
    most = next(code for code in given if code)
    return tuple(dict.fromkeys(code for code in (most, most[:4], kind, most[:2], category) if code))


NETWORK = Network(
    name="policing",
    title="Policing, 110 alarms",
    title_zh="公安接处警",
    schema=Alarm,
    id_field="jjdbh",
    draft=_draft,
    classes={"description": "personal", "media": "personal"},
    datum="gcj02",
    codes="|".join(pattern_of(Alarm, field) for field in ("bjxldm", "bjlxdm", "bjlbdm")),
    grids=pattern_of(Alarm, "gxdwdm"),
)
