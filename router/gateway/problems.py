"""Every problem that the gateway answers with, as problem details (RFC 9457)."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from router.domain.model.rejection import REJECTION_CODES, Rejection

MEDIA_TYPE = "application/problem+json"
URN = "urn:grid-router:problem:"
"""Prefix of every `type`: a name, not an address."""
RETRY_AFTER_S = 5
"""When a request that found no room, no rules or no Kafka may succeed."""
REJECTED = 422
"""Status of a report that the router would reject."""


class ProblemKind(Struct, frozen=True):
    """What all problems of one code have in common."""

    status: int
    title: str
    send_again: bool = False
    """Whether the same request may succeed later, so that an app must keep its copy."""


PROBLEM_KINDS: Mapping[str, ProblemKind] = {
    "malformed": ProblemKind(400, "The request cannot be read."),
    "unauthorized": ProblemKind(401, "The request has no valid token."),
    "network-not-granted": ProblemKind(403, "The token is not for this network."),
    "area-not-granted": ProblemKind(403, "The token is not for the area of the report."),
    "department-not-granted": ProblemKind(403, "The token is not for this department."),
    "metrics-not-granted": ProblemKind(403, "The token is not for the metrics."),
    "not-found": ProblemKind(404, "There is nothing at this path."),
    "unknown-network": ProblemKind(404, "The city does not have this network."),
    "unknown-department": ProblemKind(404, "The city does not have this department."),
    "unknown-receipt": ProblemKind(404, "No gateway of the deployment has given this receipt."),
    "method-not-allowed": ProblemKind(405, "The path does not have this method."),
    "cursor-gone": ProblemKind(410, "The cursor does not belong to the topic as it is now."),
    "timeout": ProblemKind(408, "The body did not arrive in time.", send_again=True),
    "body-too-large": ProblemKind(413, "The body has more bytes than the gateway reads."),
    "batch-too-long": ProblemKind(413, "The batch has more reports than the gateway takes at once."),
    "unsupported-type": ProblemKind(415, "The media type or the coding of the body is not read here."),
    "other-task": ProblemKind(422, "The feedback is about another task than the path."),
    "too-many-requests": ProblemKind(429, "The token has sent or asked more than it may.", send_again=True),
    "defect": ProblemKind(500, "The router failed on the request; this is a defect of the router.", send_again=True),
    "kafka-away": ProblemKind(503, "Kafka does not answer, or has not acknowledged the record.", send_again=True),
    "buffer-full": ProblemKind(503, "Too much arrives, or waits for Kafka.", send_again=True),
    "not-ready": ProblemKind(503, "The gateway has not read the rules or the cases of the city yet.", send_again=True),
}
"""Every code of a problem beside the codes of rejections."""


class ProblemError(Exception):
    """A problem that ends a request, or the item of a batch.

    Args:
        code: of `PROBLEM_KINDS`, or of a rejection.
        detail: what is wrong, where, and what to do.
        field: of the report that is wrong, as the source spells it: `photos.0.url`.
        retry_after_s: when the request may succeed; None: unknown, or never.
    """

    def __init__(self, code: str, detail: str, *, field: str = "", retry_after_s: int | None = None) -> None:
        super().__init__(detail)
        self.code, self.detail, self.field, self.retry_after_s = code, detail, field, retry_after_s
        self.kind = PROBLEM_KINDS.get(code) or ProblemKind(REJECTED, REJECTION_CODES[code])  # type: ignore[index]

    @classmethod
    def of(cls, rejection: Rejection) -> "ProblemError":
        """The problem of a report that the router would reject, with the router's sentence."""
        return cls(rejection.code, rejection.reason, field=rejection.field)

    def details(self) -> dict[str, Any]:
        """The members of the answer. `errors` names the field with a JSON pointer, as an URI fragment (RFC 6901, 6)."""
        members: dict[str, Any] = {
            "type": URN + self.code,
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            "code": self.code,
            "send_again": self.kind.send_again,
        }
        if self.field:
            members["errors"] = [{"pointer": f"#/{self.field.replace('.', '/')}", "detail": self.detail}]
        return members

    def headers(self) -> dict[str, str]:
        """The header fields that the status needs beside the content type."""
        headers = {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}
        if self.kind.status == 401:
            headers["WWW-Authenticate"] = 'Bearer realm="grid-router"'
        return headers
