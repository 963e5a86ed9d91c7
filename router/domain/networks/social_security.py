"""Social security and civil affairs (社会保障, 民政): needs of people, without coordinates.

The place is a community of 12 digits. A message names a person only by a masked reference; the router rejects one with an
identity or phone number instead. The field names are our assumption.
"""

from datetime import tzinfo
from typing import Annotated, Literal

from pydantic import Field

from router.domain.cells.registry import Claim
from router.domain.model.vocabulary import Severity, Status, Urgency
from router.domain.networks.schema.fields import (
    Blank,
    Division,
    PersonReference,
    SourceId,
    SpacedTime,
    Text,
)
from router.domain.networks.schema.local_time import doubtful, instant
from router.domain.networks.schema.network import Draft, Message, Network
from router.domain.networks.schema.patterns import pattern_of

_LEVELS: dict[str | None, tuple[Urgency, Severity]] = {
    "urgent": ("Immediate", "Severe"),
    "soon": ("Expected", "Moderate"),
    "ordinary": ("Future", "Minor"),
}


class Need(Message):
    """One registered need (诉求)."""

    id: SourceId
    matterCode: Annotated[str, Field(pattern=r"^[0-9A-Z]{2,16}$")] = Field(description="事项编码")  # noqa: N815 - the source's spelling
    communityCode: Division = Field(description="社区代码, 12 digits")  # noqa: N815
    reportedAt: SpacedTime = Field(description="登记时间")  # noqa: N815
    occurredAt: SpacedTime | Blank | None = None  # noqa: N815
    personRef: PersonReference | Blank | None = Field(default=None, description="人员标识(脱敏)")  # noqa: N815
    reporterRef: PersonReference | Blank | None = Field(  # noqa: N815
        default=None, description="masked reference of who registered it"
    )
    level: Literal["urgent", "soon", "ordinary", ""] | None = Field(default=None, description="紧急程度")
    content: Text = ""
    status: Status = "Actual"


def _draft(message: Need, zone: tzinfo) -> Draft:
    reported, doubt = instant(message.reportedAt, zone)
    occurred, doubt_too = (reported, None) if not message.occurredAt else instant(message.occurredAt, zone)
    urgency, severity = _LEVELS.get(message.level, ("Unknown", "Unknown"))
    extensions = doubtful(message.unknown(), doubt, doubt_too)
    if message.personRef:
        extensions = {**extensions, "personRef": message.personRef}
    return Draft(
        source_id=message.id,
        codes=(message.matterCode,),
        occurred_at=occurred,
        reported_at=reported,
        claim=Claim(
            network="social-security",
            at=occurred,
            lon=None,
            lat=None,
            accuracy_m=None,
            cell=None,
            community=message.communityCode,
            area=message.communityCode,
        ),
        status=message.status,
        urgency=urgency,
        severity=severity,
        description=message.content or "",
        reporter=message.reporterRef or None,
        extensions=extensions,
    )


NETWORK = Network(
    name="social-security",
    title="Social security and civil affairs",
    title_zh="社会保障与民政",
    schema=Need,
    id_field="id",
    draft=_draft,
    classes={"description": "special", "address": "special", "media": "special"},
    codes=pattern_of(Need, "matterCode"),
    grids=pattern_of(Need, "communityCode"),
)
