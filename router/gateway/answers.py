"""The bodies of answers, as OpenAPI shows them."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

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
