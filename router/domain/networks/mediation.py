"""Mediation (人民调解): disputes that a mediation committee accepts, columns in snake_case; parties are masked.

The place is the community of the committee, without a point. Times are wall times. The class is the type of the dispute,
two digits. The column names and the four colours of risk with their meaning are our assumption. A dispute has no field
for drills.
"""

from datetime import tzinfo
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from router.domain.cells.registry import Claim
from router.domain.model.vocabulary import Severity, Urgency
from router.domain.networks.schema.fields import Blank, Division, PersonReference, SourceId, SpacedTime, Text
from router.domain.networks.schema.local_time import doubtful, instant
from router.domain.networks.schema.network import Draft, Message, Network
from router.domain.networks.schema.patterns import pattern_of

_RISKS: dict[str | None, tuple[Urgency, Severity]] = {
    "red": ("Immediate", "Extreme"),
    "orange": ("Immediate", "Severe"),
    "yellow": ("Expected", "Moderate"),
    "blue": ("Future", "Minor"),
}


class Party(BaseModel):
    """A party of a dispute (当事人)."""

    model_config = ConfigDict(strict=True, frozen=True)

    role: Literal["applicant", "respondent", "third"]
    ref: PersonReference


class Dispute(Message):
    """One dispute (矛盾纠纷)."""

    dispute_no: SourceId = Field(description="纠纷编号: id of the dispute")
    dispute_type: Annotated[str, Field(pattern=r"^[0-9]{2}$")] = Field(description="纠纷类型")
    community_code: Division = Field(description="社区代码, 12 digits")
    happened_at: SpacedTime | Blank | None = Field(default=None, description="纠纷发生时间")
    accepted_at: SpacedTime = Field(description="受理时间: when the committee took it on")
    risk_level: Literal["red", "orange", "yellow", "blue", ""] | None = Field(default=None, description="风险等级")
    parties: Annotated[list[Party], Field(max_length=50)] | None = Field(
        default_factory=list, description="当事人: who is in dispute, masked"
    )
    summary: Text = Field(default="", description="纠纷简要情况")
    mediator_ref: PersonReference | Blank | None = Field(
        default=None, description="调解员标识: masked reference of the mediator"
    )


def _draft(message: Dispute, zone: tzinfo) -> Draft:
    reported, doubt = instant(message.accepted_at, zone)
    occurred, doubt_too = (reported, None) if not message.happened_at else instant(message.happened_at, zone)
    urgency, severity = _RISKS.get(message.risk_level, ("Unknown", "Unknown"))
    extensions = doubtful(message.unknown(), doubt, doubt_too)
    if message.parties:
        extensions = {**extensions, "parties": [{"role": one.role, "ref": one.ref} for one in message.parties]}
    return Draft(
        source_id=message.dispute_no,
        codes=(message.dispute_type,),
        occurred_at=occurred,
        reported_at=reported,
        claim=Claim(network="mediation", at=occurred, community=message.community_code),
        urgency=urgency,
        severity=severity,
        description=message.summary or "",
        reporter=message.mediator_ref or None,
        extensions=extensions,
    )


NETWORK = Network(
    name="mediation",
    title="Mediation",
    title_zh="人民调解",
    schema=Dispute,
    id_field="dispute_no",
    draft=_draft,
    classes={"description": "personal", "address": "personal"},
    codes=pattern_of(Dispute, "dispute_type"),
    grids=None,
)
