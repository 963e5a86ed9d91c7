"""The escalation: what a department or an authority hears of a task's limit, before and after it ends."""

from typing import Literal

from msgspec import Struct

from router.domain.model.report import Instant
from router.domain.model.transition import TaskStage
from router.domain.model.vocabulary import Role, Severity, Status, Urgency

EscalationKind = Literal["reminder", "escalation", "cleared"]
"""The department is reminded before its limit ends (催办); an authority hears that it has ended (升级上报); who heard of that hears that
it is settled (解除)."""
Settled = Literal["in-time", "late", "more-time"]
"""The task was done or left its department before its limit ended, or after; or its limit ends later now, or is paused."""


class Escalation(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What a department or an authority hears of a task's limit: the record on `grid.escalations`."""

    id: str
    """`<task>/<round>/<step>`; of a milestone `<task>/<round>/<milestone>/<step>`, and of the limit of a stage `<task>/<round>/<stage>/<step>`. With `/cleared`
    at its end when it is settled: unique."""
    kind: EscalationKind
    case: str
    task: str
    department: str
    """Who has the task. It is the one that a reminder is for."""
    role: Role
    ladder: str
    """Id of the ladder in escalations.yaml."""
    step: str
    """The reminder or the rung of it: `before-<limit>`, or the id of the authority."""
    round: int
    """Counts how often the ladder has started again for this task, from 0."""
    at: Instant
    """When it came due by the task's budget; of what is settled, when that took effect."""
    sent_at: Instant
    """When the router sent it: the tick, or when the feedback or correction that settled it was received."""
    due_at: Instant | None
    """When the limit ends: the department's, or that of the stage at which it waits. Absent while the task's time is paused."""
    stage: TaskStage
    reason: str
    """One sentence for people."""
    matter: str
    cell: str = ""
    rule_set: str = ""
    """Version of the rule set whose ladder and calendar decided."""
    partition_key: str = ""
    """Of the case: an answer with this key reaches its partition."""
    authority: str | None = None
    """Who hears of it; absent for a reminder."""
    area: str | None = None
    """Digits of the case's cell that say which of the authorities, e.g. of a town; absent if there is one for the whole city."""
    unit: str | None = None
    """Unit of the department."""
    late: bool = False
    """It came due during an outage or a backlog, and was sent more than five minutes later."""
    waiting: TaskStage | None = None
    """The stage at which the department waits, whose limit it is: an inspector or a supervisor must act, and a reminder is for these. Absent: the limit
    is the department's own."""
    settled: Settled | None = None
    """How, of what is settled."""
    milestone: str | None = None
    """Of which milestone of the task the limit is that `due_at` ends; absent: of all of it."""
    due_provisional: bool = False
    """`due_at` reaches into a year whose calendar was not published, and may move when it is."""
    status: Status = "Actual"
    urgency: Urgency = "Unknown"
    severity: Severity = "Unknown"
