"""Litigation services (诉讼服务): matters at a court's service centre that a street can help with, in camelCase.

The id is the court's case number (案号) in ASCII: `(2026)豫0902诉前调123号` is `2026-Y0902-SQT-123`. The place is the
community of the defendant's address, without a point. Times have a zone. The field names, the Latin form of case numbers
and the two priorities are our assumption. A court case has no field for drills.
"""

from datetime import tzinfo
from typing import Annotated, Literal

from pydantic import Field

from router.domain.cells.registry import Claim
from router.domain.model.vocabulary import Urgency
from router.domain.networks.schema.fields import Blank, Division, PersonReference, Text, ZonedTime
from router.domain.networks.schema.network import Draft, Message, Network
from router.domain.networks.schema.patterns import pattern_of

_URGENCIES: dict[str | None, Urgency] = {"urgent": "Immediate", "ordinary": "Expected"}


class Service(Message):
    """One matter of the service centre (诉讼服务事项)."""

    caseNo: Annotated[str, Field(pattern=r"^[12][0-9]{3}-[0-9A-Z]{1,12}-[A-Z]{1,12}-[0-9]{1,9}(-[0-9]{1,3})?$")] = (  # noqa: N815 - the source's spelling
        Field(description="案号: year-court-kind-number, a part of a case behind a further hyphen")
    )
    serviceCode: Annotated[str, Field(pattern=r"^[0-9]{4}$")] = Field(description="服务事项编码")  # noqa: N815
    defendantCommunity: Division = Field(  # noqa: N815
        description="被告住所地社区代码: community of the defendant's address, 12 digits"
    )
    arisenAt: ZonedTime | Blank | None = Field(default=None, description="纠纷发生时间")  # noqa: N815
    filedAt: ZonedTime = Field(description="登记时间")  # noqa: N815
    priority: Literal["urgent", "ordinary", ""] | None = Field(
        default=None, description="优先级: urgent, e.g. preservation before the trial (诉前保全)"
    )
    plaintiffRef: PersonReference | Blank | None = Field(  # noqa: N815
        default=None, description="原告标识: masked reference of the plaintiff"
    )
    defendantRef: PersonReference | Blank | None = Field(  # noqa: N815
        default=None, description="被告标识: masked reference of the defendant"
    )
    summary: Text = Field(default="", description="案情摘要")


def _draft(message: Service, zone: tzinfo) -> Draft:  # noqa: ARG001 - its times have a zone
    occurred = message.arisenAt or message.filedAt
    extensions = message.unknown()
    if message.defendantRef:
        extensions = {**extensions, "defendantRef": message.defendantRef}
    return Draft(
        source_id=message.caseNo,
        codes=(message.serviceCode,),
        occurred_at=occurred,
        reported_at=message.filedAt,
        claim=Claim(network="litigation-services", at=occurred, community=message.defendantCommunity),
        urgency=_URGENCIES.get(message.priority, "Unknown"),
        description=message.summary or "",
        reporter=message.plaintiffRef or None,
        extensions=extensions,
    )


NETWORK = Network(
    name="litigation-services",
    title="Litigation services",
    title_zh="诉讼服务",
    schema=Service,
    id_field="caseNo",
    draft=_draft,
    classes={"description": "personal", "address": "personal"},
    codes=pattern_of(Service, "serviceCode"),
    grids=None,
)
