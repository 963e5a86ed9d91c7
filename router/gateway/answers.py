"""The bodies of answers, as OpenAPI shows them."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from router.domain.explanation.progress import ReceiptStage
from router.domain.model.feedback import FeedbackKind
from router.domain.model.vocabulary import Role
from router.gateway.problems import URN


class _Answer(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)


class Receipt(_Answer):
    """Kafka has the report, on all replicas in sync."""

    network: str
    id: str
    """The report's own id, or the one that was made from the idempotency key."""
    received_at: datetime
    """The received time: by it the router chooses the rules."""
    topic: str
    partition: int
    offset: int
    """Topic, partition and offset identify the record. A rejection on `rejections.<network>` names them."""
    receipt_token: str | None = None
    """`GET /v1/receipts/{token}` says by it how far the case of the report is. Absent if the gateway has no keys for receipts."""


class Words(_Answer):
    """The same in both languages."""

    en: str
    zh: str


class ReceiptDepartment(_Answer):
    """A department that has a task of the case."""

    department: str
    role: Role
    name: Words


class ReportProgress(_Answer):
    """How far the case of a report is, without personal data."""

    stage: ReceiptStage
    """`received`: no case has it yet. `rejected`: the router could not process it. `unknown`: nothing is known of it any more, or yet. The others
    are states of its case."""
    said: Words
    """All of it in plain words."""
    received_at: datetime
    """When the gateway received the report, to the second."""
    rejected: str | None = None
    """Code by which this version of the report was rejected after it had been received."""
    reports: int | None = None
    """Reports of the case; without a case this and the following are absent."""
    departments: list[ReceiptDepartment] | None = None
    """Who has a task now; of a closed case, who handled it."""
    changed_at: datetime | None = None
    """When the case changed last."""
    due_at: datetime | None = None
    """By when the department that answers for the case has to be done."""
    closed_at: datetime | None = None


class WrongField(_Answer):
    """A field of the report that is wrong."""

    pointer: str
    """JSON pointer as a URI fragment (RFC 6901)."""
    detail: str


class ProblemDetails(_Answer):
    """Why the report was not taken (RFC 9457)."""

    type: str = Field(examples=[f"{URN}bad-time"])
    title: str
    status: int
    detail: str
    """What is wrong, where, and what to do."""
    code: str
    """For programs; a rejection code of the router, or a code of the gateway."""
    send_again: bool
    """Whether the same report may be taken later: keep it and send it again."""
    errors: list[WrongField] | None = None


class StoredFeedback(_Answer):
    """Kafka has the feedback, on all replicas in sync. Whether it changes something, the router decides."""

    id: str
    """The sender's own id."""
    kind: FeedbackKind
    task: str
    received_at: datetime
    topic: str
    partition: int
    offset: int
    """Topic, partition and offset identify the record. A rejection names them."""


class BatchResult(_Answer):
    """What became of one report of a batch."""

    index: int
    """Its place in the batch, from 0."""
    outcome: Literal["accepted", "rejected", "unavailable"]
    """`unavailable`: keep it and send it again."""
    receipt: Receipt | None = None
    problem: ProblemDetails | None = None


class BatchAnswer(_Answer):
    """One result for each report, in the order of the batch."""

    results: list[BatchResult]
