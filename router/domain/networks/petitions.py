"""Petitions (信访): people's mail, visits and calls, columns in pinyin initials.

The place is a community and an address in free text, without a point. Times are wall times without separators. The class
has six digits; its parents are the first four and the first two. The column names, the digits of form and urgency and the
severity by number of petitioners are our assumption. A petition has no field for drills.
"""

from datetime import tzinfo
from typing import Annotated, Literal

from pydantic import Field

from router.domain.cells.registry import Claim
from router.domain.model.vocabulary import Severity, Urgency
from router.domain.networks.schema.fields import (
    Blank,
    CompactTime,
    Division,
    PersonReference,
    Short,
    SourceId,
    Text,
    Unread,
)
from router.domain.networks.schema.local_time import doubtful, instant
from router.domain.networks.schema.network import Draft, Message, Network
from router.domain.networks.schema.patterns import pattern_of

_URGENCIES: dict[str | None, Urgency] = {"1": "Immediate", "2": "Expected", "3": "Future"}
_CROWDS: tuple[tuple[int, Severity], ...] = ((30, "Severe"), (5, "Moderate"), (1, "Minor"))
"""Lowest number of petitioners, and its severity. Five are a group visit (集体访); the rest is our assumption."""


class Petition(Message):
    """One petition (信访件)."""

    xfjbh: SourceId = Field(description="信访件编号: id of the petition")
    nrfldm: Annotated[str, Field(pattern=r"^[0-9]{6}$")] = Field(description="内容分类代码: class")
    wtsddm: Division = Field(description="问题属地代码: community in which the problem is, 12 digits")
    djsj: CompactTime = Field(description="登记时间: when it was registered")
    wtfssj: CompactTime | Blank | None = Field(default=None, description="问题发生时间: when the problem came up")
    xfxs: Unread = Field(
        default=None, description="信访形式: 1 letter, 2 visit, 3 online, 4 telephone; the router does not read it"
    )
    xfrs: Annotated[str, Field(pattern=r"^[ \t]*([0-9]{1,6})?[ \t]*$")] | None = Field(
        default=None, description="信访人数: number of petitioners, as text"
    )
    jjcd: Literal["1", "2", "3", ""] | None = Field(
        default=None, description="紧急程度: 1 very urgent, 2 urgent, 3 ordinary"
    )
    wtdz: Short = Field(default="", description="问题地址: address in free text")
    gynr: Text = Field(default="", description="概要内容: what it is about")
    xfrbs: PersonReference | Blank | None = Field(
        default=None, description="信访人标识: masked reference of the first petitioner"
    )


def _draft(message: Petition, zone: tzinfo) -> Draft:
    reported, doubt = instant(message.djsj, zone)
    occurred, doubt_too = (reported, None) if not message.wtfssj else instant(message.wtfssj, zone)
    code, people = message.nrfldm, int((message.xfrs or "").strip() or 0)
    return Draft(
        source_id=message.xfjbh,
        codes=(code, code[:4], code[:2]),
        occurred_at=occurred,
        reported_at=reported,
        claim=Claim(network="petitions", at=occurred, community=message.wtsddm),
        urgency=_URGENCIES.get(message.jjcd, "Unknown"),
        severity=next((grade for least, grade in _CROWDS if people >= least), "Unknown"),
        description="; ".join(
            text for text in (message.gynr, message.wtdz) if text
        ),  # the text must say where, because there is no point
        address=message.wtdz or "",
        reporter=message.xfrbs or None,
        extensions=doubtful(message.unknown(), doubt, doubt_too),
    )


NETWORK = Network(
    name="petitions",
    title="Petitions",
    title_zh="信访",
    schema=Petition,
    id_field="xfjbh",
    draft=_draft,
    classes={"description": "personal", "address": "personal"},
    codes=rf"{pattern_of(Petition, 'nrfldm')}|[0-9]{{4}}|[0-9]{{2}}",
    grids=None,
)
