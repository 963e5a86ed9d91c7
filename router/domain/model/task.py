"""The task: what one department is asked to do about one case."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from router.domain.model.vocabulary import Role, Severity, Status, Urgency

TaskState = Literal["dispatched", "updated", "withdrawn"]
"""A task is dispatched once. It is updated when the department must know more, and withdrawn when a correction leads elsewhere."""


class Task(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What one department is asked to do about one case: the record on `tasks.<department>`."""

    id: str
    case: str
    department: str
    role: Role
    matter: str
    cell: str
    rule: str
    catalogue: str
    reason: str
    dispatched_at: datetime
    due_at: datetime | None
    state: TaskState = "dispatched"
    updated_at: datetime | None = None
    """When the task was updated or withdrawn."""
    revision: int = 0
    """Revision of the case from which this record was made. Release 0.1.0 counted the versions of the case's reports instead, and
    wrote it in updates and withdrawals only."""
    partition_key: str = ""
    """The case's partition key. An answer to the task that has this key reaches the partition that owns the case."""
    unit: str | None = None
    workflow: str | None = None
    lon: float | None = None
    lat: float | None = None
    status: Status = "Actual"
    urgency: Urgency = "Unknown"
    severity: Severity = "Unknown"
    description: str = ""
