"""The message on `feedback.<department>` and `feedback.supervision`: its schema, as departments and supervision write it.

A field that the schema does not name is an error: a misspelt `evidence` must not get lost. The department is not in it, because
the topic says who sends. Docs: docs/how-to/answer-tasks.md.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from router.domain.calendar.limits import LIMIT_PATTERN
from router.domain.model.feedback import WITH_DEPARTMENT, WITH_LIMIT, WITH_REASON, DepartmentKind, SupervisionKind
from router.domain.networks.schema.fields import PersonReference, Photo, SourceId, ZonedTime

TASK_PATTERN = r"^[!-~]{1,128}$"
CELL_PATTERN = r"^[0-9]{15}$"
RECEIVER_PATTERN = r"^[0-9a-z-]{1,48}$"
LONGEST_REASON, MOST_EVIDENCE = 500, 5
"""Characters of a reason, files of evidence."""


class FeedbackEvidence(Photo):
    """A photo or file by reference (Claim Check, EIP): never its bytes."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class FeedbackMessage(BaseModel):
    """What a department or supervision says about one task (反馈)."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    id: SourceId
    """The sender's own id of this feedback, 1 to 64 printable ASCII characters. Sent again under it, it changes nothing."""
    task: Annotated[str, Field(pattern=TASK_PATTERN)]
    """Field `id` of the task."""
    partition_key: Annotated[str, Field(pattern=CELL_PATTERN)]
    """Field `partition_key` of the task, 15 digits."""
    kind: Literal[DepartmentKind, SupervisionKind]
    """What is said. A department says it about its own tasks, supervision about any. docs/reference/feedback.md has what each kind
    means, who may say it when, and which needs a reason."""
    actor: PersonReference
    """Who did it: a masked reference, never a name or a number."""
    occurred_at: ZonedTime
    """When it happened, RFC 3339 with zone; at most 30 days before Kafka's time of the record."""
    reason: Annotated[str, Field(max_length=LONGEST_REASON)] = ""
    """Why, in the sender's words."""
    department: Annotated[str, Field(pattern=RECEIVER_PATTERN)] | None = None
    """Of `return`: whose the task is, if known. Of `reroute` and `transfer`: who gets it; of `ask-support`: who shall help. They need it."""
    unit: Annotated[str, Field(pattern=RECEIVER_PATTERN)] | None = None
    """Unit of that department."""
    limit: Annotated[str, Field(pattern=f"^({LIMIT_PATTERN})$")] | None = None
    """Of `ask-extension` and `silence`, which need it, and of `grant-extension`: how much time, e.g. `24h`, or `2wd` for working days."""
    milestone: Annotated[str, Field(pattern=RECEIVER_PATTERN)] | None = None
    """Of `progress`: the milestone of the task that is done, and with it those before it."""
    evidence: Annotated[list[FeedbackEvidence], Field(max_length=MOST_EVIDENCE)] = []
    """Photos and files of what was done."""


def missing_field(message: FeedbackMessage) -> str | None:
    """What JSON Schema does not say: which field the kind needs and the message does not have, and what to do. None: it has all."""
    if message.kind in WITH_REASON and not message.reason.strip():
        return _missing(message, "reason", "say why")
    if message.kind in WITH_DEPARTMENT and message.department is None:
        return _missing(message, "department", "name the department that gets a task")
    if message.kind in WITH_LIMIT and message.limit is None:
        return _missing(message, "limit", "say how much time, e.g. 24h")
    return None


def _missing(message: FeedbackMessage, field: str, what: str) -> str:
    return f"field `{field}`: missing, and `{message.kind}` needs it; {what}"
